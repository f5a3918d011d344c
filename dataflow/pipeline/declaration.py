"""A pipeline as its user declares it: event model, tolerances, dimensions, rollups, alert rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from dataflow.aggregates import Aggregate
from dataflow.durations import Duration
from dataflow.formats.declared import Format, json
from dataflow.pipeline.alert_rules import Threshold
from dataflow.pipeline.pair_rules import Pair
from dataflow.pipeline.targets import Kafka, Webhook
from dataflow.windows import Window


@dataclass(frozen=True, slots=True)
class Dimension:
    """A small CSV table (header line, UTF-8) whose columns are added to each event by `key`.

    `path` is relative to the pipeline file. `columns`: name to str, int, Money, bool, float or date.
    An unknown key gives nulls, or with `unknown="dead_letter"` a dead letter `unknown_dimension`.
    """

    name: str
    path: str
    key: str
    columns: Mapping[str, object]
    unknown: Literal["null", "dead_letter"] = "null"


@dataclass(frozen=True, slots=True)
class Rollup:
    """A named windowed aggregation: table `<name>_delta` and view `<name>`.

    `keep`: how far back in event time its windows stay; None is for ever. `emit`: the topic, or topics, that its rows
    are written to.
    """

    name: str
    keys: Sequence[str]
    window: Window
    aggregates: Mapping[str, Aggregate]
    where: str | None = None
    allowed_lateness: Duration | None = None
    keep: Duration | None = None
    emit: Kafka | Sequence[Kafka] | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The whole definition. Construction never fails; `make_plan` checks it and reports every mistake.

    `max_future_clock`: what time `max_future` counts from where a record has no timestamp, as RFC 3339.

    `format`: in which form records are, `json()`, `avro(...)` or `protobuf(...)`. `key_format`: the same of their
    keys, which are text where nothing is said.

    `events_keep`, `late_events_keep`, `dead_letters_keep`: how far back in event time these tables reach; None is all.

    `alerts`: rules, of which those without `on` are rollups as well. `alerts_to`: topics and webhooks that each
    change of an alert is sent to.
    """

    name: str
    event: type[BaseModel]
    rollups: Sequence[Rollup]
    out_of_orderness: Duration = "0s"
    allowed_lateness: Duration = "0s"
    idle_timeout: Duration = "30s"
    max_future: Duration | None = None
    max_future_clock: str | None = None
    deduplicate_by: str | None = None
    deduplicate_within: Duration | None = None
    max_record_bytes: int | None = None
    dimensions: Sequence[Dimension] = field(default_factory=tuple)
    events_keep: Duration | None = None
    late_events_keep: Duration | None = None
    dead_letters_keep: Duration | None = None
    format: Format = field(default_factory=json)
    key_format: Format | None = None
    alerts: Sequence[Threshold | Pair] = field(default_factory=tuple)
    alerts_to: Sequence[Kafka | Webhook] = field(default_factory=tuple)
