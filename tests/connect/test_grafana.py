"""Grafana's dashboard of answers: each panel's request is made to a real server, and has the fields that it names."""

import json
import re
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dataflow.durations import to_ms
from query.reader import LakeReader
from runtime.settings import SETTINGS
from tests.connect.conftest import TOKEN
from tests.deploy.test_prometheus import of_servers

GRAFANA = Path(__file__).resolve().parents[2] / "deploy" / "grafana"
BOARD: dict[str, Any] = json.loads((GRAFANA / "answers.json").read_text())
(SOURCE,) = yaml.safe_load((GRAFANA / "infinity.yaml").read_text())["datasources"]
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]

START, END = datetime(2026, 1, 1, 11, 30, tzinfo=UTC), datetime(2026, 1, 1, 13, tzinfo=UTC)
"""The time range that is chosen: around all of the lake's windows."""


def with_macros(text: str) -> str:
    """A parameter as the plugin's backend sends it."""
    chosen = {"From": START, "To": END}
    text = re.sub(r"\$\{__time(From|To):date:iso\}", lambda match: _iso(chosen[match[1]]), text)
    text = re.sub(r"\$__customInterval\((.*)\)", lambda match: _interval(match[1].split(",")), text)
    assert "$" not in text
    return text


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _interval(words: list[str]) -> str:
    """The word behind the first duration that is as long as the range; else the last."""
    range_ms = (END - START).total_seconds() * 1000
    pairs = zip(words[::2], words[1::2], strict=False)
    return next((word for length, word in pairs if range_ms <= to_ms(length)), words[-1])


def rows_of(panel: dict[str, Any], server: httpx2.Client) -> list[dict[str, Any]]:
    """What the panel's one request finds below its root."""
    (asked,) = panel["targets"]
    assert (asked["type"], asked["source"], asked["parser"], asked["format"]) == ("json", "url", "backend", "table")
    parameters: Any = [(each["key"], with_macros(each["value"])) for each in asked["url_options"]["params"]]
    answer = server.get(asked["url"], params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found.get("next") is None, "there is more than the panel shows"
    root = asked["root_selector"]
    rows = reduce(lambda value, name: value[name], root.split("."), found) if root else [found]
    assert isinstance(rows, list)
    return rows


def fits(value: Any, kind: str) -> bool:
    """Whether the plugin makes such a column of a value; it takes texts of digits for numbers."""
    if value is None:
        return True
    if kind == "number":
        is_text = isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
        return is_text or (isinstance(value, int | float) and not isinstance(value, bool))
    if kind == "timestamp":
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    return isinstance(value, str)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panels_request_has_the_fields_that_it_names(panel: dict[str, Any], guarded: str) -> None:
    columns = panel["targets"][0]["columns"]
    with httpx2.Client(base_url=guarded, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as server:
        rows = rows_of(panel, server)
    assert rows
    assert columns
    for row in rows:
        for column in columns:
            assert column["selector"] in row, row.keys()
            assert fits(row[column["selector"]], column["type"]), (column, row)
    # a column without a value says nothing; only these may have none in a lake that was read from files
    empty = {each["selector"] for each in columns if all(row[each["selector"]] is None for row in rows)}
    assert empty <= {"lag_ms", "field"}


def test_the_panels_show_what_the_lake_holds(guarded: str, truth: LakeReader) -> None:
    shown = {panel["title"]: panel for panel in PANELS}
    with httpx2.Client(base_url=guarded, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as server:
        lines = rows_of(shown["Impressions, clicks and conversions"], server)
        money = rows_of(shown["Revenue per campaign"], server)
        (dead,) = rows_of(shown["Dead letters"], server)
    ours = "SELECT sum(clicks)::BIGINT AS clicks, sum(revenue)::VARCHAR AS revenue FROM campaign_1m"
    (row,) = truth.snapshot().query(ours).to_pylist()
    assert sum(line["clicks"] for line in lines) == row["clicks"] > 100
    assert round(sum(float(line["revenue"] or 0) for line in money), 6) == float(row["revenue"])
    (row,) = truth.snapshot().query("SELECT count(*) AS dead FROM dead_letters").to_pylist()
    assert dead["dead"] == row["dead"] > 0


def test_panels_are_apart_and_ask_the_chosen_source() -> None:
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert sorted(set(numbers)) == numbers
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    chosen = {"type": SOURCE["type"], "uid": "${datasource}"}
    assert all(panel["datasource"] == panel["targets"][0]["datasource"] == chosen for panel in PANELS)
    (variable,) = BOARD["templating"]["list"]
    assert (variable["query"], variable["current"]["value"]) == (SOURCE["type"], SOURCE["uid"])


def test_what_a_panel_orders_or_formats_is_a_column_of_it() -> None:
    for panel in PANELS:
        names = {column["text"] for column in panel["targets"][0]["columns"]}
        steps = panel.get("transformations", [])
        assert {sort["field"] for step in steps for sort in step["options"].get("sort", [])} <= names
        # answers begin with the newest window, and a time series has to begin with the oldest
        assert panel["type"] != "timeseries" or steps[0]["id"] == "sortBy"
        assert {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]} <= names


def test_the_data_source_has_the_servers_port_and_token_and_more_patience_than_the_server() -> None:
    assert SOURCE["url"].endswith(f":{SETTINGS['serve_port'].default}")
    assert SOURCE["jsonData"]["customHealthCheckUrl"] == f"{SOURCE['url']}/readyz"
    assert SOURCE["jsonData"]["auth_method"] == "bearerToken"
    variable = re.fullmatch(r"\$TIDEMILL_(\w+)", SOURCE["secureJsonData"]["bearerToken"])
    assert variable is not None
    assert variable[1].lower() == "serve_token"
    assert SOURCE["jsonData"]["timeoutInSeconds"] * 1000 > to_ms(str(SETTINGS["serve_timeout"].default))


def test_a_server_exports_what_the_rules_ask_for(guarded: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx2.Client(base_url=guarded, headers=headers, timeout=60) as server:
        server.get("/api/v1/status")
        text = server.get("/metrics").text
        without = server.get("/metrics", headers={"Authorization": ""}).status_code
        ready = server.get("/readyz", headers={"Authorization": ""}).status_code
    assert (without, ready) == (401, 200)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    exported = {name: labels for name, labels in found.items() if not name.endswith("_created")}
    declared = of_servers()
    assert exported.items() <= declared.items()
    assert {"tidemill_serve_requests_total", "tidemill_serve_delivery_seconds_bucket"} <= exported.keys()
