from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from spark.generate.files import write_files
from spark.generate.generated import Generated


def test_files_come_in_the_place_of_those_that_are_there(tmp_path: Path) -> None:
    write_files(Generated({"a": "1", "b": "2"}, ()), tmp_path / "x" / "y")
    write_files(Generated({"a": "3"}, ()), tmp_path / "x" / "y")
    assert {path.name: path.read_text() for path in (tmp_path / "x" / "y").iterdir()} == {"a": "3", "b": "2"}


def test_a_folder_that_cannot_be_one_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(ConfigError, match=r"--out = .*cannot be written"):
        write_files(Generated({"a": "1"}, ()), tmp_path / "x")
