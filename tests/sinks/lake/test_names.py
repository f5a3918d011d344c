"""Names of the lake's files: their form never changes, and what is given is known again."""

import re
from pathlib import Path

import pytest

from sinks.lake.names import (
    SinkFile,
    is_merged_file,
    is_own_name,
    merged_file_name,
    sink_file,
    sink_file_name,
    table_folder,
    table_path,
    unique_name,
)

ROOT = Path(__file__).resolve().parents[3]


def test_the_forms_are_those_of_every_lake_there_is() -> None:
    assert sink_file_name(SinkFile("ads", 7, 2), "0123456789ab") == "ads-lake-0000000007-2-0123456789ab.parquet"
    assert merged_file_name("0123456789ab") == "compact-0123456789ab.parquet"
    assert table_path("events/") == "main/events/"
    assert table_folder(Path("/lake"), "events/") == Path("/lake/main/events")


@pytest.mark.parametrize("pipeline", ["ads", "a-lake-0000000001-1-ab", "compact-1", "ä b"])
def test_what_a_sink_names_is_known_again_as_its_own(pipeline: str) -> None:
    file = SinkFile(pipeline, 12_345_678_901, 40)
    name = sink_file_name(file, unique_name())
    assert sink_file(name) == file
    assert (is_merged_file(name), is_own_name(name)) == (False, True)


def test_what_compaction_names_is_known_again_as_its_own() -> None:
    name = merged_file_name(unique_name())
    assert (sink_file(name), is_merged_file(name), is_own_name(name)) == (None, True, True)


@pytest.mark.parametrize(
    "name",
    [
        "ducklake-0199.parquet",
        "compact-xyz.parquet",
        "compact-ab.parquet.tmp",
        "ads-lake-1-ab.parquet",
        "compact-.parquet",
    ],
)
def test_a_strangers_file_is_nobodys_of_ours(name: str) -> None:
    assert not is_own_name(name)


def test_no_other_file_of_the_product_knows_the_forms() -> None:
    form = re.compile(r"""-lake-|["'/]compact-|["']main/["']|/ ["']main["']|["']main["'] /""")
    knowing = {
        path.relative_to(ROOT).as_posix()
        for folder in (
            "dataflow",
            "sinks",
            "query",
            "runtime",
            "proof",
            "doctor",
            "starter",
            "emit",
            "serve",
            "flink",
            "spark",
            "cli",
        )
        for path in (ROOT / folder).rglob("*.py")
        if form.search(path.read_text(encoding="utf-8"))
    }
    assert knowing == {"sinks/lake/names.py"}
