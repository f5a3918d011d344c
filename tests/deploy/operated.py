"""The files by which Tidemill is operated, read: what they start, set, listen on and ask for."""

import configparser
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "container" / "Dockerfile"
COMPOSE = DEPLOY / "container" / "compose.yaml"
UNITS = sorted((DEPLOY / "systemd").glob("tidemill*.service"))
TIMER = DEPLOY / "systemd" / "tidemill-compact.timer"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
RULES = DEPLOY / "prometheus" / "tidemill.rules.yml"
RULES_TEST = DEPLOY / "prometheus" / "alerts_test.yml"
SCRAPE = DEPLOY / "prometheus" / "prometheus.yml"
DASHBOARD = DEPLOY / "grafana" / "tidemill.json"
INFINITY = DEPLOY / "grafana" / "infinity.yaml"

DURATION = re.compile(r"(\d+)(ms|s|m|h|d)?")


class _Unit(configparser.RawConfigParser):
    """A unit file; a key may come twice, and case counts."""

    def __init__(self) -> None:
        super().__init__(strict=False, interpolation=None, comment_prefixes=("#", ";"), delimiters=("=",))

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(name: str) -> _Unit:
    """A file of deploy/systemd."""
    found = _Unit()
    found.read_string((DEPLOY / "systemd" / name).read_text())
    return found


def compose() -> dict[str, Any]:
    """The Compose file, aliases resolved."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def ours() -> dict[str, dict[str, Any]]:
    """The services that run the project's image."""
    return {name: each for name, each in compose()["services"].items() if each["image"].startswith("tidemill:")}


def documents() -> list[dict[str, Any]]:
    """The Kubernetes objects."""
    return [document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text())]


def manifests() -> dict[str, dict[str, Any]]:
    """The Kubernetes objects by kind; of the Services that of the run."""
    server, all_of_them = serving(), documents()
    found = {document["kind"]: document for document in all_of_them if document != server}
    assert len(found) == len(all_of_them) - 1
    return found


def serving() -> dict[str, Any]:
    """The Service of `tidemill serve`."""
    named = [each for each in documents() if each["metadata"]["name"] == "tidemill-serve"]
    (found,) = [each for each in named if each["kind"] == "Service"]
    return found


def pod() -> dict[str, Any]:
    """What the StatefulSet starts."""
    found: dict[str, Any] = manifests()["StatefulSet"]["spec"]["template"]["spec"]
    return found


def recovering() -> dict[str, Any]:
    """What the Job starts that makes a recovery folder from the lake."""
    found: dict[str, Any] = manifests()["Job"]["spec"]["template"]["spec"]
    return found


def container(name: str = "tidemill") -> dict[str, Any]:
    """A container of the pod: `tidemill`, the run, or `serve`."""
    (found,) = [each for each in pod()["containers"] if each["name"] == name]
    assert isinstance(found, dict)
    return found


def data_source() -> dict[str, Any]:
    """Grafana's data source of the answers."""
    (found,) = yaml.safe_load(INFINITY.read_text())["datasources"]
    assert isinstance(found, dict)
    return found


def instructions() -> list[tuple[str, str]]:
    """(instruction, what it says) of the Dockerfile, continued lines joined, ARGs with a default put in."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE))
    found = [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in text.splitlines() if line.strip()]
    values = dict(said.split("=", 1) for word, said in found if word == "ARG")
    return [(word, re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], said)) for word, said in found]


def said(instruction: str) -> str:
    """What the last of these instructions says."""
    return [text for word, text in instructions() if word == instruction][-1]


def commands() -> Iterator[tuple[str, list[str]]]:
    """(where, words) of every command `tidemill ...` that the files start, or tell somebody to run."""
    entry, default = json.loads(said("ENTRYPOINT")), json.loads(said("CMD"))
    yield "Dockerfile", [*entry, *default]
    for name, service in ours().items():
        yield f"compose.yaml:{name}", [*entry, *service.get("command", default)]
    for path in UNITS:
        words = shlex.split(unit(path.name)["Service"]["ExecStart"])
        yield path.name, [Path(words[0]).name, *words[1:]]
    for each in pod()["containers"]:
        yield f"statefulset.yaml:{each['name']}", [*entry, *each.get("args", default)]
    yield "recover.yaml", [*entry, *recovering()["containers"][0]["args"]]
    for path in (RULES, *MANIFESTS, *(DEPLOY / "systemd").iterdir()):
        for code in re.findall(r"`(tidemill [^`]*)`", path.read_text()):
            yield path.name, shlex.split(code)


def settings_files() -> dict[str, dict[str, Any]]:
    """The settings that each way of running has, read from its tidemill.toml."""
    texts = {name: (DEPLOY / name / "tidemill.toml").read_text() for name in ("container", "systemd")}
    texts["kubernetes"] = manifests()["ConfigMap"]["data"]["tidemill.toml"]
    return {name: tomllib.loads(text) for name, text in texts.items()}


def scrapes() -> list[dict[str, Any]]:
    """What Prometheus scrapes."""
    found: list[dict[str, Any]] = yaml.safe_load(SCRAPE.read_text())["scrape_configs"]
    return found


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def variable_queries() -> list[str]:
    """What the dashboard's variables ask for: the series whose labels are chosen from."""
    board = json.loads(DASHBOARD.read_text())
    asked = [each["query"]["query"] for each in board["templating"]["list"] if each["type"] == "query"]
    return [re.fullmatch(r"label_values\((.*), (\w+)\)", query)[1] for query in asked]  # type: ignore[index]  # it must


def expressions() -> list[tuple[str, str]]:
    """(where, PromQL) of the rules and of the dashboard, whose own variables are put in."""
    found = [(rule["alert"], rule["expr"]) for rule in rules()]
    found += [(panel["title"], target["expr"]) for panel in panels() for target in panel.get("targets", [])]
    found += [("variable", query) for query in variable_queries()]
    return [(where, expression.replace("$__rate_interval", "5m")) for where, expression in found]


def asked_of(expression: str) -> tuple[dict[str, set[str]], set[str]]:
    """A PromQL expression's metrics, each with the labels it is selected by, and the labels it is grouped by."""
    selected: dict[str, set[str]] = {}
    grouped: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
        if isinstance(selector, promql_parser.VectorSelector):
            assert selector.name is not None
            labels = {matcher.name for matcher in selector.matchers.matchers}
            selected.setdefault(selector.name, set()).update(labels)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            grouped.update(node.modifier.labels)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return selected, grouped


def seconds(text: str) -> int:
    """A duration of Compose, systemd or Prometheus, like 60s, 2m or 60."""
    match = DURATION.fullmatch(text)
    assert match is not None, text
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2] or "s"]
