"""The port of a run: /metrics for Prometheus, and /healthz for whatever starts it anew when it is not well."""

from collections.abc import Callable
from dataclasses import dataclass

from dataflow.errors import ConfigError

HEALTH, METRICS = "/healthz", "/metrics"


@dataclass(slots=True)
class Health:
    """What is known of a run's health: `stalled_s` is above 0 while records wait and nothing is committed."""

    stalled_s: Callable[[], float] = lambda: 0.0

    def look(self) -> tuple[bool, dict[str, object]]:
        """Whether it is well, and the document that says so."""
        stalled_s = round(self.stalled_s(), 1)
        return stalled_s <= 0, {"status": "stalled" if stalled_s > 0 else "ok", "stalled_s": stalled_s}


def serve(host: str, port: int, health: Health) -> Callable[[], None]:
    """Answer at http://host:port in threads of its own; gives what ends it. Port 0 answers nothing.

    Raises ConfigError where the port is taken, or the host is none of this machine's.
    """
    if not port:
        return lambda: None
    # libraries that most runs go without
    from runtime.endpoint_server import begin

    try:
        return begin(host, port, health.look)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        key, value, fix = "metrics_port", str(port), "choose another port, or 0 for none"
        if not isinstance(error, PermissionError | OverflowError) and "in use" not in why:
            key, value, fix = "metrics_host", host, "name an address of this machine, or 0.0.0.0 for all"
        raise ConfigError(key, value, f"cannot listen on {host}:{port} ({why}); {fix}") from error
