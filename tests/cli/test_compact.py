"""`tidemill compact` as a user runs it."""

import signal
from pathlib import Path

import pytest

from tests.cli.started import Start, Tidemill
from tests.query.lakes import T0, LakeMaker, clicks, ledger
from tests.sinks.lake.upkeep.leaving import MINUTE_MS, Hit, Leaving, plan_of


def test_compact_leaves_every_answer_as_it_was(tidemill: Tidemill, lake: LakeMaker) -> None:
    for step in range(20):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)], "ledger": [ledger("p", step + 2, step + 3, T0)]})
    sql = "SELECT (SELECT clicks FROM ad_clicks_1m) AS n, (SELECT sum(read) FROM ledger)::BIGINT AS r"
    before = tidemill("query", sql, "--format", "csv")
    code, out, _ = tidemill("compact", "--retain", "1s", "--grace", "0s")
    assert code == 0
    assert "merged 4" in out
    assert tidemill("query", sql, "--format", "csv") == before == (0, "n,r\n22,22\n", "")


def test_compact_every_goes_on_until_it_is_told_to_stop(start: Start) -> None:
    process = start("compact", "--every", "100ms")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert all(b"files now" in line for line in lines)


@pytest.mark.parametrize("flag", ["--every", "--retain", "--grace", "--thin"])
def test_a_time_that_is_none_is_told_with_its_flag(tidemill: Tidemill, flag: str) -> None:
    code, _, err = tidemill("compact", flag, "soon")
    assert code == 2
    assert f"{flag} = 'soon': write a whole number and ms, s, m, h, d or w" in err


def test_what_is_left_alone_is_said(tidemill: Tidemill, lake: LakeMaker) -> None:
    for step in range(20):
        lake.commit({"ledger": [ledger("p", step + 2, step + 3, T0)]})
    next((lake.folder / "main" / "ledger").iterdir()).write_bytes(b"")
    code, _, err = tidemill("compact")
    assert code == 0
    assert err.startswith("left alone: ")
    assert "is not the file that was committed" in err


def test_what_left_is_said_on_the_line_of_its_round(tidemill: Tidemill, tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "kept", plan_of("160m", events_keep="160m"))
    for minute in range(0, 300, 10):
        lake.commit([Hit("a", minute * MINUTE_MS, 1)])
    code, out, _ = tidemill("compact", "--lake", str(lake.folder))
    assert code == 0
    assert (
        "; left the lake: events before 1970-01-01 02:10:00 (13 files, 13 rows), minutes windows ended by 1970-01-01 "
        "02:10:00 (26 files, 26 rows), visits windows ended by 1970-01-01 02:10:00 (26 files, 26 rows); "
    ) in out
    assert out.count("\n") == 1
    _, out, _ = tidemill("compact", "--lake", str(lake.folder))
    assert "left the lake" not in out
