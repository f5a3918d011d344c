"""The commands that read a lake, as a user runs them."""

import contextlib
import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from cli.main import main
from tests.query.lakes import T0, LakeMaker, clicks, ledger

ROOT = Path(__file__).parents[2]
Tidemill = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    with LakeMaker(tmp_path / "lake") as maker:
        maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2, "1.5")], "ledger": [ledger("p", 0, 2, T0)]})
        yield maker


@pytest.fixture
def tidemill(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, lake: LakeMaker) -> Tidemill:
    """Runs a command with the lake in the environment: exit code, standard output, standard error."""
    monkeypatch.setenv("TIDEMILL_LAKE", str(lake.folder))
    monkeypatch.setenv("TZ", "UTC")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments=list(arguments))
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, out.decode("latin-1"), err.decode()

    return run


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


def test_report_says_its_range_beside_the_rows(tidemill: Tidemill) -> None:
    code, out, err = tidemill("report", "clicks_per_ad", "--minutes", "2", "--at", "latest", "--format", "csv")
    assert (code, out) == (0, "ad_id,clicks,spend\na,2,1.500000\n")
    assert "2026-01-01 11:59 to 12:01 UTC" in err
    code, out, err = tidemill("report", "clicks_per_ad", "--minutes", "2")
    assert (code, out) == (0, "")
    assert "tidemill report clicks_per_ad --minutes 2 --at latest" in err
    assert tidemill("report", "top_campaigns", "--at", "latest")[0] == 0
    assert tidemill("report", "revenue_per_hour", "--hours", "2", "--at", "latest")[0] == 0


def test_snapshots_lateness_and_dump_read_the_same_lake(tidemill: Tidemill, lake: LakeMaker, tmp_path: Path) -> None:
    lake.commit({"ledger": [ledger("p", 2, 3, T0 + timedelta(minutes=5))]})
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)], "ledger": [ledger("p", 3, 4, T0)]})
    assert "p [3, 4)" in tidemill("snapshots", "--limit", "1")[1]
    assert "clicks 2 +1" in tidemill("lateness", "--rollup", "ad_clicks_1m")[1]
    told = json.loads(tidemill("lateness", "--json", "--key", "ad_id=a")[1])
    assert told[0]["windows"][0]["rows_added"] == 1
    code, out, err = tidemill("dump", str(tmp_path / "out"))
    assert (code, out) == (0, "")
    assert "files in" in err
    assert "*,4,4,0,0,0" in (tmp_path / "out" / "counts.csv").read_text()


def test_compact_leaves_every_answer_as_it_was(tidemill: Tidemill, lake: LakeMaker) -> None:
    for step in range(20):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)], "ledger": [ledger("p", step + 2, step + 3, T0)]})
    sql = "SELECT (SELECT clicks FROM ad_clicks_1m) AS n, (SELECT sum(read) FROM ledger)::BIGINT AS r"
    before = tidemill("query", sql, "--format", "csv")
    code, out, _ = tidemill("compact", "--retain", "1s", "--grace", "0s")
    assert code == 0
    assert "merged 4" in out
    assert tidemill("query", sql, "--format", "csv") == before == (0, "n,r\n22,22\n", "")


@pytest.fixture
def start(lake: LakeMaker) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a command as a process of its own."""
    with contextlib.ExitStack() as ended:

        def run(*arguments: str) -> subprocess.Popen[bytes]:
            code = "import sys; from cli.main import main; main(arguments=sys.argv[1:])"
            command = [sys.executable, "-c", code, *arguments, "--lake", str(lake.folder)]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            ended.enter_context(process)
            ended.callback(process.kill)
            return process

        yield run


Start = Callable[..., subprocess.Popen[bytes]]


def test_compact_every_goes_on_until_it_is_told_to_stop(start: Start) -> None:
    process = start("compact", "--every", "100ms")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert all(b"files now" in line for line in lines)


def test_a_reader_that_goes_away_ends_the_command_quietly(start: Start) -> None:
    process = start("query", "FROM range(2000000)", "--format", "csv")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"range\n"
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == b""
