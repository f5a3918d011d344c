"""Loops that are kept as machine code: without the compiler, right, and never an old one."""

import json
import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar import loops as made
from dataflow.columnar.image import Image, Unfit
from dataflow.columnar.loops import loops
from dataflow.columnar.types import Int64s

ROOT = Path(__file__).parents[3]
IMAGES = platform.machine() == "x86_64" and sys.platform == "linux"
needs_images = pytest.mark.skipif(not IMAGES, reason="images are for Linux on x86-64")

GROUPS = "columnar/group_kernel"
COUNT = """
import json, sys
import numpy as np
from dataflow.columnar.loops import loops
_, count, _ = loops("columnar/group_kernel")
counts = np.zeros(2, np.int64)
count(np.array([0, 1, 1]), np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0, np.bool_), counts)
print(json.dumps([counts.tolist(), "numba" in sys.modules, "dataflow.columnar.group_kernel" in sys.modules]))
"""


def says(folder: Path, **environment: str) -> list[object]:
    told = {**os.environ, "NUMBA_CACHE_DIR": str(folder), **environment}
    done = subprocess.run([sys.executable, "-c", COUNT], cwd=ROOT, env=told, capture_output=True, text=True, check=True)
    found: list[object] = json.loads(done.stdout)
    return found


def images(folder: Path) -> list[Path]:
    return sorted(folder.glob("columnar.group_kernel.*.loops"))


@needs_images
def test_the_second_process_runs_what_the_first_one_compiled_without_the_compiler(tmp_path: Path) -> None:
    assert says(tmp_path) == [[1, 2], True, True]
    assert says(tmp_path) == [[1, 2], False, False]
    (kept,) = images(tmp_path)
    # another setting of the compiler
    assert says(tmp_path, NUMBA_OPT="1") == [[1, 2], True, True]
    assert len(images(tmp_path)) == 2
    # a file that a machine which stopped has left
    for content in (b"", kept.read_bytes()[:-1], b"x" * 100):
        kept.write_bytes(content)
        assert says(tmp_path) == [[1, 2], True, True]
        assert says(tmp_path) == [[1, 2], False, False]


@needs_images
def test_what_is_kept_is_not_run_once_a_file_that_it_is_made_of_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    loops(GROUPS)
    (kept,) = images(tmp_path)
    image = Image.read(kept.read_bytes())
    assert image is not None
    assert made._read(kept) == image
    assert {GROUPS, "columnar/memory", "columnar/types", "columnar/image_maker"} <= image.made_of.keys()
    for file in image.made_of:
        other = Image(image.code, image.entries, image.moved, image.asked, {**image.made_of, file: "0" * 32})
        kept.write_bytes(other.write())
        assert made._read(kept) is None
    gone = Image(image.code, image.entries, image.moved, image.asked, {**image.made_of, "columnar/gone": "0"})
    kept.write_bytes(gone.write())
    assert made._read(kept) is None


def test_a_kernel_is_made_of_all_files_that_it_imports() -> None:
    files = made._files("decode/json/plain_kernel")
    wanted = ("plain_kernel", "plain_layout", "absent_kernel", "scan_kernel", "time_kernel", "number_kernel")
    assert {f"decode/json/{name}" for name in wanted} | {"columnar/inner", "columnar/loop"} <= files


@needs_images
@pytest.mark.parametrize(
    "reason", ["another processor or system", "no folder that can be written", "code that an image cannot hold"]
)
def test_where_no_image_can_be_the_compilers_own_way_is_taken(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unfit(*_: object) -> None:
        raise Unfit

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    if reason == "another processor or system":
        monkeypatch.setattr(made, "_maker", lambda: None)
    elif reason == "code that an image cannot hold":
        monkeypatch.setattr("dataflow.columnar.image_maker.linked", unfit)
    else:
        (tmp_path / "file").touch()
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    _, count, _ = loops(GROUPS)
    counts = np.zeros(1, np.int64)
    count(np.zeros(3, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0, np.bool_), counts)
    assert counts.tolist() == [3]
    assert images(tmp_path) == []


@needs_images
def test_a_folder_that_cannot_be_written_is_left_to_the_compiler_that_knows_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("an image would be made at every start")

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "to" / "be" / "made"))
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr(made, "_make", asked)
    assert len(loops(GROUPS)) == 3
    assert images(tmp_path) == []


EVERY, TRUE = np.zeros(0, np.int64), np.zeros(0, np.bool_)


@needs_images
@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(3, np.int32),
        np.zeros(3, np.uint64),
        np.zeros(3, np.float64),
        np.zeros(3, ">i8"),
        np.zeros((3, 1), np.int64),
        np.zeros(6, np.int64)[::2],
        np.frombuffer(bytes(25), np.uint8)[1:].view(np.int64),
        [0, 0, 0],
        7,
        None,
        b"texts are no arrays",
    ],
    ids=repr,
)
def test_an_array_of_another_kind_is_refused_and_not_read(wrong: object) -> None:
    _, count, _ = loops(GROUPS)
    with pytest.raises(TypeError, match="another kind"):
        count(wrong, EVERY, TRUE, TRUE, np.zeros(1, np.int64))


@needs_images
def test_an_array_that_may_only_be_read_is_not_written() -> None:
    _, count, _ = loops(GROUPS)
    counts = np.zeros(1, np.int64)
    counts.flags.writeable = False
    rows = np.zeros(3, np.int64)
    rows.flags.writeable = False
    with pytest.raises(TypeError, match="another kind"):
        count(rows, EVERY, TRUE, TRUE, counts)
    mine = np.zeros(1, np.int64)
    count(rows, EVERY, TRUE, TRUE, mine)
    assert mine.tolist() == [3]


@needs_images
def test_too_few_arguments_and_no_numbers_are_refused() -> None:
    number, count, _ = loops(GROUPS)
    with pytest.raises(TypeError, match="missing 3"):
        count(EVERY, EVERY)
    with pytest.raises(struct.error, match="not an integer"):
        number(EVERY, EVERY, "x", EVERY, True, np.zeros(1, np.uint32), *[np.zeros(1, np.int64)] * 4)


words = st.lists(st.integers(-(2**63), 2**63 - 1)).map(lambda each: np.array(each, np.int64))


@needs_images
@given(words, words, st.integers(0, 2**64 - 1))
def test_numbers_come_and_go_as_they_are(left: Int64s, right: Int64s, partition: int) -> None:
    sum_rows = loops("columnar/hash_kernel")[2]
    rows = min(len(left), len(right))
    total = sum_rows(partition, left[:rows], right[:rows])
    assert 0 <= total < 2**64
    assert total == sum(sum_rows(partition, left[at : at + 1], right[at : at + 1]) for at in range(rows)) % 2**64
