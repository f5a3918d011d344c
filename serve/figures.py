"""What the server tells Prometheus of itself, with its names, in a registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """The figures of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tidemill_serve_requests", "Requests by route and status", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "tidemill_serve_request_seconds",
            "Time from a request's head to the last byte of its answer, streams left out",
            ["route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
            registry=self.registry,
        )
        self.viewers = Gauge("tidemill_serve_viewers", "Open change feeds", registry=self.registry)
        self.panels = Gauge("tidemill_serve_panels", "Distinct panels that are watched", registry=self.registry)
        self.panel_seconds = Histogram(
            "tidemill_serve_panel_seconds",
            "Time to compute a panel at a commit",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self.registry,
        )
        self.delivery_seconds = Histogram(
            "tidemill_serve_delivery_seconds",
            "Time from a commit to the moment its panels are handed to a viewer's connection",
            buckets=(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10),
            registry=self.registry,
        )
        self.snapshot = Gauge("tidemill_serve_snapshot_id", "The newest snapshot that was seen", registry=self.registry)
        self.kept_bytes = Gauge(
            "tidemill_serve_kept_bytes", "Memory of the windows of rollups that are kept", registry=self.registry
        )
        self.kept_rows = Gauge(
            "tidemill_serve_kept_rows", "Rows of rollups that are kept in memory", registry=self.registry
        )
        self.running = Gauge("tidemill_serve_running", "Questions at work or waiting", ["lane"], registry=self.registry)

    def page(self) -> bytes:
        """All figures in Prometheus' text form."""
        return generate_latest(self.registry)
