"""Parquet files as Spark writes them, in the columns that are compared."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataflow.pipeline.load import load
from proof.parity.layout import layouts
from spark.generate.generated import Generated
from spark.parity.tables import written_tables
from tests.flink.parity.matrix import CASES


def test_partitions_are_named_as_ours_and_types_are_those_of_the_layout(tmp_path: Path) -> None:
    plan = load(str(CASES / "dedup.py"))
    dead: dict[str, list[object]] = {
        "topic": ["t", "t"],
        "partition": [0, 11],
        "offset": [5, 6],
        "reason": ["empty"] * 2,
        "field": [None, "a"],
    }
    names = layouts(plan)["tumbled"].schema.names
    rows = pa.table([pa.array([2 if name == "n" else None]) for name in names], names=names)
    rows = rows.set_column(
        rows.schema.get_field_index("paid"), "paid", pa.array([Decimal("1.5")], pa.decimal128(28, 6))
    )
    late = layouts(plan)["late_events"].schema.empty_table()
    late = late.drop_columns(["partition"]).append_column("partition", pa.array([], pa.int32()))
    late = late.append_column("topic", pa.array([], pa.string()))
    for name, table in (("dead_letters", pa.Table.from_pydict(dead)), ("tumbled", rows), ("late_events", late)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "_SUCCESS").touch()
        pq.write_table(table, tmp_path / name / "part-0.parquet")
    found = written_tables(plan, Generated({}, ("tumbled", "late_events", "dead_letters")), tmp_path)
    assert found["dead_letters"].column("partition").to_pylist() == ["t/0", "t/11"]
    assert found["tumbled"].schema == layouts(plan)["tumbled"].schema
    assert found["tumbled"].column("paid").to_pylist() == [Decimal("1.500000")]
    assert found["late_events"].num_rows == 0
