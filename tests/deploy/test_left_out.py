"""Without Java, Maven or Chromium the other tests run, what is left out is named, and CI does not pass for it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree whose python only says what it was asked to run."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "tests.sh", tmp_path / "deploy")
    script(tmp_path / "deploy" / "browser.sh", "exit 0")
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname", "sed", "head"):
        path = shutil.which(tool)
        assert path is not None
        (tmp_path / "bin" / tool).symlink_to(path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    script(tmp_path / ".venv" / "bin" / "python", 'echo "ran $*"; exit ${FAKE_EXIT:-0}')
    return tmp_path


def script(path: Path, text: str) -> None:
    path.write_text(f"#!{shutil.which('sh')}\n{text}\n")
    path.chmod(0o755)


def java(checkout: Path, version: str) -> None:
    script(checkout / "bin" / "java", f"""echo 'openjdk version "{version}" 2025-04-15' >&2""")


def run(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(checkout / "bin" / "sh"), str(checkout / "deploy" / "tests.sh")]
    return subprocess.run(
        command, env={"PATH": str(checkout / "bin"), **environment}, capture_output=True, text=True, check=False
    )


def test_with_java_and_maven_all_tests_run(checkout: Path) -> None:
    java(checkout, "17.0.15")
    script(checkout / "bin" / "mvn", "exit 0")
    done = run(checkout, CI="true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran -m pytest -n 2 --durations=30\n", "")


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_402"])
def test_a_java_that_is_too_old_counts_as_missing(checkout: Path, version: str) -> None:
    java(checkout, version)
    script(checkout / "bin" / "mvn", "exit 0")
    done = run(checkout)
    assert (done.returncode, done.stdout) == (0, "ran -m pytest -n 2 --durations=30 -m not kafka\n")
    assert "lacks Java 17 or newer" in done.stderr
    assert "Maven" not in done.stderr


def test_both_missing_are_named_with_how_to_get_them(checkout: Path) -> None:
    done = run(checkout)
    assert done.returncode == 0
    assert "openjdk-17-jre-headless) and Maven (a package such as maven)" in done.stderr


def test_ci_fails_for_what_was_left_out_after_running_the_rest(checkout: Path) -> None:
    java(checkout, "21")
    done = run(checkout, CI="true")
    assert (done.returncode, done.stdout) == (1, "ran -m pytest -n 2 --durations=30 -m not kafka\n")
    assert "lacks Maven" in done.stderr


def test_failing_tests_fail_whatever_is_left_out(checkout: Path) -> None:
    assert run(checkout, FAKE_EXIT="1").returncode == 1


def test_without_a_browser_the_page_is_left_out_and_named(checkout: Path) -> None:
    script(checkout / "deploy" / "browser.sh", "echo 'this machine lacks Chromium at its place' >&2; exit 1")
    done = run(checkout)
    assert (done.returncode, done.stdout) == (0, "ran -m pytest -n 2 --durations=30 -m not kafka and not browser\n")
    assert "left out: tests of the page; this machine lacks Chromium at its place" in done.stderr
    java(checkout, "21")
    script(checkout / "bin" / "mvn", "exit 0")
    done = run(checkout, CI="true")
    assert (done.returncode, done.stdout) == (1, "ran -m pytest -n 2 --durations=30 -m not browser\n")
