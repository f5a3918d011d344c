"""Small lakes whose pipeline sends something."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup, kafka, webhook
from dataflow import aggregates as agg
from dataflow.pipeline.alert_rules import distinct, threshold
from dataflow.windows import hop, session, tumble
from emit.ledger import LakeLedger
from sinks.lake.catalog.catalog import Catalog
from tests.harness import Product
from tests.model.spec import Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Click(BaseModel):
    time: EventTime
    who: str
    cost: Money = Decimal(0)


COUNTS = {"clicks": agg.count(), "cost": agg.sum("cost"), "people": agg.count_distinct("who")}


def pipeline(*, keep: str | None = None, lateness: str = "5s") -> Pipeline:
    """Rollups of each kind, two rules, and ways out of all of them."""
    return Pipeline(
        "small",
        Click,
        [
            Rollup(
                "minutes", ["who"], tumble("1m"), COUNTS, keep=keep, emit=[kafka("f"), kafka("n", when="every_commit")]
            ),
            Rollup("slides", [], hop("90s", every="30s"), COUNTS, keep=keep, emit=kafka("s")),
            Rollup("visits", ["who"], session("20s"), COUNTS, emit=kafka("v")),
        ],
        out_of_orderness="10s",
        allowed_lateness=lateness,
        alerts=[
            threshold("odd", on="minutes", having="clicks IN (1, 3, 5, 7)", cool_down="2m"),
            distinct("many", key=[], of="who", more_than=2, window=tumble("1m")),
        ],
        alerts_to=[kafka("a"), webhook("https://example.com/in", secret="SECRET", rules=["many"])],
    )


def records(events: list[tuple[int, str]]) -> list[Record]:
    """Of (event time in ms, who); each costs a quarter more than the one before."""
    made = []
    for offset, (at, who) in enumerate(events):
        text = json.dumps({"time": at, "who": who})[:-1] + f', "cost": {offset}.25}}'
        made.append(Record(offset, text.encode(), None))
    return made


def product(folder: Path, partitions: dict[str, list[Record]], **declared: str | None) -> Product:
    """A run over these records, at its beginning."""
    return Product(pipeline(**declared), folder, partitions, folder)  # type: ignore[arg-type]  # texts alone


def made_lake(folder: Path) -> None:
    """A lake with some commits."""
    made = product(folder, {"t/0": records([(60_000 * n, "abc"[n % 3]) for n in range(5)])})
    made.poll(0, 3)
    made.end_epoch()
    made.poll(0, 3)
    made.end_epoch()
    made.end_epoch()
    made.close()


def ledger_of(folder: Path, name: str = "webhook.webhook", source: str = "alerts") -> LakeLedger:
    """Of the run that holds the lake."""
    catalog = Catalog.look(folder / "lake")
    incarnation = catalog.incarnation("small")
    catalog.close()
    return LakeLedger(folder / "lake", name, source, pipeline="small", incarnation=incarnation, clock=lambda: NOW)
