"""Ad-hoc SQL over HTTP."""

import io
import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient

from tests.query.lakes import LakeMaker, clicks
from tests.serve.served_lake import serving

PATH = "/api/v1/query"
SUM = "SELECT sum(spend) AS spend, count(*) AS n FROM ad_clicks_1m"
LONG = "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c WHERE a.range + b.range = c.range"


@pytest.fixture
def asked(lake: LakeMaker) -> Iterator[TestClient]:
    with serving(lake.folder, sql=True, sql_children=1) as client:
        yield client


def test_one_select_is_answered_with_its_snapshot_in_every_form(asked: TestClient) -> None:
    told = asked.post(PATH, json={"sql": SUM}).json()
    assert told["rows"] == [{"spend": "3.600000", "n": 18}]
    assert (told["snapshot"]["id"], told["cut"], told["next"]) == (2, False, None)
    assert asked.post(f"{PATH}?format=csv", json={"sql": SUM}).text == "spend,n\n3.600000,18\n"
    assert asked.post(f"{PATH}?shape=columns", json={"sql": SUM}).json()["data"] == [["3.600000"], [18]]
    wanted = {"Accept": "application/vnd.apache.arrow.stream"}
    with pa.ipc.open_stream(asked.post(PATH, json={"sql": SUM}, headers=wanted).content) as stream:
        assert stream.read_all().to_pylist() == [{"spend": Decimal("3.600000"), "n": 18}]
    parquet = asked.post(f"{PATH}?format=parquet", json={"sql": SUM})
    assert pa.parquet.read_table(io.BytesIO(parquet.content)).num_rows == 1
    assert parquet.headers["x-snapshot-id"] == "2"


def test_parameters_rows_time_zone_and_older_snapshots(asked: TestClient, lake: LakeMaker) -> None:
    body = {"sql": "SELECT ad_id FROM ad_clicks_1m WHERE ad_id > ? ORDER BY ad_id", "parameters": ["a"], "rows": 2}
    told = asked.post(PATH, json=body).json()
    assert ([row["ad_id"] for row in told["rows"]], told["cut"], bool(told["note"])) == (["b", "b"], True, True)
    named = {"sql": "SELECT $n::INTEGER AS n", "parameters": {"n": 5}}
    assert asked.post(PATH, json=named).json()["rows"] == [{"n": 5}]
    moment = {"sql": "SELECT TIMESTAMP '2026-01-01 10:00:00' AS t"}
    assert asked.post(f"{PATH}?tz=Asia/Tokyo", json=moment).json()["rows"] == [{"t": "2026-01-01T19:00:00+09:00"}]
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    for as_of in (2, "2", "2026-01-01T12:08:00Z"):
        assert asked.post(PATH, json={"sql": SUM, "as_of": as_of}).json()["rows"][0]["n"] == 18
    assert asked.post(PATH, json={"sql": SUM}).json()["rows"][0]["n"] == 19


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"sql": "SELECT nothing"}, 400, "wrong-question"),
        ({"sql": "DROP TABLE ledger"}, 400, None),
        ({"sql": ""}, 400, None),
        ({"sql": "SELECT 1", "more": 1}, 400, "wrong-body"),
        ({"sql": 1}, 400, "wrong-body"),
        ({}, 400, "wrong-body"),
        ([], 400, "wrong-body"),
        ({"sql": "SELECT 1", "rows": -1}, 400, "sql-refused"),
        ({"sql": "SELECT 1", "timeout_s": 0}, 400, "sql-refused"),
        ({"sql": "SELECT 1", "id": "not one"}, 400, "wrong-body"),
        ({"sql": "SELECT 1", "as_of": "soon"}, 400, "wrong-question"),
        ({"sql": "SELECT 1", "as_of": 99}, 404, "snapshot-unknown"),
        ({"sql": LONG, "timeout_s": 0.1}, 504, "too-long"),
    ],
)
def test_what_is_wrong_is_told(asked: TestClient, body: object, status: int, kind: str | None) -> None:
    answer = asked.post(PATH, json=body)
    assert answer.status_code == status, answer.text
    assert kind is None or answer.json()["type"] == f"urn:tidemill:problem:{kind}"
    assert answer.json()["hint"]
    assert asked.post(PATH, json={"sql": "SELECT 1 AS one"}).json()["rows"] == [{"one": 1}]


def test_only_json_of_some_length_is_read(asked: TestClient) -> None:
    assert asked.post(PATH, content=b"sql=1", headers={"Content-Type": "text/plain"}).status_code == 415
    for body in (b"", b"{", b"\xff", b"[" * 100_000):
        assert asked.post(PATH, content=body, headers={"Content-Type": "application/json"}).status_code == 400
    large = b'{"sql": "' + b"x" * 300_000 + b'"}'
    assert asked.post(PATH, content=large, headers={"Content-Type": "application/json"}).status_code == 413


def test_a_query_is_stopped_by_its_name(asked: TestClient) -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(asked.post(PATH, json={"sql": LONG, "id": "mine"})))
    thread.start()
    while asked.delete(f"{PATH}/mine").status_code == 404:
        time.sleep(0.05)
    thread.join()
    assert (found[0].status_code, found[0].json()["type"]) == (409, "urn:tidemill:problem:sql-cancelled")
    assert asked.delete(f"{PATH}/mine").status_code == 404


def test_a_server_without_sql_says_so(client: TestClient) -> None:
    assert client.post(PATH, json={"sql": "SELECT 1"}).json()["type"] == "urn:tidemill:problem:no-sql"
    assert client.delete(f"{PATH}/x").status_code == 404


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "arrow", "parquet"])
def test_an_answer_that_is_cut_says_so_in_every_form(asked: TestClient, form: str) -> None:
    path = f"{PATH}?format={form}"
    cut = asked.post(path, json={"sql": "SELECT * FROM range(9)", "rows": 3})
    assert cut.headers["x-tidemill-cut"].startswith("only the first 3 rows are here")
    assert "x-tidemill-cut" not in asked.post(path, json={"sql": "SELECT * FROM range(3)", "rows": 3}).headers
