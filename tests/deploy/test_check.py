"""`make deploy-check`: what is found or cannot be looked at is named, and nothing of it passes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.operated import ROOT, compose

SCRIPT = ROOT / "deploy" / "check.sh"
TOOLS = ("sh", "dirname", "basename", "mktemp", "rm", "cat", "sed", "mkdir", "cp")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with the files, and programs that find nothing; none of systemd, Go and promtool."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("lib", "__pycache__", ".lib*"))
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        path = shutil.which(tool)
        assert path is not None
        (tmp_path / "bin" / tool).symlink_to(path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for tool in ("hadolint", "check-jsonschema", "kubernetes-validate"):
        script(tmp_path / ".venv" / "bin" / tool, "exit 0")
    return tmp_path


def script(path: Path, text: str) -> None:
    path.write_text(f"#!{shutil.which('sh')}\n{text}\n")
    path.chmod(0o755)


def machine(checkout: Path, *, systemd: str = "exit 0", promtool: str = "exit 0") -> None:
    """A machine that has everything; Go makes a loader that finds nothing."""
    script(checkout / "bin" / "systemd-analyze", systemd)
    script(checkout / "bin" / "systemd-sysusers", "exit 0")
    script(checkout / "bin" / "promtool", promtool)
    made = 'if [ "$1" = install ]; then mkdir -p "$GOBIN"; cp "$0" "$GOBIN/cmd"; fi; exit 0'
    script(checkout / "bin" / "go", made)


def run(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = [str(checkout / "bin" / "sh"), str(checkout / "deploy" / "check.sh")]
    environment = {"PATH": str(checkout / "bin"), "TMPDIR": str(checkout)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_where_nothing_is_found_it_passes_and_leaves_nothing_behind(checkout: Path) -> None:
    machine(checkout)
    before = sorted(checkout.iterdir())
    done = run(checkout)
    assert (done.returncode, done.stdout) == (0, "")
    assert {line.rpartition(": ")[2] for line in done.stderr.splitlines()} == {"well"}
    assert sorted(checkout.iterdir()) == before


def test_what_a_machine_lacks_is_named_and_does_not_pass(checkout: Path) -> None:
    done = run(checkout)
    assert done.returncode == 1
    for lacking in ("units", "dashboards", "Compose file (loader)", "alerts"):
        assert f"deploy-check: {lacking}: left out, because this machine lacks" in done.stderr
    assert "Dockerfile (hadolint): well" in done.stderr


def test_a_warning_of_systemd_is_a_finding_though_it_ends_well(checkout: Path) -> None:
    machine(checkout, systemd="echo \"Unknown key 'ProtectHouse'\"; exit 0")
    done = run(checkout)
    assert done.returncode == 1
    assert "Unknown key 'ProtectHouse'" in done.stderr
    assert done.stderr.endswith("deploy-check: not well: units (systemd-analyze)\n")


def test_an_alert_that_fails_its_test_is_a_finding_and_the_others_are_looked_at(checkout: Path) -> None:
    machine(checkout, promtool='[ "$1" = check ] || { echo "got: []"; exit 1; }')
    script(checkout / ".venv" / "bin" / "hadolint", "exit 1")
    done = run(checkout)
    assert done.returncode == 1
    assert done.stderr.endswith("not well: Dockerfile (hadolint), alerts and scraping (promtool)\n")
    assert "dashboards (Grafana's types): well" in done.stderr


def test_what_is_fetched_is_of_one_version() -> None:
    text = SCRIPT.read_text()
    fetched = re.findall(r"^\w+=(github\.com/\S+)$", text, re.MULTILINE)
    assert len(fetched) == 3
    assert [each for each in fetched if not re.search(r"@v\d+\.\d+\.\d+$", each)] == []
    promtool = re.search(r"prometheus/cmd/promtool@v0\.(\d)(\d+)\.(\d+)", text)
    assert promtool is not None
    assert compose()["services"]["prometheus"]["image"] == f"prom/prometheus:v{promtool[1]}.{promtool[2]}.{promtool[3]}"
