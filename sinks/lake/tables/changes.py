"""Which rules a run changes in a lake that has data, and from which offsets on."""

from collections.abc import Iterator
from typing import NamedTuple

from dataflow.durations import to_text
from dataflow.pipeline.plan import Plan
from dataflow.rules import Rules
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.rules import standings
from sinks.lake.tables.definition import read_definition


class RuleChange(NamedTuple):
    """One setting that is another one from these offsets on: by source partition."""

    what: str
    was: str
    becomes: str
    offsets: dict[str, int]

    def __str__(self) -> str:
        places = ", ".join(f"{partition} offset {offset}" for partition, offset in self.offsets.items())
        return f"{self.what} was {self.was} and is {self.becomes} from {places} on"


def rule_changes(catalog: Catalog, plan: Plan) -> list[RuleChange]:
    """What a run of `plan` changes that reads on where the lake ends now; nothing where no rule changes. Only looks.

    A change is told until records of each source partition were judged by it, whatever ended the runs in between.
    """
    known = read_definition(catalog.definitions().get(plan.name, "{}"))
    if known is None:
        return []
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for partition, standing in standings(catalog.connection).items():
        for change in differences(standing.rules or known.first_rules, plan.rules):
            found.setdefault(change, {})[partition] = standing.next
    return [RuleChange(*change, offsets) for change, offsets in found.items()]


def differences(was: Rules, becomes: Rules) -> Iterator[tuple[str, str, str]]:
    """Name, former value and new value of each setting that differs; rollups of both are compared."""
    before, after = _shown(was), _shown(becomes)
    for what in after:
        if what in before and before[what] != after[what]:
            yield what, before[what], after[what]


def _shown(rules: Rules) -> dict[str, str]:
    """By what a user calls them."""
    shown = {
        "out_of_orderness": rules.out_of_orderness_ms,
        "idle_timeout": rules.idle_timeout_ms,
        "deduplicate_within": rules.deduplicate_within_ms,
        **{f"allowed_lateness of rollup {name}": value for name, value in rules.allowed_lateness_ms},
    }
    texts = {what: to_text(value) for what, value in shown.items()}
    for each in rules.dimensions or ():
        texts[f"file of dimension {each.name}"] = each.sha256[:12]
        texts[f"key of dimension {each.name}"] = each.key
        texts[f"columns of dimension {each.name}"] = ", ".join(f"{name} {type_}" for name, type_ in each.columns)
        texts[f"unknown of dimension {each.name}"] = each.unknown
    return texts
