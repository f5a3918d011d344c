"""How much of labelled fraud the shipped rules find, and how many of their alerts are about fraud.

python -m bench.fraud
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from bench.results import write
from dataflow.sources.generator.fraud.event import Event
from dataflow.sources.generator.fraud.schemes import KINDS
from dataflow.sources.generator.fraud.stream import START_MS, FraudStream
from query.alerts import alerts_sql, rows_of
from query.reader import LakeReader

ROOT = Path(__file__).resolve().parents[1]
MEANT = {
    "ad_spike": "click_farm",
    "farm_visit": "click_farm",
    "many_ads": "regular_bot",
    "regular_visit": "regular_bot",
}
"""The kind that a rule is meant for, where it has not its name."""


@dataclass(slots=True)
class Found:
    """Of one kind: its events and schemes, and those that an alert is about, of the rules meant for it or of any.

    Of one rule: its alerts that stand, and those among them that are about fraud of any kind.
    """

    events: int = 0
    own_events: int = 0
    any_events: int = 0
    schemes: int = 0
    own_schemes: int = 0
    any_schemes: int = 0
    alerts: int = 0
    right_alerts: int = 0

    def __iadd__(self, other: "Found") -> "Found":
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self


@dataclass(frozen=True, slots=True)
class Labelled:
    """An event that is fraud, as an alert may be about it."""

    event_id: str
    user_id: str
    ad_id: str
    at_ms: int
    kind: str
    scheme: int


def labelled(stream: FraudStream) -> list[Labelled]:
    """Each event of the stream that is fraud, once."""
    found = {}
    for event in stream.events:
        if event.kind is not None and event.scheme is not None:
            read = json.loads(event.value)
            who = (event.event_id, read["user_id"], read["ad_id"], read["event_time"])
            found[event.event_id] = Labelled(*who, event.kind, event.scheme)
    return list(found.values())


def judged(
    frauds: Sequence[Labelled], alerts: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, Found], dict[str, Found]]:
    """What was found by kind, and by rule. `alerts`: rows of the view `alerts`, of which those that stand count.

    An alert is about the events of its key's user and ad, or of the one that the key has, within its window.
    So much happens to an ad that an alert of an ad alone is about the kind that its rule is meant for, or about none.
    """
    by_user: dict[str, list[Labelled]] = {}
    for fraud in frauds:
        by_user.setdefault(fraud.user_id, []).append(fraud)
    rules: dict[str, Found] = {}
    own: set[Labelled] = set()
    seen: set[Labelled] = set()
    for alert in alerts:
        if alert["state"] != "raised":
            continue
        key = json.loads(alert["key"])
        start_ms, end_ms = (round(alert[name].timestamp() * 1000) for name in ("window_start", "window_end"))
        about = [
            each
            for each in (by_user.get(key["user_id"], ()) if "user_id" in key else frauds)
            if start_ms <= each.at_ms < end_ms and key.get("ad_id", each.ad_id) == each.ad_id
        ]
        meant = [each for each in about if each.kind == MEANT.get(alert["rule"], alert["rule"])]
        if "user_id" not in key:
            about = meant
        rule = rules.setdefault(alert["rule"], Found())
        rule.alerts += 1
        rule.right_alerts += bool(about)
        seen.update(about)
        own.update(meant)
    kinds = {}
    for kind in KINDS:
        events = [each for each in frauds if each.kind == kind.name]
        both = [[each for each in events if each in those] for those in (own, seen)]
        by_scheme = [len({each.scheme for each in those}) for those in (events, *both)]
        kinds[kind.name] = Found(len(events), len(both[0]), len(both[1]), by_scheme[0], by_scheme[1], by_scheme[2])
    return kinds, rules


class Stream(Protocol):
    """What a run is made of."""

    @property
    def events(self) -> Sequence[Event]:
        """In the order in which they are read."""
        ...


def alerts_of(stream: Stream, pipeline: Path) -> list[dict[str, Any]]:
    """The alerts of a bounded run of the stream through a pipeline file."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "input").mkdir()
        (folder / "input" / "events.ndjson").write_bytes(b"".join(each.value + b"\n" for each in stream.events))
        flags = ["--source", "files", "--input", "input", "--pipeline", str(pipeline.resolve()), "--bounded", "--final"]
        command = [sys.executable, str(ROOT / "run.py"), "run", *flags, "--log-level", "error", "--quiet"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
        subprocess.run(command, cwd=folder, env={**clean, "PYTHONPATH": str(ROOT)}, check=True)
        with LakeReader(folder / "lake") as reader:
            return rows_of(reader.snapshot(), alerts_sql())


def as_markdown(kinds: Mapping[str, Found], rules: Mapping[str, Found]) -> str:
    """Both tables."""
    told = {kind.name: kind.text for kind in KINDS}
    text = (
        "| kind of fraud | schemes | found by its rules | by any rule | events | recall by its rules | by any rule |\n"
    )
    text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    for name, each in kinds.items():
        recalls = f"{_part(each.own_events, each.events)} | {_part(each.any_events, each.events)}"
        schemes = f"{each.schemes} | {each.own_schemes} | {each.any_schemes}"
        text += f"| {name}: {told[name]} | {schemes} | {each.events:,} | {recalls} |\n"
    text += "\n| rule | meant for | alerts | about fraud | precision |\n| --- | --- | ---: | ---: | ---: |\n"
    for name, each in sorted(rules.items()):
        precision = _part(each.right_alerts, each.alerts)
        text += f"| {name} | {MEANT.get(name, name)} | {each.alerts:,} | {each.right_alerts:,} | {precision} |\n"
    return text


def _part(some: int, of: int) -> str:
    return f"{some / of:.3f}" if of else "-"


def main() -> None:
    """Measure and write bench/results/fraud.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", type=Path, default=ROOT / "pipelines" / "fraud.py")
    parser.add_argument("--minutes", type=int, default=120)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    kinds: dict[str, Found] = {}
    rules: dict[str, Found] = {}
    records = honest = 0
    for seed in arguments.seeds:
        stream = FraudStream(seed, START_MS, arguments.minutes)
        frauds = labelled(stream)
        records += len(stream.events)
        honest += sum(each.kind is None for each in stream.events)
        for whole, part in zip((kinds, rules), judged(frauds, alerts_of(stream, arguments.pipeline)), strict=True):
            for name, each in part.items():
                whole.setdefault(name, Found()).__iadd__(each)
    seeds = ", ".join(map(str, arguments.seeds))
    facts = {
        "stream": f"`tidemill fraud`, seeds {seeds}, {arguments.minutes} minutes each: {records:,} records, {honest:,} "
        "of them of honest people; out of order, some of them twice",
        "rules": f"{arguments.pipeline.name}; their thresholds were chosen by looking at seed 0",
        "found": "an event that an alert which stands at the end is about: of its user, its ad if the rule asks by "
        "ad, and within its window; a scheme is found with one event of it",
        "precision": "alerts about an event of any kind of fraud, of all alerts of the rule that stand at the end; of "
        "the rule by ad alone, about an event of the kind that it is meant for",
        "end": "the stream ends, and the run with it: sessions that are not over by then are not told",
    }
    data = {
        name: {key: asdict(each) for key, each in one.items()} for name, one in (("kinds", kinds), ("rules", rules))
    }
    write("fraud", "How much fraud the shipped rules find", facts, as_markdown(kinds, rules), data)


if __name__ == "__main__":
    main()
