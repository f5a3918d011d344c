"""Each program that reads a DuckLake, against `tidemill query`: right where docs/connect.md says so, and only there."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from query.reader import LakeReader
from query.snapshots import list_snapshots
from tests.connect.environment import Readers

TABLES = (
    "ad_clicks_1m_delta",
    "campaign_1m_delta",
    "clicks_5m_delta",
    "dead_letters",
    "events",
    "late_events",
    "ledger",
    "revenue_1h_delta",
)
WITHOUT_TIMES = ("dead_letters",)
"""Tables without a TIMESTAMP in milliseconds; the ledger has one in microseconds."""


class Seen(NamedTuple):
    """What a reader made of one question."""

    table: str
    version: int | None
    wrong: str | None
    is_right: bool
    rows: int


@pytest.fixture(scope="module")
def versions(truth: LakeReader) -> list[int]:
    """Snapshots in merged files, between them and the files that came after, and the newest."""
    kept = sorted(line.id for line in list_snapshots(truth, limit=1000))
    merged = [each for each in kept if any(_is_within_a_file(truth, table, each) for table in TABLES)]
    assert len(merged) > 6
    after = [each for each in kept if each > max(merged)]
    assert len(after) > 6
    return sorted({merged[2], merged[len(merged) // 2], after[0], after[len(after) // 2]})


def _is_within_a_file(truth: LakeReader, table: str, version: int) -> bool:
    snapshot = truth.snapshot(version)
    files = snapshot.files(table) if table in snapshot.tables else []
    return any(file.partial_max is not None and file.partial_max > version for file in files)


def asked(
    readers: Readers,
    program: str,
    lake: Path,
    truth: LakeReader,
    versions: Sequence[int | None],
    tmp_path: Path,
    tables: Sequence[str] = TABLES,
) -> list[Seen]:
    """What a reader's program answers about each table at each version, compared with ours."""
    questions = [(table, version) for version in versions for table in tables]
    targets = [str(tmp_path / f"{table}-{version}.arrow") for table, version in questions]
    asks = [[*question, target] for question, target in zip(questions, targets, strict=True)]
    said = readers.program(program, given=json.dumps({"lake": str(lake), "asks": asks}))
    answers: list[str | None] = json.loads(said.splitlines()[-1])
    found = []
    for (table, version), target, wrong in zip(questions, targets, answers, strict=True):
        ours = truth.snapshot(version).query(f'SELECT * FROM "{table}"')
        theirs = None if wrong else _stream(target)
        is_right = theirs is not None and _content(theirs) == _content(ours)
        found.append(Seen(table, version, wrong, is_right, -1 if theirs is None else theirs.num_rows))
    return found


def _stream(path: str) -> pa.Table:
    with Path(path).open("rb") as stream:
        return pa.ipc.open_stream(stream).read_all()


def _content(table: pa.Table) -> tuple[list[str], Counter[tuple[str, ...]]]:
    """Rows by their values, in no order; text, bytes and lists of every width are equal."""
    names = sorted(table.column_names)
    columns = [table.column(name).to_pylist() for name in names]
    return names, Counter(tuple(map(repr, row)) for row in zip(*columns, strict=True))


@pytest.mark.parametrize("program", ["official.py", "pyducklake_reader.py", "ducklakepy_reader.py"])
def test_a_reader_is_right_now_and_in_the_past(
    readers: Readers, program: str, lake: Path, truth: LakeReader, versions: list[int], tmp_path: Path
) -> None:
    found = asked(readers, program, lake, truth, [None, *versions], tmp_path)
    assert [each for each in found if not each.is_right] == []
    assert len(found) == len(TABLES) * (len(versions) + 1)


def test_views_are_read_by_what_has_an_engine_and_are_no_tables_elsewhere(
    readers: Readers, lake: Path, truth: LakeReader, tmp_path: Path
) -> None:
    views = ["ad_clicks_1m", "campaign_1m", "revenue_1h"]
    (official, ducklakepy) = (
        asked(readers, program, lake, truth, [None], tmp_path, views)
        for program in ("official.py", "ducklakepy_reader.py")
    )
    assert [each.is_right for each in official] == [True] * 3
    assert all(each.wrong is not None and "TableNotFound" in each.wrong for each in ducklakepy)


def test_pandas_by_ducklake_dataframe_takes_the_whole_of_a_merged_file_into_the_past(
    readers: Readers, lake: Path, truth: LakeReader, versions: list[int], tmp_path: Path
) -> None:
    found = asked(readers, "dataframe_pandas.py", lake, truth, [None, *versions], tmp_path)
    assert [each for each in found if each.wrong] == []
    assert all(each.is_right for each in found if each.version is None or each.version > versions[1])
    past = [each for each in found if each.version == versions[0]]
    assert not any(each.is_right for each in past)
    assert all(
        each.rows > truth.snapshot(each.version).query(f"FROM {each.table}").num_rows for each in past
    )  # and says nothing


def test_polars_by_ducklake_dataframe_refuses_times_in_milliseconds(
    readers: Readers, lake: Path, truth: LakeReader, versions: list[int], tmp_path: Path
) -> None:
    found = asked(readers, "dataframe_polars.py", lake, truth, [None, *versions], tmp_path)
    # beside that it fails by chance: its connection is used by another thread
    known = re.compile(r"SchemaError: data type mismatch|ProgrammingError: SQLite objects created in a thread")
    assert [each for each in found if not (each.is_right or (each.wrong and known.match(each.wrong)))] == []
    assert not any(each.is_right for each in found if each.table == "events" and each.version is None)


def test_ducklake_sdk_looks_one_folder_too_high_and_takes_whole_files_into_the_past(
    readers: Readers, lake: Path, truth: LakeReader, versions: list[int], tmp_path: Path
) -> None:
    found = asked(readers, "sdk.py", lake, truth, [None], tmp_path)
    assert [each for each in found if not (each.wrong and "not found" in each.wrong)] == []
    (lake.parent / "main").symlink_to(lake / "main")
    try:
        now, *past = asked(readers, "sdk.py", lake, truth, [None, versions[0]], tmp_path, WITHOUT_TIMES)
        (times,) = asked(readers, "sdk.py", lake, truth, [None], tmp_path, ["events"])
    finally:
        (lake.parent / "main").unlink()
    assert now.is_right
    assert [each.is_right or bool(each.wrong) for each in past] == [False]
    assert times.wrong is not None
    assert "SchemaError" in times.wrong
