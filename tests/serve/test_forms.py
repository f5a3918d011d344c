"""The forms of answers: which one is asked for, and the same rows in each."""

import csv
import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient

from serve.forms import FORMS, form_of
from serve.problem import Problem


@pytest.mark.parametrize(
    ("accept", "written", "is_table", "form"),
    [
        ("", None, True, "json"),
        ("*/*", None, True, "json"),
        ("text/csv", None, True, "csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", None, True, "json"),
        ("application/json;q=0.2, text/csv;q=0.9", None, True, "csv"),
        ("text/csv;q=0, application/json", None, True, "json"),
        ("application/vnd.apache.parquet", None, True, "parquet"),
        ("text/csv", "arrow", True, "arrow"),
        ("text/csv", None, False, "json"),
        ("text/csv;q=nonsense, application/x-ndjson", None, True, "ndjson"),
    ],
)
def test_the_form_is_the_one_asked_for_else_the_one_most_wanted(
    accept: str, written: str | None, is_table: bool, form: str
) -> None:
    assert form_of(accept, written, is_table=is_table).name == form


def test_a_form_that_there_is_not_is_refused() -> None:
    with pytest.raises(Problem, match="no such form"):
        form_of("image/png", None, is_table=True)
    with pytest.raises(Problem, match="write one of json"):
        form_of("", "xml", is_table=True)
    with pytest.raises(Problem, match="no table"):
        form_of("", "csv", is_table=False)


PATH = "/api/v1/reports/ad_clicks_1m?last=1h&top=3"


def test_all_forms_hold_the_same_rows(client: TestClient) -> None:
    answers = {name: client.get(f"{PATH}&format={name}") for name in FORMS}
    for name, answer in answers.items():
        assert answer.headers["content-type"].partition(";")[0] == FORMS[name].media_type.partition(";")[0]
        assert answer.headers["x-snapshot-id"] == "2"
    rows = answers["json"].json()["rows"]
    assert [row["clicks"] for row in rows] == [9, 9, 8]
    assert [json.loads(line) for line in answers["ndjson"].text.splitlines()] == rows
    lines = list(csv.DictReader(io.StringIO(answers["csv"].text)))
    assert [(line["ad_id"], int(line["clicks"]), line["window_start"]) for line in lines] == [
        (row["ad_id"], row["clicks"], row["window_start"]) for row in rows
    ]
    with pa.ipc.open_stream(answers["arrow"].content) as stream:
        arrow = stream.read_all()
    parquet = pa.parquet.read_table(io.BytesIO(answers["parquet"].content))
    assert arrow.to_pylist() == parquet.to_pylist()
    assert [row["spend"] for row in arrow.to_pylist()] == [Decimal(row["spend"]) for row in rows]
    assert arrow.column_names == [column["name"] for column in answers["json"].json()["columns"]]


def test_json_by_columns_holds_the_same_values(client: TestClient) -> None:
    by_rows, by_columns = client.get(PATH).json(), client.get(f"{PATH}&shape=columns").json()
    assert by_columns["data"] == [list(each) for each in zip(*(row.values() for row in by_rows["rows"]), strict=True)]
    assert "rows" not in by_columns


def test_text_is_packed_for_those_who_can_unpack_it(client: TestClient) -> None:
    path = "/api/v1/reports/ad_clicks_1m?last=1d"
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.json() == plain.json()
    assert packed.headers["etag"] != plain.headers["etag"]


def test_no_row_is_an_answer_in_every_form(client: TestClient) -> None:
    for name in FORMS:
        answer = client.get(f"/api/v1/reports/ad_clicks_1m?key.ad_id=none&format={name}")
        assert answer.status_code == 200
    assert client.get("/api/v1/reports/ad_clicks_1m?key.ad_id=none&format=csv").text.count("\n") == 1
