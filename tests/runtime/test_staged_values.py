"""States of the lake's sink without what they told of files: a start goes on with them as with those before."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from bytewax.recovery import RecoveryConfig
from bytewax.testing import cluster_main

from dataflow.errors import RecoveryError
from runtime.recovery_folder import STORE, RecoveryFolder
from runtime.recovery_store import durable_sink_state
from runtime.staged_values import forget_published
from sinks.lake.catalog.erasures import published_epochs
from sinks.lake.manifest import from_state
from tests.sinks.lake.test_sink import flow_of


def play(lake: Path, folder: RecoveryFolder, count: int) -> None:
    recovery = RecoveryConfig(str(folder.path), timedelta(0))
    cluster_main(flow_of(lake, count), [], 0, epoch_interval=timedelta(0), recovery_config=recovery)


def published(lake: Path) -> dict[str, int]:
    with closing(sqlite3.connect(lake / "catalog.sqlite")) as catalog:
        return published_epochs(catalog)


def test_a_store_goes_on_without_the_files_of_epochs_that_the_lake_has(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    play(tmp_path / "lake", folder, 6)
    staged = from_state(durable_sink_state(folder))
    assert any(manifest.files for manifest in staged)
    (lineage,) = {manifest.lineage for manifest in staged}
    # as a run leaves it that has published its last epoch
    forget_published(folder, {lineage: max(manifest.epoch for manifest in staged)})
    left = from_state(durable_sink_state(folder))
    assert [(manifest.epoch, manifest.files) for manifest in left] == [(manifest.epoch, ()) for manifest in staged]
    assert [manifest.ranges for manifest in left] == [manifest.ranges for manifest in staged]


def test_what_the_lake_does_not_have_stays_and_is_published_by_the_next_start(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    play(tmp_path / "lake", folder, 6)
    before = durable_sink_state(folder)
    forget_published(folder, published(tmp_path / "lake"))
    after = durable_sink_state(folder)
    had = published(tmp_path / "lake")
    assert [each for each in from_state(after) if each.files] == [
        each for each in from_state(before) if each.epoch > had.get(each.lineage, -1)
    ]
    play(tmp_path / "lake", folder, 8)
    assert max(published(tmp_path / "lake").values()) >= max(each.epoch for each in from_state(before))


def test_a_store_that_cannot_be_written_or_is_held_is_said(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    running = RecoveryFolder(tmp_path / "recovery")
    running.lock()
    with pytest.raises(RecoveryError):
        forget_published(folder, {})
    running.unlock()
    (folder.path / STORE).write_bytes(b"no database" * 500)
    with pytest.raises(RecoveryError, match="cannot be rewritten"):
        forget_published(folder, {})
