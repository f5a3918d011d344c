"""A library that another one would take is not found for the time being."""

import subprocess
import sys

import pytest

from dataflow.left_out import left_out


def test_it_is_not_found_in_the_block_and_found_after_it() -> None:
    code = """
from dataflow.left_out import left_out
with left_out("rich"):
    try:
        import rich
    except ImportError:
        print("not found")
import rich
print("found", rich is not None)
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told == "not found\nfound True\n"


def test_one_that_is_there_stays() -> None:
    before = sys.modules["pytest"]
    with left_out("pytest"):
        assert sys.modules["pytest"] is before is pytest


def test_an_error_in_the_block_leaves_nothing_behind() -> None:
    def fails() -> None:
        with left_out("a_package_that_nobody_has"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert "a_package_that_nobody_has" not in sys.modules
