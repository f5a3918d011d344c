"""docs/serving.md says what the server does: paths, parameters, members, figures, and examples that answer."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from serve.api.guard import OPEN
from serve.ask.alerts_question import AlertsQuestion
from serve.ask.rollup_question import PARAMETERS
from serve.figures import Figures
from serve.forms import FORMS
from tests.query.lakes import LakeMaker
from tests.serve.process import running
from tests.serve.served_lake import alert, fill, with_rules

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
COMMANDS = re.findall(r"^(curl .+)$", PAGE, re.MULTILINE)


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    return [
        name for cell in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", cell)
    ]


def test_the_paths_of_the_page_are_those_of_the_server(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    assert set(first_cells(section("Paths"))) == routes


def test_the_parameters_of_rollups_are_those_that_are_read() -> None:
    told = set(first_cells(section("Reports and rollups")))
    assert told - {"key.NAME"} == {each.name for each in PARAMETERS} - {"as_of", "tz", "limit", "cursor"}


def test_the_parameters_and_events_of_alerts_are_those_that_are_read() -> None:
    told = set(first_cells(section("Alerts")))
    read = {each.name for each in AlertsQuestion.parameters} - {"as_of", "tz", "limit", "cursor"}
    assert told - {"alert", "reset", "problem"} == read


def test_the_members_and_forms_of_answers_are_those_that_are_sent(client: TestClient) -> None:
    sent = client.get("/api/v1/reports/clicks_per_ad").json()
    assert set(first_cells(section("Forms"))) == sent.keys()
    assert all(f"`{name}`" in section("Forms") for name in FORMS)


def test_the_figures_of_the_page_are_exported() -> None:
    families = {metric.name + ("_total" if metric.type == "counter" else "") for metric in Figures().registry.collect()}
    assert set(first_cells(section("Figures"))) <= families


def test_the_paths_that_need_no_token_are_told() -> None:
    assert all(f"`{path}`" in section("Who may ask") for path in OPEN - {"/favicon.ico"})


def test_there_are_examples() -> None:
    assert len(COMMANDS) >= 5


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory):
    with LakeMaker(tmp_path_factory.mktemp("page") / "lake", with_rules()) as lake:
        fill(lake)
        lake.commit({"alert_changes": [alert("a", 1)]})
        with running(lake.folder) as (_, url):
            yield url


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_answers(address: str, command: str) -> None:
    words = shlex.split(command.replace("http://127.0.0.1:8088", address))
    done = subprocess.run([*words, "--fail-with-body"], capture_output=True, text=True, timeout=60)
    # a feed has no end but the one that the example sets
    assert done.returncode == (28 if "curl -sN" in command else 0), done.stdout + done.stderr
    assert done.stdout
