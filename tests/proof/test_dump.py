"""The canonical text of a lake, byte by byte."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from proof.dump import canonical, dump
from query.reader import LakeReader
from tests.query.lakes import T0, LakeMaker, clicks, ledger, visit

START_MS = 1767268800000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\\N"),
        (True, "true"),
        (Decimal("1.500000"), "1.5"),
        (Decimal("1000.000000"), "1000"),
        (Decimal("0.000000"), "0"),
        (Decimal("-0.000001"), "-0.000001"),
        (Decimal("100"), "100"),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        (5.0, "5.0"),
        (datetime(1969, 12, 31, 23, 59, 59, 999000), "-1"),
        (date(2024, 2, 29), "2024-02-29"),
        (b"\xff", "/w=="),
    ],
)
def test_values_have_one_form(value: object, text: str) -> None:
    assert canonical(value) == text


def _fill(lake: LakeMaker) -> None:
    lake.commit(
        {
            "ad_clicks_1m_delta": [
                clicks("b,c", 0, 1, "1.25"),
                clicks("a", 1, 2),
                clicks("Ä", 0, 1),
                clicks("z", 0, 1),
                clicks(None, 0, 1),
                clicks("\\N", 0, 1),
                clicks("only late", 0, 0, late=1),
            ],
            "ledger": [
                ledger("clicks/1", 0, 7, T0, accepted=4, duplicate=1, late=1, dead=1, ad_clicks_1m_counted=3),
                ledger("clicks/0", 0, 2, T0, ad_clicks_1m_filtered=2),
            ],
            "late_events": [
                {
                    "rollup": "r",
                    "partition": "clicks/1",
                    "offset": 10,
                    "event_time": -1,
                    "watermark": 5,
                    "late_by_ms": 1,
                },
                {"rollup": "r", "partition": "clicks/1", "offset": 9, "event_time": 1, "watermark": 7, "late_by_ms": 1},
            ],
            "dead_letters": [{"partition": "clicks/1", "offset": 3, "reason": "malformed", "value": b"{"}],
        }
    )
    lake.commit(
        {
            "ad_clicks_1m_delta": [clicks("z", 0, 2, "0.000001")],
            "ledger": [ledger("clicks/1", 7, 9, T0, ad_clicks_1m_counted=2)],
            "visits_delta": [visit("a", 0, 3, 2), visit("a", 13, 13, 1)],
        }
    )


def test_the_folder_holds_exactly_these_bytes(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake", events=False) as lake:
        _fill(lake)
        with LakeReader(lake.folder) as reader:
            written = dump(reader.snapshot(), tmp_path / "out")
    texts = {path.name: path.read_bytes().decode() for path in written}
    assert sorted(texts) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert set(texts) == {
        "ad_clicks_1m.csv", "campaign_1m.csv", "revenue_1h.csv", "visits.csv",
        "late.csv", "dead.csv", "counts.csv", "counts_rollup.csv",
    }  # fmt: skip
    window = f"{START_MS},{START_MS + 60_000}"
    assert texts["ad_clicks_1m.csv"] == (
        "window_start,window_end,ad_id,clicks,spend\n"
        f"{window},\\N,1,0\n"
        f'{window},"\\N",1,0\n'
        f'{window},"b,c",1,1.25\n'
        f"{window},z,3,0.000001\n"
        f"{window},Ä,1,0\n"
        f"{START_MS + 60_000},{START_MS + 120_000},a,2,0\n"
    )
    assert texts["visits.csv"] == f"window_start,window_end,ad_id,n\n{START_MS},{START_MS + 23_000},a,3\n"
    assert texts["revenue_1h.csv"] == "window_start,window_end,revenue,events\n"
    assert texts["late.csv"] == "rollup,partition,offset,event_time,watermark\nr,clicks/1,9,1,7\nr,clicks/1,10,-1,5\n"
    assert texts["dead.csv"] == "partition,offset,reason\nclicks/1,3,malformed\n"
    assert texts["counts.csv"] == (
        "partition,read,accepted,duplicate,late,dead\nclicks/0,2,2,0,0,0\nclicks/1,9,6,1,1,1\n*,11,8,1,1,1\n"
    )
    rollup_lines = texts["counts_rollup.csv"].splitlines()
    assert rollup_lines[:3] == ["rollup,partition,filtered,counted,late", "ad_clicks_1m,clicks/0,2,0,0",
                                "ad_clicks_1m,clicks/1,0,5,0"]  # fmt: skip
    assert len(rollup_lines) == 9


def test_accepted_rows_are_there_when_events_are_kept(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake:
        lake.commit({"events": [{"partition": "p", "offset": 11}, {"partition": "p", "offset": 2}]})
        with LakeReader(lake.folder) as reader:
            dump(reader.snapshot(), tmp_path / "out")
    assert (tmp_path / "out" / "accepted.csv").read_text() == "partition,offset\np,2\np,11\n"


def test_an_empty_lake_dumps_headers_and_a_sum_of_nothing(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        dump(reader.snapshot(), tmp_path / "out")
    assert (tmp_path / "out" / "counts.csv").read_text() == (
        "partition,read,accepted,duplicate,late,dead\n*,0,0,0,0,0\n"
    )


def test_a_folder_with_other_tables_is_refused_and_an_own_one_is_replaced(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        dump(reader.snapshot(), tmp_path / "out")
        dump(reader.snapshot(), tmp_path / "out")
        (tmp_path / "out" / "other.csv").touch()
        with pytest.raises(ConfigError, match=r"other\.csv"):
            dump(reader.snapshot(), tmp_path / "out")
        (tmp_path / "file").touch()
        with pytest.raises(ConfigError, match="is a file; name a folder"):
            dump(reader.snapshot(), tmp_path / "file" / "out")


def test_windows_beyond_the_year_9999_are_dumped(tmp_path: Path) -> None:
    start_ms = 300_000_000_000_000 - 300_000_000_000_000 % 60_000
    row = clicks("a", 0, 1) | {"window_start": start_ms, "window_end": start_ms + 60_000}
    with LakeMaker(tmp_path / "lake") as lake:
        lake.commit({"ad_clicks_1m_delta": [row]})
        with LakeReader(lake.folder) as reader:
            dump(reader.snapshot(), tmp_path / "out")
    assert (tmp_path / "out" / "ad_clicks_1m.csv").read_text().splitlines()[
        1
    ] == f"{start_ms},{start_ms + 60_000},a,1,0"


def test_an_older_snapshot_is_dumped_as_it_was(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake:
        number = lake.commit({"ledger": [ledger("p", 0, 2, T0)]})
        lake.commit({"ledger": [ledger("p", 2, 9, T0 + timedelta(seconds=1))]})
        with LakeReader(lake.folder) as reader:
            dump(reader.snapshot(number), tmp_path / "out")
    assert "*,2,2,0,0,0" in (tmp_path / "out" / "counts.csv").read_text()
