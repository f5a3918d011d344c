"""What a lake remembers of its pipeline, and which changes of the pipeline it can follow."""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from dataflow.errors import LakeError
from dataflow.rules import Joined, Rules
from sinks.lake.tables import definition_v1

# The tables of kinds are imported by what asks of a kind, and msgspec by who writes: who reads a definition only for
# its names starts without.
if TYPE_CHECKING:
    from dataflow.aggregates.kinds import AggregateKind
    from dataflow.pipeline.plan import Plan
    from dataflow.windows import Window

VERSION = 2
"""Of the form in which a definition is stored. Version 1 kept windows and aggregates as texts; it is still read."""

_WAY_OUT = (
    "restore the old definition, give the changed rollup or rule a new name, or start a new lake in another folder"
)


class AggregateDefinition(NamedTuple):
    """One aggregate. `type`: of its column, as Arrow writes it."""

    name: str
    kind: str
    column: str | None = None
    type: str | None = None
    where: str | None = None
    q: float | None = None

    @property
    def known(self) -> "AggregateKind":
        """All that is known of its kind."""
        from dataflow.aggregates.kinds import KINDS

        return KINDS[self.kind]

    def __str__(self) -> str:
        """For people: what is computed of which column."""
        parts = [self.column or "*"]
        if self.q is not None:
            parts.append(f"q={self.q!r}")
        if self.where is not None:
            parts.append(f"where {self.where}")
        return f"{self.kind}({', '.join(parts)})" + ("" if self.type is None else f" over {self.type}")


class WindowDefinition(NamedTuple):
    """A window, by the fields of `dataflow.windows.Window`. `zone_rules`: a digest of what the zone's clock does."""

    kind: str
    size_ms: int
    slide_ms: int
    offset_ms: int = 0
    zone: str | None = None
    zone_rules: str | None = None

    @property
    def window(self) -> "Window":
        """The declaration it stands for."""
        from dataflow.windows import Window

        return Window(self.kind, self.size_ms, self.slide_ms, self.offset_ms, zone=self.zone)

    def stored(self) -> dict[str, Any]:
        """As JSON values; without a zone those that a window has always had."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class RollupDefinition(NamedTuple):
    """One rollup. `keys`: names and Arrow types."""

    name: str
    keys: list[tuple[str, str]]
    window: WindowDefinition
    allowed_lateness_ms: int
    aggregates: list[AggregateDefinition]
    where: str | None = None

    @property
    def merges_windows(self) -> bool:
        """Whether its windows are sessions, which grow and merge."""
        from dataflow.windows.kinds import kind_of

        return kind_of(self.window.window).merging

    def stored(self) -> dict[str, Any]:
        """As JSON values, from which a definition is read."""
        aggregates = [aggregate._asdict() for aggregate in self.aggregates]
        return {**self._asdict(), "window": self.window.stored(), "aggregates": aggregates}

    @property
    def key_names(self) -> list[str]:
        """The keys without their types."""
        return [name for name, _ in self.keys]

    @property
    def additive(self) -> list[str]:
        """The aggregates whose delta columns simply add up (counts and sums)."""
        return [aggregate.name for aggregate in self.aggregates if aggregate.known.additive]


class AlertDefinition(NamedTuple):
    """One alert rule: which rollup it asks for what. `message` with the names of columns in braces."""

    name: str
    rollup: str
    having: str
    severity: str = ""
    message: str = ""
    cool_down_ms: int = 0


class FieldDefinition(NamedTuple):
    """One field of the event: its column, the JSON keys that lead to it, and its `dataflow.event.fields.FieldKind`."""

    name: str
    path: list[str]
    kind: str | None = None


class Definition(NamedTuple):
    """A pipeline as its lake knows it. Unknown fields are left alone.

    `columns`: those of the events that rollups see, with Arrow types; `event_time` is one of them. `event`: which of
    them are the event's own, empty in a definition of version 1. `values`: by column all that it ever held beside null,
    where every definition so far named them (Literal, Enum). Rollups and columns that a former pipeline file had, and
    this one has not, stay in it, and so do alert rules.
    `keep_ms`: rollup or row table -> for how long of event time it stays. What is not in it stays for ever, as does a
    rollup that the pipeline file no longer has.
    `dimensions`: as of the last run; None where version 1 did not tell.
    `first`: the rules of those lines of the ledger that do not tell theirs, which a lake has from earlier versions.
    Those under which it goes on are in the fields; all others are told by the ledger's lines.
    """

    name: str = ""
    out_of_orderness_ms: int = 0
    idle_timeout_ms: int = 30_000
    deduplicate_by: str | None = None
    deduplicate_within_ms: int = 0
    columns: Sequence[tuple[str, str]] = ()
    values: Mapping[str, list[str | int]] = MappingProxyType({})
    event: Sequence[FieldDefinition] = ()
    rollups: Sequence[RollupDefinition] = ()
    event_time: str | None = None
    keep_ms: Mapping[str, int] = MappingProxyType({})
    first: Mapping[str, Any] | None = None
    dimensions: Sequence[Joined] | None = None
    alerts: Sequence[AlertDefinition] = ()

    @property
    def rules(self) -> Rules:
        """Those under which the lake goes on."""
        lateness = tuple(sorted((rollup.name, rollup.allowed_lateness_ms) for rollup in self.rollups))
        dimensions = None if self.dimensions is None else tuple(self.dimensions)
        return Rules(self.out_of_orderness_ms, self.idle_timeout_ms, self.deduplicate_within_ms, lateness, dimensions)

    @property
    def first_rules(self) -> Rules:
        """Those of the ledger's lines that do not tell theirs."""
        first = self.rules if self.first is None else Rules.of_json(self.first)
        # a lake that no version has written yet that tells dimensions has those of its definition
        return first if first.dimensions is not None else first._replace(dimensions=self.rules.dimensions)

    @property
    def time_column(self) -> str | None:
        """The events' column of their time, also where an older version did not write it down; None if that is open."""
        told = (
            [self.event_time] if self.event_time else [field.name for field in self.event if field.kind == "event_time"]
        )
        # every event has a time, and it was an int64
        found = told or [name for name, type_ in self.columns if type_ == "int64"]
        return found[0] if len(found) == 1 else None

    @property
    def by_name(self) -> dict[str, RollupDefinition]:
        """The rollups by their names."""
        return {rollup.name: rollup for rollup in self.rollups}


def definition_of(plan: "Plan") -> Definition:
    """The definition of a plan."""
    return _definition(_stored(plan))


def read_definition(text: str) -> Definition | None:
    """A stored definition, of any version; None where a crash left none."""
    stored = json.loads(text)
    if not stored:
        return None
    return _definition(definition_v1.upgraded(stored) if stored.get("version") == 1 else stored)


def write_definition(plan: "Plan", former: Definition | None = None) -> str:
    """Canonical text of a plan's definition, with what only `former` has: it stays in the lake."""
    import msgspec

    stored = _stored(plan)
    if former is not None:
        first = former.first_rules
        if first.dimensions is None:
            first = first._replace(dimensions=plan.rules.dimensions)
        stored["first"] = first.as_json()
        columns, rollups = dict(stored["columns"]), {rollup["name"] for rollup in stored["rollups"]}
        stored["values"] = _all_values(former, columns, stored["values"])
        stored["columns"] += [pair for pair in former.columns if pair[0] not in columns]
        # a list of its own: the plan's must stay what the file says, for a run opens its lake more than once
        gone = [rollup.stored() for rollup in former.rollups if rollup.name not in rollups]
        stored["rollups"] = [*stored["rollups"], *gone]
        rules = {rule["name"] for rule in stored.get("alerts", ())}
        former_rules = [rule._asdict() for rule in former.alerts if rule.name not in rules]
        if former_rules:
            stored["alerts"] = [*stored.get("alerts", ()), *former_rules]
    return msgspec.json.encode(stored, order="deterministic").decode()


def require_compatible(old: Definition, new: Definition, lake: str) -> None:
    """Raise LakeError, naming every difference and the fix, unless a lake of `old` can go on as `new`.

    New rollups and new columns are fine, and so is a rollup that is gone: its tables stay as they are. Other `rules`
    hold from the next records on.
    """
    changes = list(_changes(old, new))
    if changes:
        listed = "\n".join(f"  - {change}" for change in changes)
        raise LakeError(f"the lake {lake} was filled by another definition of this pipeline:\n{listed}\n{_WAY_OUT}")


def _definition(stored: Mapping[str, Any]) -> Definition:
    """The definition of JSON values in the form of this version."""
    made = {
        "columns": [(name, type_) for name, type_ in stored.get("columns", ())],
        "event": [FieldDefinition(**_known(FieldDefinition, field)) for field in stored.get("event", ())],
        "rollups": [_rollup(rollup) for rollup in stored.get("rollups", ())],
        "alerts": [AlertDefinition(**_known(AlertDefinition, rule)) for rule in stored.get("alerts", ())],
    }
    if stored.get("dimensions") is not None:
        made["dimensions"] = list(map(Joined.of_json, stored["dimensions"]))
    return Definition(**_known(Definition, {**stored, **made}))


def _rollup(stored: Mapping[str, Any]) -> RollupDefinition:
    made = {
        "keys": [(name, type_) for name, type_ in stored["keys"]],
        "window": WindowDefinition(**_known(WindowDefinition, stored["window"])),
        "aggregates": [AggregateDefinition(**_known(AggregateDefinition, each)) for each in stored["aggregates"]],
    }
    return RollupDefinition(**_known(RollupDefinition, {**stored, **made}))


def _known(kind: Any, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields that `kind` has."""
    return {name: stored[name] for name in kind._fields if name in stored}


def _stored(plan: "Plan") -> dict[str, Any]:
    """The plan's own definition, and the columns that rollups see."""
    columns = [[column.name, str(column.type)] for column in plan.row_schema]
    values = {name: list(values) for name, values in plan.event.values.items()}
    upkeep = {"event_time": plan.event.event_time.name, "keep_ms": plan.keep_ms}
    known = {"columns": columns, "values": values, **upkeep, "first": plan.rules.as_json()}
    return {"version": VERSION, **plan.definition, **known}


def _all_values(
    former: Definition, columns: Mapping[str, str], values: Mapping[str, list[str | int]]
) -> dict[str, list[str | int]]:
    """The values of the columns, now and before: rows of a former definition stay."""
    known = {name: held for name, held in former.values.items() if name not in columns}
    before = {name for name, _ in former.columns}
    for name, held in values.items():
        if name not in before:
            known[name] = held
        elif name in former.values:
            known[name] = list(dict.fromkeys([*former.values[name], *held]))
    return known


def _changes(old: Definition, new: Definition) -> Iterator[str]:
    before, now = _shared(old), _shared(new)
    yield from (f"{what} was {before[what]!r} and is {now[what]!r}" for what in now if before[what] != now[what])
    types = dict(new.columns)
    for name, type_ in old.columns:
        if types.get(name, type_) != type_:
            yield f"column {name} was {type_} and is {types[name]}"
    for name, rollup in old.by_name.items():
        again = new.by_name.get(name)
        if again is not None:
            was, becomes = _shown(rollup), _shown(again)
            for what in sorted({*was, *becomes}):
                if was.get(what) != becomes.get(what):
                    yield f"rollup {name}: {what} was {was.get(what, 'not there')} and is {becomes.get(what, 'gone')}"
    rules = {rule.name: rule for rule in new.alerts}
    for former in old.alerts:
        rule = rules.get(former.name, former)
        for what, was_said, is_said in (
            ("rollup", former.rollup, rule.rollup),
            ("having", former.having, rule.having),
        ):
            if was_said != is_said:
                yield f"alert rule {former.name}: {what} was {was_said} and is {is_said}"


def _shared(definition: Definition) -> dict[str, Any]:
    """What holds for all tables, as its user wrote it."""
    return {
        "deduplicate_by": definition.deduplicate_by,
    }


def _shown(rollup: RollupDefinition) -> Mapping[str, str]:
    """A rollup's parts as one says them. Version 1 did not keep the order of keys."""
    from dataflow.windows.kinds import window_text

    return {
        "keys": ", ".join(f"{name} {type_}" for name, type_ in sorted(rollup.keys)) or "none",
        "window": window_text(rollup.window.window),
        **({} if rollup.window.zone_rules is None else {"the zone's clock": f"digest {rollup.window.zone_rules[:12]}"}),
        "where": rollup.where or "all",
        **{f"aggregate {aggregate.name}": str(aggregate) for aggregate in rollup.aggregates},
    }
