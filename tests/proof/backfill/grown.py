"""A lake whose pipeline gains rollups on the way, and the backfill of them."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataflow.pipeline.declaration import Pipeline
from dataflow.pipeline.plan import make_plan
from proof.audit.audit import audit
from proof.audit.report import Report
from proof.backfill.fill import Filled, Wanted, backfill
from query.reader import LakeReader
from tests.harness import Product
from tests.model.spec import Record
from tests.model.streams import Cuts
from tests.proof.audited import DamagedLake
from tests.proof.memory_source import MemorySource

LATER = datetime(2026, 1, 2, tzinfo=UTC)
Step = tuple[str, int, int]


class Grown(DamagedLake):
    """A lake in `folder`/lake: read by one pipeline and then, from an epoch on, by another one."""

    def __init__(self, folder: Path, records: dict[str, list[Record]]) -> None:
        self.folder = folder
        self.lake = folder / "lake"
        self.records = records

    def read(
        self,
        first: Pipeline,
        before: Sequence[Step],
        *then: tuple[Pipeline, Sequence[Step]],
        beside: Callable[[], None] | None = None,
    ) -> None:
        """Take the steps with each pipeline in turn, then read the rest with the last one.

        `beside` is called in the midst of the last one, while its writer goes on.
        """
        product = Product(first, self.folder, self.records, self.folder)
        steps = before
        for pipeline, following in then:
            _take(product, steps)
            product.end_epoch()
            product.end_epoch()
            product.writer.close()
            product.plan = make_plan(pipeline, self.folder)
            for partition in product.partitions:
                partition.plan = product.plan
            product.start()
            steps = following
        self.product = product
        self.plan = product.plan
        half = len(steps) // 2
        if beside is not None:
            _take(product, steps[:half])
            beside()
            steps = steps[half:]
        product.run(Cuts(tuple(steps)))

    def fill(self, rollup: str, *, trust_duplicates: bool = False, **options: Any) -> Filled:
        wanted = Wanted(rollup, trust_duplicates)
        with LakeReader(self.lake) as reader:
            return backfill(reader, self.plan, wanted, clock=lambda: LATER, wait=lambda: None, **options)

    def audit(self) -> Report:
        with LakeReader(self.lake) as reader:
            return audit(reader, self.plan, MemorySource(self.records, (100,)), wait=lambda: None)

    def ask(self, sql: str) -> list[dict[str, Any]]:
        with LakeReader(self.lake) as reader:
            return reader.query(sql).to_pylist()

    def ask_catalog(self, sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.lake / "catalog.sqlite") as connection:
            return connection.execute(sql).fetchall()


def _take(product: Product, steps: Sequence[Step]) -> None:
    does: dict[str, Callable[[int, int], None]] = {
        "poll": product.poll,
        "epoch": lambda *_: product.end_epoch(),
        "restart": lambda workers, _: product.restart(workers),
    }
    for what, number, count in steps:
        does[what](number, count)
