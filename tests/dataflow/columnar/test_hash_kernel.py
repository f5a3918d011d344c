"""How the kernels are made; what they give is tested in test_hashing.py and test_dedup.py."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from dataflow.columnar import hash_kernel as judge_kernel


def test_where_no_cache_can_be_written_the_kernels_are_compiled_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def refuse(_signature: Any, **options: Any) -> Callable[[Any], str]:
        asked.append("cache" in options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function")
        return lambda function: f"{function.__name__} in memory"

    monkeypatch.setattr(judge_kernel, "njit", refuse)
    made: tuple[object, ...] = judge_kernel.compiled()
    assert made == tuple(f"_{name} in memory" for name in judge_kernel.Kernels._fields)
    assert asked == [True, False] * 6


def test_the_compiler_is_not_loaded_before_something_is_hashed() -> None:
    code = "import sys, dataflow.intake.judge, proof.audit.audit, sinks.lake.sink; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
