"""What is asked of a generated job beside the pipeline: where it reads and writes, how, and from where to where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["upsert", "final"]
SinkKind = Literal["upsert-kafka", "kafka", "parquet"]

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Handover:
    """Where a lake stands from which a job takes over, per partition number of the one topic.

    `pins`: from which offset records count; the job may read earlier ones, to remember their ids. `floors`: the
    watermark there, in ms; one without a valid event has none. `snapshot`: the lake's newest. `events`: whether it
    keeps accepted rows.
    """

    pins: Mapping[int, int]
    floors: Mapping[int, int]
    snapshot: int = 0
    events: bool = False


JAR = "/opt/flink/usrlib/tidemill-contract.jar"
"""Where the image that is generated has the functions' jar."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of `flink.generate.generate`.

    `form`: `upsert` corrects a window's row whenever rows come (exact with idle partitions), `final` writes it once.
    `sink`: where rollups go; None is what fits the form, upsert-kafka or kafka. Late events and dead letters go where
    a Kafka sink goes; with parquet below `sink_path`, a folder or an address of one. Topics of sinks are named
    `sink_prefix` + "." + table; None is the pipeline's name.

    `start` and `end` per partition number pin what is read, [start, end), of one topic; `bounded` without `end` ends at
    what is the end when the job starts. `kafka`: more properties of Kafka's clients.

    `jar`: the path of the functions' jar as the cluster sees it; None where it lies in Flink's own lib folder.
    `handover`: the job fills a lake: it begins where that one stands, and its topics are for `tidemill flink ingest`.

    `checkpoints`: a folder or an address; None leaves it to the cluster. `state_ttl_ms`: for how long beyond its size,
    bound and lateness a window's state stays without a row, in an unbounded upsert job. `rollups`: only these; None is
    all. `alerts`: the rules whose alerts the job tells, too. `registry`: the address of the schema registry as the
    cluster sees it, where records need one.
    """

    brokers: str = "127.0.0.1:9092"
    topics: tuple[str, ...] = ("ad-events",)
    group: str = "tidemill-flink"
    start: Mapping[int, int] | Literal["earliest", "latest"] = "earliest"
    end: Mapping[int, int] | None = None
    bounded: bool = False
    form: Form = "upsert"
    sink: SinkKind | None = None
    sink_prefix: str | None = None
    sink_path: str | None = None
    transaction_timeout_ms: int = 900_000
    checkpoints: str | None = None
    checkpoint_interval_ms: int = 10_000
    parallelism: int = 1
    jar: str | None = None
    state_ttl_ms: int = 2 * DAY_MS
    rollups: tuple[str, ...] | None = None
    kafka: Mapping[str, str] = field(default_factory=dict)
    handover: Handover | None = None
    registry: str | None = None
    alerts: tuple[str, ...] = ()

    @property
    def is_bounded(self) -> bool:
        """Whether the job ends by itself."""
        return self.bounded or self.end is not None

    @property
    def sink_kind(self) -> SinkKind:
        """Where rollups go."""
        if self.handover is not None:
            return self.sink or "kafka"
        return self.sink or ("upsert-kafka" if self.form == "upsert" else "kafka")
