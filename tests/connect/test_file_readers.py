"""Programs that are given a table's files, or the lake attached in their own engine, against `tidemill query`."""

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from query.reader import LakeReader
from query.table_files import paths_of
from tests.connect.environment import READERS, Readers

OWN = "_ducklake_internal_snapshot_id"
"""A column of merged files, by which time travel finds its rows."""


@pytest.fixture(scope="module")
def events(truth: LakeReader) -> list[str]:
    """The live files of `events`: a merged one, then those with the later field."""
    files = paths_of(truth.snapshot(), "events")
    assert OWN in pq.read_schema(files[0]).names
    assert "country" in pq.read_schema(files[-1]).names
    assert "country" not in pq.read_schema(files[0]).names
    return files


@pytest.fixture(scope="module")
def sums(truth: LakeReader) -> tuple[int, str]:
    (row,) = truth.snapshot().query("SELECT count(*) AS n, sum(cost) AS cost FROM events").to_pylist()
    return row["n"], str(row["cost"])


def test_polars_reads_files_one_by_one_and_loses_a_later_column_else(
    readers: Readers, events: list[str], sums: tuple[int, str], truth: LakeReader
) -> None:
    columns, counts = map(json.loads, readers.program("files_polars.py", given=json.dumps(events)).splitlines())
    assert columns["plain"] == "SchemaError"
    ours = truth.snapshot().query("FROM events LIMIT 0").column_names
    assert columns["diagonal"] == sorted([*ours, OWN])
    assert columns["ignoring"] == sorted({*ours, OWN} - {"country"})
    assert counts == [sums[0], sums[0], sums[1]]


def test_the_folder_of_a_table_holds_more_than_its_rows(truth: LakeReader, lake: Path, sums: tuple[int, str]) -> None:
    lying_there = sum(pq.read_metadata(path).num_rows for path in (lake / "main" / "events").glob("*.parquet"))
    assert lying_there > sums[0]


def test_delta_takes_the_files_and_gives_their_rows(
    readers: Readers, events: list[str], sums: tuple[int, str], tmp_path: Path
) -> None:
    for path in events:
        shutil.copy(path, tmp_path)
    rows, cost, columns = json.loads(readers.program("files_delta.py", str(tmp_path)))
    assert (rows, Decimal(cost)) == (sums[0], Decimal(sums[1]))
    assert "country" in columns


def iceberg(readers: Readers, folder: Path, files: list[str], columns: list[str]) -> dict[str, list[str]] | str:
    found: dict[str, list[str]] | str = json.loads(
        readers.program("files_iceberg.py", str(folder), given=json.dumps({"files": files, "columns": columns}))
    )
    return found


def test_iceberg_takes_files_of_one_schema_by_the_position_of_their_columns(
    readers: Readers, events: list[str], truth: LakeReader, tmp_path: Path
) -> None:
    for name in ("mixed", "lists", "all", "turned"):
        (tmp_path / name).mkdir()
    mixed = iceberg(readers, tmp_path / "mixed", events, [])
    fresh = [path for path in events if OWN not in pq.read_schema(path).names]
    lists = [path for path in paths_of(truth.snapshot(), "campaign_1m_delta") if "compact" not in path]
    assert isinstance(mixed, str)
    assert OWN in mixed
    assert isinstance(iceberg(readers, tmp_path / "lists", lists, []), str)
    ours = pa.concat_tables([pq.read_table(path) for path in fresh])
    taken = iceberg(readers, tmp_path / "all", fresh, [])
    assert taken == {name: list(map(str, ours.column(name).to_pylist())) for name in ours.column_names}
    swapped = {"ad_id": "event_type", "event_type": "ad_id"}
    turned = iceberg(readers, tmp_path / "turned", fresh, [swapped.get(name, name) for name in ours.column_names])
    assert isinstance(turned, dict)
    assert turned["ad_id"] == taken["event_type"]


def test_ibis_and_sqlalchemy_ask_the_attached_lake_but_ibis_cuts_a_mean_and_sqlalchemy_reflects_nothing(
    readers: Readers, lake: Path, truth: LakeReader, sums: tuple[int, str]
) -> None:
    found = json.loads(readers.program("engines.py", str(lake)).splitlines()[-1])
    (clicks,) = truth.snapshot().query("SELECT sum(clicks)::BIGINT AS n FROM ad_clicks_1m").to_pylist()
    (mean,) = truth.snapshot().query("SELECT avg(cost) AS mean FROM events").to_pylist()
    counts = [sums[0], clicks["n"]]
    assert found["ibis"][:3] == [*counts, sums[1]]
    assert found["alchemy"] == counts
    assert Decimal(found["ibis"][3]) == round(Decimal(mean["mean"]), 6) != Decimal(mean["mean"])
    assert "pg_collation" in found["reflected"]


def test_javascript_has_bigints_and_decimals_that_are_no_numbers(
    readers: Readers, events: list[str], truth: LakeReader, tmp_path: Path
) -> None:
    first = truth.snapshot().query('SELECT cost, "offset", event_time FROM events ORDER BY event_time LIMIT 1')
    with pa.ipc.new_stream(str(tmp_path / "e.arrow"), first.schema) as stream:
        stream.write_table(first)
    found = json.loads(readers.program("numbers.mjs", events[-1], str(tmp_path / "e.arrow"), str(READERS)))
    (row,) = first.to_pylist()
    rows = pq.read_table(events[-1])
    assert found["rows"] == rows.num_rows
    assert 0.5 * rows.num_rows < found["nearest"] < rows.num_rows
    assert found["offset"] == "bigint"
    assert found["time"].removesuffix("Z") == rows.column("event_time")[0].as_py().isoformat(timespec="milliseconds")
    assert found["decimal"] == json.dumps(f'"{row["cost"].scaleb(6):.0f}"')
    assert "BigInt" in found["bigint"]
    assert found["milliseconds"] == int(row["event_time"].timestamp() * 1000)


@pytest.mark.parametrize(("zone", "apart"), [("UTC", True), ("Europe/Amsterdam", False)])
def test_jdbc_makes_one_of_two_windows_of_a_night_unless_asked_for_local_times(
    readers: Readers, lake: Path, sums: tuple[int, str], zone: str, apart: bool
) -> None:
    counted, *night = readers.program("Zones.java", str(lake), zone=zone).splitlines()
    assert int(counted) == sums[0]
    (local, instant, text), (next_local, next_instant, next_text) = (line.split(" ", 2) for line in night)
    assert (local, next_local) == ("2026-03-29T02:30", "2026-03-29T03:30")
    assert (instant != next_instant) == apart
    assert (text != next_text) == apart
