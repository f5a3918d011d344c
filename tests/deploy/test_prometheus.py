"""Alert rules and dashboard ask for what a real run exports, with the labels that it has; the page names each."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from runtime import metrics
from serve.figures import Figures
from tests.deploy.operated import (
    DASHBOARD,
    ROOT,
    RULES_TEST,
    asked_of,
    expressions,
    panels,
    rules,
)
from tests.runtime.test_endpoint import free_port, get

OF_A_TARGET = {"job", "instance"}
"""What Prometheus itself adds to each series."""

MADE_BY_PROMETHEUS = {"up": set[str]()}
EXPRESSIONS = expressions()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """/metrics of a real run, once it has committed and counted its files."""
    folder, port = tmp_path_factory.mktemp("metrics"), free_port()
    command = [
        sys.executable,
        "-c",
        "import run\nrun.main()",
        "run",
        "--source",
        "generator",
        "--generator-rate",
        "2000",
    ]
    command += ["--metrics-port", str(port), "--lake", f"{folder}/lake", "--recovery", f"{folder}/recovery", "--quiet"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, cwd=ROOT, stderr=log) as run:
        try:
            yield await_text(port, run, "tidemill_table_files{", "tidemill_records_dead_total{")
        finally:
            run.terminate()
    assert run.returncode == 0


def await_text(port: int, run: subprocess.Popen[bytes], *parts: str) -> str:
    """What /metrics says once it has all parts."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and run.poll() is None:
        try:
            _, text = get(f"http://127.0.0.1:{port}/metrics")
        except OSError:
            text = ""
        if all(part in text for part in parts):
            return text
        time.sleep(0.2)
    raise AssertionError(f"/metrics never had {parts}; exit code {run.poll()}")


def series(text: str) -> dict[str, set[str]]:
    """The labels of each series; of a metric without a series yet, those that it is declared with."""
    found: dict[str, set[str]] = {name: set(labels) for name, labels in MADE_BY_PROMETHEUS.items()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    for name, labels in declared().items():
        if name in found:
            assert found[name] - {"le"} == labels, name
        elif f"# TYPE {name} " in text:
            found[name] = labels
    return found


def declared() -> dict[str, set[str]]:
    """The product's own metrics, by the names under which Prometheus keeps them, with their labels."""
    wrappers = [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]
    return {
        metric.name + ("_total" if metric.type == "counter" else ""): set(wrapper._labelnames)
        for wrapper in wrappers
        for metric in wrapper.describe()
    }


def of_servers() -> dict[str, set[str]]:
    """The labels of each series that a server exports, as its figures are declared; tests/connect asks a real one."""
    found: dict[str, set[str]] = {}
    for wrapper in vars(Figures()).values():
        for metric in wrapper.describe() if isinstance(wrapper, MetricWrapperBase) else ():
            labels = set(wrapper._labelnames)
            if metric.type == "histogram":
                found |= {f"{metric.name}_bucket": {*labels, "le"}}
                found |= {f"{metric.name}_{each}": labels for each in ("sum", "count")}
            else:
                found[metric.name + ("_total" if metric.type == "counter" else "")] = labels
    return found


def missing(expression: str, there: dict[str, set[str]]) -> list[str]:
    """What an expression asks for that is not there."""
    selected, grouped = asked_of(expression)
    wrong = [f"no metric {name}" for name in selected if name not in there]
    for name, labels in selected.items():
        wrong += [f"{name} has no label {label}" for label in sorted(labels - OF_A_TARGET - there.get(name, labels))]
    known = OF_A_TARGET.union(*(there.get(name, set()) for name in selected))
    return wrong + [f"nothing here has a label {label}" for label in sorted(grouped - known)]


def test_rules_and_dashboard_ask_for_what_a_run_exports(exported: str) -> None:
    there = {**series(exported), **of_servers()}
    assert len(EXPRESSIONS) > 30
    assert [(where, wrong) for where, expression in EXPRESSIONS if (wrong := missing(expression, there))] == []
    assert missing("sum by (table) (tidemill_lag_records)", there) == ["nothing here has a label table"]
    assert missing('tidemill_lag_records{topic="ads"}', there) == ["tidemill_lag_records has no label topic"]
    assert missing("tidemill_serve_viewers{route='/'}", there) == ["tidemill_serve_viewers has no label route"]
    assert missing("rate(tidemill_records_lost_total[5m])", there) == ["no metric tidemill_records_lost_total"]


def test_every_metric_of_the_code_is_exported_and_in_the_page_with_its_label(exported: str) -> None:
    names = {name.removesuffix("_total") for name in declared()}
    types = {
        line.split()[2].removesuffix("_total") for line in exported.splitlines() if line.startswith("# TYPE tidemill")
    }
    assert {name for name in types if not name.endswith("_created")} == names
    table = OPERATIONS.partition("| metric | label | meaning |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|", table, re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == declared()


def test_every_metric_of_the_code_is_on_the_dashboard() -> None:
    shown = {
        name
        for panel in panels()
        for target in panel.get("targets", [])
        for name in re.findall(r"tidemill_\w+", target["expr"])
    }
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} == declared().keys()


def test_what_an_alert_says_of_a_series_are_its_labels() -> None:
    for rule in rules():
        selected, grouped = asked_of(rule["expr"])
        known = {**declared(), **of_servers()}
        labels = OF_A_TARGET | grouped | set().union(*(known.get(name, set()) for name in selected))
        for text in rule["annotations"].values():
            assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    checks = [check for case in yaml.safe_load(RULES_TEST.read_text())["tests"] for check in case["alert_rule_test"]]
    fires = {check["alertname"] for check in checks if check["exp_alerts"]}
    names = [rule["alert"] for rule in rules()]
    assert sorted(set(names)) == sorted(names)
    assert fires == set(names)
    silent = {check["alertname"] for check in checks if not check["exp_alerts"]}
    assert silent == set(names)


def test_the_page_of_operations_lists_every_alert() -> None:
    table = (ROOT / "docs" / "deploy.md").read_text().partition("| alert |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [rule["alert"] for rule in rules()]


def test_the_dashboards_panels_are_apart_and_ask_the_chosen_source() -> None:
    board = json.loads(DASHBOARD.read_text())
    numbers = [panel["id"] for panel in panels()]
    assert sorted(set(numbers)) == numbers
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    variables = {each["name"] for each in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", DASHBOARD.read_text()))
    assert used == variables == {"datasource", "job", "instance"}


def test_a_legend_names_a_label_of_its_series() -> None:
    for panel in panels():
        for target in panel.get("targets", []):
            selected, grouped = asked_of(target["expr"].replace("$__rate_interval", "5m"))
            labels = OF_A_TARGET | grouped | set().union(*(declared().get(name, set()) for name in selected))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels, panel["title"]


def test_a_run_whose_port_is_taken_ends_with_one_sentence(tmp_path: Path) -> None:
    taken = free_port()
    command = [
        sys.executable,
        "-c",
        "import run\nrun.main()",
        "run",
        "--source",
        "generator",
        "--metrics-port",
        str(taken),
    ]
    command += ["--lake", f"{tmp_path}/lake", "--recovery", f"{tmp_path}/recovery"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    where = f"metrics_port = '{taken}': cannot listen on 127.0.0.1:{taken} (Address already in use)"
    assert done.stderr == f"error: {where}; choose another port, or 0 for none\n"
    assert (done.returncode, done.stdout) == (2, "")
