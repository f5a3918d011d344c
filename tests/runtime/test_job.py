"""Where a run may put what it makes; all else of a job is what every run of tests/e2e goes through."""

from dataclasses import replace
from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from runtime.job import require_places
from runtime.recovery_folder import RecoveryFolder
from runtime.settings import Settings
from tests.query.lakes import LakeMaker


def places(lake: Path, recovery: Path) -> None:
    require_places(replace(Settings(), lake=lake, recovery=recovery), RecoveryFolder(recovery))


def test_a_new_lake_and_a_new_recovery_folder_lie_in_no_lake(tmp_path: Path) -> None:
    places(tmp_path / "lake", tmp_path / "recovery")
    LakeMaker(tmp_path / "lake").catalog.close()
    places(tmp_path / "lake", tmp_path / "recovery")
    with pytest.raises(ConfigError, match=r"lake = .*lies in the lake"):
        places(tmp_path / "lake" / "inner", tmp_path / "recovery")
    with pytest.raises(ConfigError, match=r"recovery = .*lies in the lake"):
        places(tmp_path / "lake", tmp_path / "lake" / "recovery")
    with pytest.raises(ConfigError, match=r"recovery = .*lies in the lake"):
        places(tmp_path / "new", tmp_path / "new" / "recovery")


def test_a_recovery_folder_that_is_there_is_gone_on_with(tmp_path: Path) -> None:
    LakeMaker(tmp_path / "lake").catalog.close()
    RecoveryFolder(tmp_path / "lake" / "recovery").create()
    places(tmp_path / "lake", tmp_path / "lake" / "recovery")
