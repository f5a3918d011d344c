"""`tidemill query` as a user runs it."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pytest

from tests.cli.started import Tidemill
from tests.query.lakes import LakeMaker, clicks

ROOT = Path(__file__).parents[2]


def test_query_answers_in_the_format_asked_for(tidemill: Tidemill) -> None:
    sql = "SELECT ad_id, clicks, spend FROM ad_clicks_1m"
    assert tidemill("query", sql, "--format", "csv") == (0, "ad_id,clicks,spend\na,2,1.500000\n", "")
    assert json.loads(tidemill("query", sql, "--format", "json")[1]) == [{"ad_id": "a", "clicks": 2, "spend": 1.5}]
    assert tidemill("query", sql)[1].splitlines()[2] == "a           2  1.500000"
    arrow = tidemill("query", sql, "--format", "arrow")[1].encode("latin-1")
    assert pa.ipc.open_stream(arrow).read_all().num_rows == 1


def test_query_reads_sql_from_standard_input_and_writes_a_file(
    tidemill: Tidemill, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 42 AS n"))
    target = tmp_path / "answer.ndjson"
    assert tidemill("query", "-", "--format", "ndjson", "--output", str(target)) == (0, "", "")
    assert target.read_text() == '{"n": 42}\n'


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["query", "SELECT nope FROM ledger"], 1, 'Referenced column "nope" not found'),
        (["query", "SELECT * FROM nope"], 1, "The lake holds: "),
        (["query", "DROP VIEW ad_clicks_1m"], 1, "a lake is only read here"),
        (["query", "SELECT 1", "--format", "xml"], 2, "choose one of"),
        (["query", "SELECT 1", "--as-of", "nonsense"], 1, "write a snapshot id"),
        (["query", "SELECT 1", "--as-of", "9999"], 5, "no snapshot 9999"),
        (["query", "SELECT * FROM ledger AT (VERSION => 3)"], 1, "ask with --as-of 3"),
        (["query", "SELECT * FROM ad_clicks_1m AT (TIMESTAMP => '2026-01-01')"], 1, 'ask with --as-of "2026-01-01"'),
        (["query", "SELECT 1", "--lake", "/nowhere"], 5, "no lake at /nowhere"),
        (["query", "SELECT sum(hash(i)) FROM range(100000000000) t(i)", "--timeout", "0.1"], 1, "longer than 0.1 s"),
        (["report", "clicks_per_ad", "--at", "noon"], 1, "now, latest or a UTC time"),
        (["report", "top_campaigns", "--day", "someday"], 1, "is no day"),
        (["lateness", "--key", "a"], 2, "write COLUMN=VALUE"),
        (["lateness", "--rollup", "nope"], 1, "no rollup nope"),
        (["compact", "--retain", "long"], 2, "write a whole number"),
        (["compact", "--lake", "/nowhere"], 5, "/nowhere"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message_on_standard_error(
    tidemill: Tidemill, arguments: list[str], code: int, said: str
) -> None:
    ended, out, err = tidemill(*arguments)
    assert (ended, out) == (code, "")
    assert err.startswith("error: ")
    assert said in err
    assert "Traceback" not in err


def test_as_of_asks_an_older_snapshot(tidemill: Tidemill, lake: LakeMaker) -> None:
    number = lake.catalog.head().id
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 40)]})
    sql = "SELECT clicks FROM ad_clicks_1m"
    assert tidemill("query", sql, "--format", "csv")[1] == "clicks\n42\n"
    assert tidemill("query", sql, "--format", "csv", "--as-of", str(number))[1] == "clicks\n2\n"


def test_a_name_may_have_its_schema_and_no_digit_of_a_large_number_is_lost(tidemill: Tidemill) -> None:
    largest = 2**128 - 1
    sql = f"SELECT v.clicks, '{largest}'::UHUGEINT AS n FROM main.ad_clicks_1m AS v, main.ad_clicks_1m_delta"
    assert tidemill("query", sql, "--format", "csv") == (0, f"clicks,n\n2,{largest}\n", "")
