"""Where numpy has an array's words."""

import sys

import pytest

from dataflow.columnar.arrays import are_as_known


def test_arrays_are_laid_out_here_as_compiled_code_reads_them() -> None:
    assert are_as_known()


def test_another_python_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "abiflags", "t")
    assert not are_as_known()
