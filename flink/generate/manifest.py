"""What a job that fills a lake tells whoever reads its topics: beside job.sql, and kept by the lake."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dataflow.errors import ConfigError
from dataflow.pipeline.plan import Plan
from flink.generate.generated import SinkTable
from flink.generate.options import Form, Options

NAME = "handover.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class JobManifest:
    """A job from which a lake is filled.

    `job`: what its topics begin with, which no other job's do. `pins`: per source partition as the lake calls it the
    offset from which the job counts, `starts`: from which it reads. `topics`: table and topic. `fingerprint`: of the
    pipeline as the job has it.
    """

    job: str
    pipeline: str
    fingerprint: str
    form: Form
    brokers: str
    topic: str
    pins: Mapping[str, int]
    starts: Mapping[str, int]
    events: bool
    topics: Mapping[str, str]

    @property
    def text(self) -> str:
        """As JSON, which `read_manifest` reads."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=2) + "\n"


def manifest_of(plan: Plan, given: Options, tables: Sequence[SinkTable]) -> JobManifest:
    """The manifest of a job for a lake."""
    assert given.handover is not None, "only a job for a lake has one"
    (topic,) = given.topics
    return JobManifest(
        job=given.sink_prefix or plan.name,
        pipeline=plan.name,
        fingerprint=plan.fingerprint,
        form=given.form,
        brokers=given.brokers,
        topic=topic,
        pins=_by_name(topic, given.handover.pins),
        starts=_by_name(topic, given.start if isinstance(given.start, Mapping) else {}),
        events=given.handover.events,
        topics={table.name: table.topic for table in tables if table.topic is not None},
    )


def _by_name(topic: str, offsets: Mapping[int, int]) -> dict[str, int]:
    return {f"{topic}/{number}": offset for number, offset in sorted(offsets.items())}


def read_manifest(where: str, text: str) -> JobManifest:
    """From its text. Raises ConfigError, which names `where`, for anything else."""
    try:
        told: dict[str, Any] = json.loads(text)
        if told.pop("version") != VERSION:
            raise ConfigError("--job", where, "another version of Tidemill made it; generate the job again")
        return JobManifest(**told)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigError("--job", where, f"this is no {NAME} of a generated job; generate the job again") from None
