"""What is read of Bytewax's store: the source partitions in it and their states, or why it cannot be read."""

from pathlib import Path

import pytest

from dataflow.errors import RecoveryError
from runtime.recovery_folder import RecoveryFolder
from runtime.recovery_store import stored_states


def test_a_store_that_is_no_database_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    assert stored_states(folder) == {}
    (folder.path / "part-0.sqlite3").write_bytes(b"no database" * 500)
    with pytest.raises(RecoveryError, match=r"cannot be read: .*recover --from-lake"):
        stored_states(folder)


def test_partitions_of_a_take_over_count_as_stored(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    folder.write_seed({"ads/0": {"next": 3}})
    assert stored_states(folder) == {"ads/0": {"next": 3}}
