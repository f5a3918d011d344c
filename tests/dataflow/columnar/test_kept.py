"""Compiled loops that are kept on disk: what is kept is used again only where all its code is as it was."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numba import njit, types

from dataflow.columnar.hash_kernel import first_mix
from dataflow.columnar.kept import kept, print_of
from dataflow.columnar.memory import Compiled, byte_at, word_at

ROOT = Path(__file__).parents[3]
LOOP = """
from numba import types
from dataflow.columnar.kept import kept
from helper import STEP, moved

def _loop(number):
    return moved(number) + STEP

print(kept((types.int64,), _loop)(1))
"""
HELPER = "from numba import njit\nSTEP = {step}\nmoved = njit()(lambda number: number * {factor})\n"


def says(folder: Path, *, step: int, factor: int) -> int:
    (folder / "loop.py").touch()
    (folder / "helper.py").write_text(HELPER.format(step=step, factor=factor))
    os.utime(folder / "loop.py", (1_700_000_000, 1_700_000_000))
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(
        [sys.executable, "loop.py"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return int(told.stdout)


def kept_in(folder: Path) -> int:
    return len(list(folder.glob("__pycache__/*.nbc")))


def test_what_was_kept_is_not_used_where_a_helper_of_another_file_has_changed(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text(LOOP)
    assert says(tmp_path, step=10, factor=2) == 12
    assert says(tmp_path, step=10, factor=2) == 12
    assert kept_in(tmp_path) == 1
    assert says(tmp_path, step=10, factor=3) == 13
    assert says(tmp_path, step=20, factor=3) == 23
    assert kept_in(tmp_path) == 3


def made(factor: int) -> Callable[[int], int]:
    def helper(number: int) -> int:
        return number * factor

    return helper


def _reads_a_word(at: int) -> int:
    return word_at(at)


def _reads_a_byte(at: int) -> int:
    return byte_at(at)


def _calls_itself(number: int) -> int:
    return number if number < 2 else _calls_itself(number - 1)


def _mixes(number: np.uint64) -> np.uint64:
    return first_mix(number)


def test_a_print_tells_functions_by_their_code_and_by_what_they_name() -> None:
    functions: list[Compiled] = [made(2), made(3), _reads_a_word, _reads_a_byte, _calls_itself, _mixes]
    assert len({print_of(function) for function in functions}) == len(functions)
    assert print_of(made(2)) == print_of(made(2)) == print_of(njit(made(2)))


def test_without_a_folder_to_keep_it_in_it_is_compiled_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_can_be_written(*_: object) -> None:
        return None

    from numba.core import caching

    for locator in caching.CacheImpl._locator_classes:
        monkeypatch.setattr(locator, "from_function", classmethod(none_can_be_written))
    assert kept((types.int64,), _next)(4) == 5


def _next(number: int) -> int:
    return number + 1
