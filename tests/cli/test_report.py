"""`tidemill report`, for a pipeline that is not the shipped one."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from cli.main import main
from tests.query.lakes import LakeMaker
from tests.query.reports.shop import row, shop_lake

ROOT = Path(__file__).parents[2]
Tidemill = Callable[..., tuple[int, bytes, str]]

ORDERS = """-- title: Orders per city
-- view: city_1m
-- parameter: min_orders integer = 1 (leave out cities with fewer)
-- parameter: minutes integer = 5
-- range: last $minutes minutes
-- limit: 20
SELECT city, sum(orders)::BIGINT AS orders FROM city_1m
WHERE window_start >= $start AND window_start < $end
GROUP BY city HAVING sum(orders) >= $min_orders ORDER BY orders DESC
LIMIT $limit
"""
PIPELINE = "raise SystemExit('a question must not run the pipeline file')\n"
LATEST = ("--at", "2026-01-01T12:02")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "reports").mkdir()
    (tmp_path / "shop.py").write_text(PIPELINE)
    (tmp_path / "reports" / "orders.sql").write_text(ORDERS)
    return tmp_path


@pytest.fixture
def lake(place: Path) -> Iterator[LakeMaker]:
    with shop_lake(place / "lake") as maker:
        maker.commit({"city_1m_delta": [row("a", 0, 1, 3), row("b", 1, 1, 1), row("a", 2, 1, 2)]})
        yield maker


@pytest.fixture
def tidemill(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, place: Path, lake: LakeMaker
) -> Tidemill:
    monkeypatch.setenv("TIDEMILL_LAKE", str(lake.folder))
    monkeypatch.setenv("TIDEMILL_PIPELINE", f"{place / 'shop.py'}:orders")
    monkeypatch.setenv("TZ", "UTC")

    def run(*arguments: str) -> tuple[int, bytes, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments=["report", *arguments])
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err.decode()

    return run


def test_a_report_takes_its_own_parameters_as_flags_wherever_they_stand(tidemill: Tidemill) -> None:
    both = b"city,orders\na,5\nb,1\n"
    assert tidemill("orders", "--format", "csv", *LATEST)[1] == both
    assert tidemill("orders", "--minutes=2", "--format", "csv", *LATEST)[1] == b"city,orders\na,2\nb,1\n"
    for flag in ("--min_orders", "--min-orders"):
        assert tidemill("orders", *LATEST, flag, "2", "--format", "csv", "--minutes", "9")[1] == b"city,orders\na,5\n"
    assert tidemill("orders", *LATEST, "--format", "csv", "--limit", "1")[1] == b"city,orders\na,5\n"
    _, out, err = tidemill("orders", "--minutes", "3")
    assert (out, "no rows: the lake holds no events yet" in err) == (b"", True)


def test_a_rollup_without_a_file_answers_at_once(tidemill: Tidemill) -> None:
    code, out, err = tidemill("city_1m", "--top", "1", "--by", "orders", "--where", "city <> 'b'", "--format", "ndjson")
    assert code == 0
    assert json.loads(out)["orders"] == 3
    assert set(json.loads(out)) >= {"city", "window_start", "window_end", "turnover", "is_final"}
    assert err.startswith(
        "city_1m: windows that start after 2026-01-01 11:02 and up to 2026-01-01 12:02 UTC, by orders"
    )
    assert tidemill("city_1m", "--last", "1m", "--format", "csv")[1].startswith(b"city,window_start")


def test_every_format_and_an_older_snapshot_answer(tidemill: Tidemill, lake: LakeMaker, place: Path) -> None:
    before = str(lake.catalog.head().id)
    lake.commit({"city_1m_delta": [row("c", 1, 1, 40)]})
    ask = ("orders", *LATEST, "--limit", "1")
    assert json.loads(tidemill(*ask, "--format", "json")[1]) == [{"city": "c", "orders": 40}]
    assert json.loads(tidemill(*ask, "--format", "json", "--as-of", before)[1]) == [{"city": "a", "orders": 5}]
    assert json.loads(tidemill("city_1m", "--as-of", before, "--top", "1", "--format", "ndjson")[1])["orders"] == 3
    assert tidemill(*ask, "--format", "table")[1].splitlines()[2] == b"c         40"
    assert pa.ipc.open_stream(tidemill(*ask, "--format", "arrow")[1]).read_all().num_rows == 1
    assert pyarrow.parquet.read_table(io.BytesIO(tidemill(*ask, "--format", "parquet")[1])).num_rows == 1
    target = place / "answer.csv"
    assert tidemill(*ask, "--format", "csv", "--output", str(target))[1] == b""
    assert target.read_text() == "city,orders\nc,40\n"


def test_without_a_name_it_lists_what_there_is(tidemill: Tidemill, lake: LakeMaker, tmp_path: Path) -> None:
    code, out, err = tidemill("--format", "json")
    assert (code, err) == (0, "")
    lines = {line["report"]: line for line in json.loads(out)}
    assert list(lines) == ["orders", "city_1m", "city_5m", "city_day", "city_visits"]
    assert lines["orders"]["title"] == "Orders per city"
    assert lines["orders"]["parameters"] == "--min_orders integer = 1, --minutes integer = 5"
    assert "--last duration = 1h" in lines["city_visits"]["parameters"]
    code, out, err = tidemill("--lake", str(tmp_path / "none"), "--format", "csv")
    assert (code, out.count(b"\n")) == (0, 2)
    assert err.startswith("only files: there is no lake at ")


def test_help_explains_the_parameters_of_the_report_that_is_named(tidemill: Tidemill) -> None:
    for arguments in (["orders", "--help"], ["--help", "orders"], ["orders", "--minutes", "5", "--help"]):
        code, out, _ = tidemill(*arguments)
        assert (code, out.splitlines()[0]) == (0, b"orders: Orders per city")
        assert b"--min_orders  integer  1        leave out cities with fewer" in out.splitlines()
    out = tidemill("city_day", "--help")[1]
    assert out.startswith(b"city_day: Windows of cumulate 1d by steps of 1h per city")
    assert [line.split()[0] for line in out.splitlines()[3:]] == [b"--last", b"--top", b"--by", b"--where"]
    out = tidemill("--help")[1]
    assert b"Usage: tidemill report" in out
    assert b"--as-of" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["order"], 2, "did you mean orders?"),
        (["orders", "--minuts", "5"], 2, "--minuts = '5': report orders has no such parameter; did you mean minutes?"),
        (["orders", "--minutes"], 2, "--minutes = None: needs a value: --minutes VALUE"),
        (["orders", "--minutes", "five"], 2, "--minutes = 'five': is no integer; write a whole number"),
        (["orders", "--minutes", "0"], 2, "--minutes = 0: must be 1 or more"),
        (["orders", "--minutes", "5", "--minutes", "6"], 2, "--minutes = '6': is given twice"),
        (["orders", "5"], 2, "parameters are written as --name value"),
        (["orders", "--where", "true"], 2, "report orders has no such parameter"),
        (["--minutes", "5", "orders"], 2, "write the report's name first"),
        (["city_1m", "--by", "order"], 2, "did you mean orders?"),
        (["city_1m", "--where", "citi = 'a'"], 2, "did you mean city?"),
        (["city_1m", "--minutes", "5"], 2, "report city_1m has no such parameter"),
        (["orders", "--at", "noon"], 1, "now, latest or a UTC time"),
        (["orders", "--format", "xml"], 2, "choose one of"),
        (["orders", "--lake", "/nowhere"], 5, "no lake at /nowhere"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message(tidemill: Tidemill, arguments: list[str], code: int, said: str) -> None:
    ended, out, err = tidemill(*arguments)
    assert (ended, out) == (code, b"")
    assert err.startswith("error: ")
    assert said in err


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("view: city_1m", "view: city_1h", 2, "this lake has no such rollup"),
        ("= 5", "= five", 4, "'five' is no integer"),
        ("$min_orders ", "1 ", 3, "the SQL does not use $min_orders"),
        ("SELECT city,", "SELECT city, ordr,", 7, "ordr"),
        ("LIMIT $limit", "LIMIT $limit; DELETE FROM city_1m", 7, "holds 2 statements"),
    ],
)
def test_a_mistake_in_a_file_names_file_line_and_fix_with_exit_code_2(
    tidemill: Tidemill, place: Path, old: str, new: str, line: int, said: str
) -> None:
    path = place / "reports" / "orders.sql"
    path.write_text(ORDERS.replace(old, new))
    code, out, err = tidemill("orders")
    assert (code, out) == (2, b"")
    assert err.startswith(f"error: {path}: 1 mistake\n  - line {line}: ")
    assert said in err


def test_a_question_neither_runs_the_pipeline_nor_loads_what_runs_one(place: Path, lake: LakeMaker) -> None:
    code = "; ".join(
        [
            "import sys; from cli.main import main",
            "loaded = lambda: sorted({'numba', 'bytewax', 'confluent_kafka'} & sys.modules.keys())",
            "import atexit; atexit.register(lambda: print(loaded()))",
            "main(arguments=sys.argv[1:])",
        ]
    )
    where = ["--lake", str(lake.folder), "--pipeline", str(place / "shop.py")]
    for asked in (["orders"], ["city_1m", "--format", "csv"], []):
        done = subprocess.run(
            [sys.executable, "-c", code, "report", *asked, *where],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("[]\n")
