"""The image and the Compose file, as their own tools and a run's health see them."""

import fnmatch
import json
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.endpoint import Health, serve
from tests.deploy.operated import COMPOSE, DOCKERFILE, ROOT, compose, instructions, ours, said
from tests.query.lakes import LakeMaker
from tests.runtime.test_endpoint import free_port
from tests.serve.process import running
from tests.serve.served_lake import fill


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A program of the development environment."""
    command = [Path(sys.executable).with_name(name), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing_in_the_dockerfile(tmp_path: Path) -> None:
    assert (done := tool("hadolint", DOCKERFILE)).returncode == 0, done.stdout
    careless = tmp_path / "Dockerfile"
    careless.write_text(DOCKERFILE.read_text().replace("python:${PYTHON}", "python:latest"))
    assert "DL3007" in tool("hadolint", careless).stdout


def test_the_compose_file_is_of_the_specifications_form(tmp_path: Path) -> None:
    check = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    assert (done := tool(*check, COMPOSE)).returncode == 0, done.stdout
    careless = tmp_path / "compose.yaml"
    careless.write_text(COMPOSE.read_text().replace("stop_grace_period", "stop_grace_time"))
    assert tool(*check, careless).returncode == 1


def test_what_a_service_waits_for_and_what_it_mounts_is_there() -> None:
    services, volumes = compose()["services"], compose()["volumes"]
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            checked = "test" in services[name].get("healthcheck", {}) or name == "tidemill"
            assert how["condition"] == ("service_completed_successfully" if name == "topic" else "service_healthy")
            assert checked or name == "topic"
        for source, _, _ in (f"{mount}:".split(":", 2) for mount in service.get("volumes", [])):
            assert source in volumes or (COMPOSE.parent / source).is_file(), source


def test_a_service_that_is_no_run_has_no_health_of_one() -> None:
    runs = [name for name, service in ours().items() if not service.get("healthcheck", {}).get("disable")]
    assert runs == ["tidemill", "tidemill-serve"]
    assert ours()["tidemill-serve"]["healthcheck"]["test"]


def test_compaction_is_done_by_one_service() -> None:
    assert ours()["tidemill"]["environment"]["TIDEMILL_COMPACT_EVERY"] == "0s"
    assert ours()["compaction"]["command"][:3] == ["compact", "--every", "30s"]


def left_out(path: str) -> bool:
    """Whether .dockerignore keeps a path of this tree out of the build."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    parents = [path, *(str(parent) for parent in Path(path).parents)]
    return any(fnmatch.fnmatch(each, pattern.removeprefix("**/")) for pattern in patterns for each in parents)


def test_the_build_sees_the_source_and_nothing_that_running_made() -> None:
    copied = [text.split() for word, text in instructions() if word == "COPY" and "--from" not in text]
    for *sources, _target in copied:
        for source in sources:
            assert (ROOT / source).exists()
            assert source == "." or not left_out(source)
    needed = ["pyproject.toml", "README.md", "LICENSE", "requirements.txt", "pipelines/dimensions/ads.csv"]
    assert [path for path in needed if left_out(path) or not (ROOT / path).is_file()] == []
    made = (".git/config", ".venv/bin/python", "lake/catalog.sqlite", "demo/lake/catalog.sqlite", ".run/kafka/x")
    assert [path for path in made if not left_out(path)] == []


def health_check(port: int) -> int:
    """The exit code of the image's health check, asked of another port."""
    return asked(json.loads(said("HEALTHCHECK").partition("CMD ")[2]), "9464", port)


def asked(command: list[str], meant: str, port: int) -> int:
    """The exit code of a health check that means another port."""
    code = command[2].replace(meant, str(port))
    assert command[:2] == ["python", "-c"]
    assert code != command[2]
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


@pytest.mark.parametrize(("stalled_s", "code"), [(0.0, 0), (31.0, 1)])
def test_the_health_check_says_what_the_run_says(stalled_s: float, code: int) -> None:
    port = free_port()
    end = serve("127.0.0.1", port, Health(lambda: stalled_s))
    try:
        assert health_check(port) == code
    finally:
        end()


def test_a_run_that_does_not_answer_is_not_healthy() -> None:
    assert health_check(free_port()) == 1


def test_the_health_check_of_a_server_says_whether_it_would_answer(tmp_path: Path) -> None:
    cmd, *command = ours()["tidemill-serve"]["healthcheck"]["test"]
    assert cmd == "CMD"
    port = free_port()
    assert asked(command, "8088", port) == 1
    with running(tmp_path / "lake", "--serve-port", str(port)) as (_, address):
        assert address == f"http://127.0.0.1:{port}"
        assert asked(command, "8088", port) == 1
        with LakeMaker(tmp_path / "lake") as maker:
            fill(maker)
            assert asked(command, "8088", port) == 0
