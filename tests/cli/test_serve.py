"""The server as a process: its address, its answers, its feed, its end."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli.serve import served
from dataflow.errors import ConfigError
from runtime.settings import load_settings
from tests.query.lakes import LakeMaker, clicks
from tests.serve.process import running
from tests.serve.served_lake import fill


def test_a_process_answers_tells_changes_and_ends_in_order(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, running(lake.folder) as (process, url), httpx2.Client() as client:
        assert url.startswith("http://127.0.0.1:")
        assert client.get(f"{url}/readyz").status_code == 200
        number = fill(lake)
        asked = {"total": "true", "group": "", "last": "1d"}
        # a commit is shown a moment after it was made
        while (told := client.get(f"{url}/api/v1/reports/ad_clicks_1m", params=asked).json())["snapshot"][
            "id"
        ] < number:
            pass
        assert told["rows"][0]["clicks"] == 90
        sql = client.post(f"{url}/api/v1/query", json={"sql": "SELECT count(*) AS n FROM dead_letters"}, timeout=60)
        assert sql.json()["rows"] == [{"n": 3}]
        panel = "z:reports/ad_clicks_1m?key.ad_id=z&last=1d"
        with client.stream("GET", f"{url}/api/v1/stream", params={"panel": panel}, timeout=60) as feed:
            events = events_of(feed)
            assert next(events)["rows"] == 0
            lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
            assert next(events)["data"][3] == [4]
            process.send_signal(signal.SIGTERM)
            assert list(events) == []
        assert process.wait(30) == 0


def test_a_question_that_outlasts_the_server_is_told_so(tmp_path: Path) -> None:
    pairs = "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c WHERE a.range + b.range = c.range"
    told: list[httpx2.Response] = []
    with LakeMaker(tmp_path / "lake") as lake, running(lake.folder) as (process, url):
        fill(lake)

        def ask(sql: str) -> httpx2.Response:
            return httpx2.post(f"{url}/api/v1/query", json={"sql": sql, "id": "mine"}, timeout=60)

        def ask_long() -> None:
            # whoever looks whether it is at work may have its id for a moment
            while not told or told[-1].status_code == 400:
                told.append(ask(pairs))

        asking = threading.Thread(target=ask_long)
        asking.start()
        while ask("SELECT 1 AS one").status_code != 400:
            pass
        process.send_signal(signal.SIGTERM)
        asking.join(60)
        assert process.wait(30) == 0
    assert (told[-1].status_code, told[-1].json()["type"]) == (503, "urn:tidemill:problem:ending")
    assert told[-1].headers["retry-after"] == "2"


def events_of(feed: Any) -> Iterator[dict[str, Any]]:
    """The data of panel events."""
    kind = ""
    for line in feed.iter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        if line.startswith("data: ") and kind == "panel":
            yield json.loads(line.removeprefix("data: "))


def test_without_a_token_other_machines_cannot_reach_it(tmp_path: Path) -> None:
    with running(tmp_path / "lake", "--serve-host", "0.0.0.0") as (process, url):
        assert (url, process.wait(30)) == ("", 2)


def test_the_token_may_stand_in_the_environment(tmp_path: Path) -> None:
    flags = ("--serve-host", "0.0.0.0", "--no-serve-sql")
    with running(tmp_path / "lake", *flags, TIDEMILL_SERVE_TOKEN="${MINE}", MINE="correct-horse-battery") as (_, url):
        assert httpx2.get(f"{url}/api/v1/schema").status_code == 401
        known = {"Authorization": "Bearer correct-horse-battery"}
        assert httpx2.get(f"{url}/api/v1/schema", headers=known).status_code == 503


def test_what_the_settings_say_is_what_the_server_is_told(tmp_path: Path) -> None:
    environ = {
        "TIDEMILL_SERVE_ORIGINS": "https://a.example, https://b.example",
        "TIDEMILL_SERVE_TIMEOUT": "5s",
        "TIDEMILL_SERVE_SQL": "false",
    }
    wish = served(load_settings({"serve_port": 1}, environ, tmp_path))
    assert (wish.port, wish.timeout_s, wish.sql, wish.token) == (1, 5.0, False, None)
    assert wish.origins == ("https://a.example", "https://b.example")
    assert wish.examine is not None
    assert {finding.check for finding in wish.examine()} >= {"pipeline", "lake"}


@pytest.mark.parametrize("token", ["short", "with a blank in it", "é" * 20, "${NOT_THERE}"])
def test_a_token_that_is_none_is_refused_and_not_shown(tmp_path: Path, token: str) -> None:
    with pytest.raises(ConfigError) as refused:
        served(load_settings({}, {"TIDEMILL_SERVE_TOKEN": token}, tmp_path))
    assert "TIDEMILL_SERVE_TOKEN" in str(refused.value)
    assert token.startswith("$") or token not in str(refused.value)
