"""What is asked of a generated job beside the pipeline: what it reads, and from where to where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["batch", "stream"]


@dataclass(frozen=True, slots=True)
class Options:
    """Options of `spark.generate.generate`.

    `form`: `batch` reads once and writes each table whole, `stream` goes on in micro-batches and adds to its tables.

    `start` and `end` per partition number pin what is read, [start, end), of one topic; without `end`, a batch ends at
    what is the end when it starts. `per_batch`: how many records a micro-batch has at most. `kafka`: more properties
    of Kafka's clients. `rollups`: only these; None is all.
    """

    brokers: str = "127.0.0.1:9092"
    topics: tuple[str, ...] = ("ad-events",)
    start: Mapping[int, int] | None = None
    end: Mapping[int, int] | None = None
    form: Form = "batch"
    per_batch: int = 100_000
    rollups: tuple[str, ...] | None = None
    kafka: Mapping[str, str] = field(default_factory=dict)
