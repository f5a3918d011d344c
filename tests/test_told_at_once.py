"""A run of all tests that is ended from outside has said by then what failed and what hung."""

import subprocess
import sys
from pathlib import Path

from tests.leftovers import ROOT
from tests.told_at_once import ToldAtOnce


def test_tests_at_work_are_named_with_their_time_and_long_ones_again_at_their_end() -> None:
    said: list[str] = []
    seconds = 0.0
    told = ToldAtOnce(said.append, lambda: seconds)
    told.pytest_runtest_logstart("a.py::test_one")
    seconds = 30.0
    told.pytest_runtest_logstart("b.py::test_two")
    seconds = 90.0
    assert told.at_work() == "after 2 min: a.py::test_one (90 s), b.py::test_two (60 s)"

    told.pytest_runtest_logfinish("a.py::test_one")
    seconds = 91.0
    told.pytest_runtest_logfinish("b.py::test_two")
    told.pytest_runtest_logstart("c.py::test_three")
    told.pytest_runtest_logfinish("c.py::test_three")

    assert said == ["a.py::test_one took 90 s", "b.py::test_two took 61 s"]
    assert told.at_work() == "after 2 min: no test"


def test_a_failure_is_told_before_the_tests_after_it_are_over(tmp_path: Path) -> None:
    hook = "from tests.told_at_once import tell_at_once\ndef pytest_configure(config): tell_at_once(config)\n"
    (tmp_path / "conftest.py").write_text(hook)
    (tmp_path / "test_small.py").write_text(
        "def test_breaks():\n    assert 1 == 2\n\ndef test_goes_on():\n    pass\n",
    )

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    told, at, rest = run.stdout.partition("FAILED after 0 min: test_small.py::test_breaks (call)")
    assert at, run.stdout + run.stderr
    assert "assert 1 == 2" in rest.partition("= FAILURES =")[0]
    assert "= FAILURES =" not in told
