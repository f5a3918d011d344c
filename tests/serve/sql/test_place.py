"""A place changes with its folders: when one comes, goes, or is another one under the same name."""

from pathlib import Path

from serve.sql.place import place_of


def test_a_folder_that_comes_or_is_another_one_is_another_place(tmp_path: Path) -> None:
    nothing = place_of(tmp_path, ["main/"])
    assert nothing == place_of(tmp_path, ["main/"])
    (tmp_path / "main").mkdir()
    there = place_of(tmp_path, ["main/"])
    assert there != nothing
    assert there == place_of(tmp_path, ["main/"])
    (tmp_path / "main").rename(tmp_path / "old")
    (tmp_path / "main").mkdir()
    assert place_of(tmp_path, ["main/"]) != there
    assert place_of(tmp_path, ["b/", "a/"]) == place_of(tmp_path, ["a/", "b/"])
