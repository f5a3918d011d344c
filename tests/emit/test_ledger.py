"""A webhook's place and its dead letters are one commit of the lake, made by the run that holds it."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from dataflow.errors import Fenced
from dataflow.pipeline.tables import WEBHOOK_DEAD_SCHEMA
from emit.position import Position
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from tests.emit.lakes import NOW, ledger_of, made_lake


def test_the_position_and_the_dead_letters_are_remembered_together(tmp_path: Path) -> None:
    made_lake(tmp_path)
    ledger = ledger_of(tmp_path)
    assert ledger.position() is None
    ledger.remember(Position(1, "x"))
    assert ledger.position() == Position(1, "x")
    row = dict.fromkeys(WEBHOOK_DEAD_SCHEMA.names) | {"webhook": "pager", "failed_at": datetime(2026, 1, 1)}
    ledger.remember(Position(2, ""), pa.Table.from_pylist([row, row], schema=WEBHOOK_DEAD_SCHEMA))
    assert ledger.position() == Position(2, "")
    with LakeReader(tmp_path / "lake") as reader:
        assert reader.query("SELECT webhook FROM webhook_dead_letters").to_pydict() == {"webhook": ["pager"] * 2}


def test_a_run_that_lost_the_lake_remembers_nothing_more(tmp_path: Path) -> None:
    made_lake(tmp_path)
    ledger = ledger_of(tmp_path)
    assert ledger.is_ours()
    catalog = Catalog.open(tmp_path / "lake")
    catalog.take_over("small", "two")
    catalog.close()
    assert not ledger.is_ours()
    with pytest.raises(Fenced, match="another run"):
        ledger.remember(Position(1, "x"))
    assert ledger.position() is None
    assert NOW.tzinfo is UTC
