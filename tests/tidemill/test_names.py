"""The names that a pipeline file imports are those of the declarations, and come when they are asked for."""

import subprocess
import sys

import pytest

import dataflow
import run
import tidemill
from dataflow import aggregates, windows
from tidemill import aggregates as outside_aggregates
from tidemill import run as outside_run
from tidemill import windows as outside_windows


def test_every_declaration_has_its_name() -> None:
    assert tidemill.__all__ == dataflow.__all__
    for name in tidemill.__all__:
        assert getattr(tidemill, name) is getattr(dataflow, name)
        assert name in dir(tidemill)


def test_so_have_aggregates_windows_and_the_flow() -> None:
    assert {*aggregates.__all__} == {*outside_aggregates.__all__}
    made = {name for name, value in vars(windows).items() if getattr(value, "__module__", "") == "dataflow.windows"}
    assert {name for name in made if not name.startswith("_")} == {*outside_windows.__all__}
    for outside, inside in ((outside_aggregates, aggregates), (outside_windows, windows), (outside_run, run)):
        assert all(getattr(outside, name) is getattr(inside, name) for name in outside.__all__)


def test_another_name_is_said_to_be_none() -> None:
    with pytest.raises(ImportError, match="cannot import name 'Piplin' from 'tidemill'"):
        exec("from tidemill import Piplin")


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, tidemill; print([name for name in ('pydantic', 'dataflow') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_the_package_is_a_program() -> None:
    assert subprocess.check_output([sys.executable, "-m", "tidemill", "--version"], text=True).startswith("tidemill ")
