"""Two processes run every test once, those that share a start in one of them, and fail as one would."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.side_by_side import FIRST, TOGETHER, piece, rank

ROOT = Path(__file__).parents[1]

SAYS = """
import os, pathlib, time, pytest

@pytest.mark.parametrize("n", range(4))
def test_one(n):
    with open("ran", "a") as ran:
        print(os.environ.get("PYTEST_XDIST_WORKER", "alone"), __file__, n, file=ran)
    time.sleep(0.05)
    assert (os.environ.get("FAILS"), n) != (pathlib.Path(__file__).stem, 2)
"""


def test_what_is_named_is_there() -> None:
    assert [place for place in (*FIRST, *TOGETHER) if not (ROOT / place).exists()] == []


def test_a_file_stays_together_and_so_does_a_folder_with_one_start() -> None:
    assert piece("tests/test_docs.py::test_a[tests/page/x.py::y]") == "tests/test_docs.py"
    assert piece("tests/page/test_board.py::test_a") == piece("tests/page/test_views.py::test_b") == "tests/page"
    assert piece("tests/pages/test_a.py::test_a") == "tests/pages/test_a.py"


def test_what_takes_longest_is_begun_first() -> None:
    begun = [f"{FIRST[0]}::test_a[x]", "tests/page/test_board.py::test_a", "tests/e2e/test_rules.py::test_b"]
    assert sorted([*begun, "tests/cli/test_app.py::test_c"], key=rank) == [*begun, "tests/cli/test_app.py::test_c"]
    assert rank("tests/cli/test_app.py::test_c") == rank("tests/test_docs.py::test_a[tests/page/x.py]") == len(FIRST)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own with the hooks of this one."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    hooks = "pytest_collection_modifyitems, pytest_xdist_make_scheduler"
    (tmp_path / "conftest.py").write_text(f"from tests.side_by_side import {hooks}\n")
    for name in ("page/test_a", "page/test_b", "cli/test_c", "cli/test_d", "e2e/test_e"):
        path = tmp_path / "tests" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SAYS)
    return tmp_path


def run(project: Path, *flags: str, **environment: str) -> tuple[int, str, list[list[str]]]:
    """Exit code, output, and for each test that ran its process, file and number."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *flags, "tests"]
    clean = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, cwd=project, env=clean, capture_output=True, text=True, check=False)
    ran = [line.split() for line in (project / "ran").read_text().splitlines()]
    return done.returncode, done.stdout + done.stderr, ran


def test_two_processes_run_every_test_once_and_a_folder_with_one_start_in_one_of_them(project: Path) -> None:
    code, said, ran = run(project, "-n", "2")
    assert code == 0, said
    assert "20 passed" in said
    assert len({(file, n) for _, file, n in ran}) == len(ran) == 20
    assert {process for process, _, _ in ran} == {"gw0", "gw1"}
    for place in ("/page/", "test_c", "test_d", "test_e"):
        assert len({process for process, file, _ in ran if place in file}) == 1
    of_one = [Path(file).stem for process, file, _ in ran if process == "gw0"]
    assert of_one == sorted(of_one, key=lambda name: rank(f"tests/{'page' if name < 'test_c' else 'cli'}/{name}.py::"))


def test_a_failure_in_one_of_two_processes_is_told_as_in_one(project: Path) -> None:
    code, said, ran = run(project, "-n", "2", FAILS="test_d")
    assert (code, len(ran)) == (1, 20)
    assert re.search(r"^FAILED tests/cli/test_d\.py::test_one\[2\]", said, re.MULTILINE)
    assert "1 failed, 19 passed" in said


def test_without_the_flag_one_process_runs_the_tests_in_the_order_of_the_tree(project: Path) -> None:
    code, said, ran = run(project)
    assert code == 0, said
    assert [Path(file).stem for _, file, _ in ran[::4]] == ["test_c", "test_d", "test_e", "test_a", "test_b"]
    assert {process for process, _, _ in ran} == {"alone"}
