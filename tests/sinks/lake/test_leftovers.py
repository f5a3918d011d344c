"""What a killed run or compaction left: removed where it is ours and nothing names it, and else left alone."""

from pathlib import Path

import pytest

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.leftovers import remove_merged, remove_published, remove_staged
from sinks.lake.names import SinkFile, merged_file_name, sink_file_name, table_folder
from sinks.lake.writer import commit
from tests.sinks.lake.small import event_row, parcel, small_plan, writer_for

PLAN = small_plan()
PIPELINE = PLAN.name


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [parcel(PLAN, 1, 0, 2, tables={"events": [event_row(0), event_row(1)]})], 1)
    writer.close()
    return Catalog.open(tmp_path)


def put(catalog: Catalog, name: str, table: str = "events/") -> Path:
    path = table_folder(catalog.folder, table) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left")
    return path


def files(catalog: Catalog) -> set[Path]:
    return set(catalog.folder.glob("main/*/*"))


def test_only_staged_files_of_runs_before_this_one_and_of_this_pipeline_go(catalog: Catalog) -> None:
    before = files(catalog)
    left = put(catalog, sink_file_name(SinkFile(PIPELINE, 2, 3), "ab"))
    stay = [
        put(catalog, sink_file_name(SinkFile(PIPELINE, 2, 4), "ab")),
        put(catalog, sink_file_name(SinkFile(PIPELINE, 2, 5), "ab")),
        put(catalog, sink_file_name(SinkFile("other", 2, 1), "ab")),
        put(catalog, merged_file_name("ab")),
        put(catalog, "notes.parquet"),
        put(catalog, sink_file_name(SinkFile(PIPELINE, 2, 3), "cd"), "somebody's/"),
    ]
    pending = put(catalog, sink_file_name(SinkFile(PIPELINE, 3, 3), "ef"))
    remove_staged(catalog, PIPELINE, 4, {("events", pending.name)})
    assert not left.exists()
    assert files(catalog) == {*before, *stay, pending}
    catalog.close()


def test_only_merged_files_that_no_row_names_go(catalog: Catalog) -> None:
    left = put(catalog, merged_file_name("ab"))
    named = put(catalog, merged_file_name("cd"))
    with catalog.transaction() as connection:
        connection.execute(
            "INSERT INTO ducklake_files_scheduled_for_deletion VALUES (99, ?, 1, '2026-01-01')",
            (f"main/events/{named.name}",),
        )
    stay = {*files(catalog), put(catalog, merged_file_name("ef"), "somebody's/")} - {left}
    points: list[str] = []
    assert remove_merged(catalog, points.append) == 1
    assert points == ["before_unlink", "after_unlink"]
    assert files(catalog) == stay
    catalog.close()


def test_staged_files_go_once_their_epoch_was_published_without_them(catalog: Catalog) -> None:
    left = [put(catalog, sink_file_name(SinkFile(PIPELINE, epoch, 7), "ab")) for epoch in (0, 1)]
    stay = {
        *files(catalog),
        # of the epoch that is to be published, and of a pipeline that has published nothing
        put(catalog, sink_file_name(SinkFile(PIPELINE, 2, 1), "ab")),
        put(catalog, sink_file_name(SinkFile("other", 1, 1), "ab")),
        put(catalog, merged_file_name("ab")),
    } - {*left}
    assert remove_published(catalog) == 2
    assert files(catalog) == stay
    catalog.take_over(PIPELINE, "another-store")
    put(catalog, left[0].name)
    assert remove_published(catalog) == 0
    catalog.close()


def test_a_table_without_a_folder_has_nothing_left(catalog: Catalog) -> None:
    assert not table_folder(catalog.folder, "total_delta/").exists()
    assert remove_merged(catalog) == 0
    remove_staged(catalog, PIPELINE, 9, set())
    catalog.close()
