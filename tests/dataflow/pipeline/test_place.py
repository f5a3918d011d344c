"""How a pipeline is named."""

from pathlib import Path

import pytest

from dataflow.pipeline.place import split_place


@pytest.mark.parametrize(
    ("spec", "path", "name"),
    [
        ("pipelines/ads.py", "pipelines/ads.py", None),
        ("pipelines/ads.py:other", "pipelines/ads.py", "other"),
        ("nowhere/x.py:no-name", "nowhere/x.py:no-name", None),
        ("x.py", "x.py", None),
    ],
)
def test_a_name_follows_the_path_after_a_colon(spec: str, path: str, name: str | None) -> None:
    assert split_place(spec) == (Path(path), name)


def test_a_file_whose_own_name_has_a_colon_is_taken_as_it_is(tmp_path: Path) -> None:
    odd = tmp_path / "a:b"
    odd.write_text("")
    assert split_place(str(odd)) == (odd, None)
