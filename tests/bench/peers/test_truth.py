"""The truth goes by the exact rule, and rows that are not it are told with the first that differs."""

import json
from pathlib import Path

import pytest

from bench.measure import BenchError
from bench.peers.feed import END_MS, SPAN_MS, START_MS, ad_of, compared, events, time_of
from bench.peers.told import write_rows
from bench.peers.truth import Truth

COUNT, KEYS = 1_500, 5
Row = tuple[str, int, int, float]


def by_hand(values: list[bytes]) -> list[Row]:
    found: dict[tuple[str, int], tuple[int, float]] = {}
    for value in values:
        event = json.loads(value)
        if event["event_time"] < END_MS:
            at = event["ad_id"], event["event_time"] // 10_000 * 10_000
            count, total = found.get(at, (0, 0.0))
            found[at] = count + 1, total + event["cost"]
    return [(*at, *state) for at, state in found.items()]


@pytest.fixture
def values(tmp_path: Path) -> list[bytes]:
    found = list(events(COUNT, KEYS))
    (tmp_path / "topic").mkdir()
    (tmp_path / "topic" / "part-000.ndjson").write_bytes(b"\n".join([*found, b""]))
    return found


def test_the_feed_is_in_the_order_of_time_and_says_how_much_of_it_is_compared(values: list[bytes]) -> None:
    times = [time_of(value) for value in values]
    assert times == sorted(times)
    assert (times[0], times[-1] < START_MS + SPAN_MS) == (START_MS, True)
    assert compared(COUNT) == sum(at < END_MS for at in times)
    assert {ad_of(value) for value in values} == {f"ad-{key:07d}".encode() for key in range(KEYS)}


def test_the_right_rows_pass_and_floating_sums_may_differ_in_their_last_digits(
    values: list[bytes], tmp_path: Path
) -> None:
    rows = by_hand(values)
    with Truth(tmp_path / "topic") as truth:
        assert truth.groups == len(rows)
        write_rows(tmp_path / "rows.ndjson", [(key, at, n, total + 1e-12) for key, at, n, total in rows])
        truth.check("ours", tmp_path / "rows.ndjson")
        # windows that nobody closes do not count
        write_rows(tmp_path / "rows.ndjson", [*rows, ("ad-0000001", END_MS, 3, 1.0)])
        truth.check("ours", tmp_path / "rows.ndjson")


@pytest.mark.parametrize("wrong", ["one less", "no such", "another sum"])
def test_wrong_rows_are_told(values: list[bytes], tmp_path: Path, wrong: str) -> None:
    first, *rows = sorted(by_hand(values))
    changed = {
        "one less": [],
        "no such": [first, ("ad-9", 0, 1, 1.0)],
        "another sum": [(*first[:3], first[3] + 1e-6)],
    }[wrong]
    write_rows(tmp_path / "rows.ndjson", [*changed, *rows])
    with Truth(tmp_path / "topic") as truth, pytest.raises(BenchError, match=r"theirs: 1 of \d+ groups are not right"):
        truth.check("theirs", tmp_path / "rows.ndjson")


def test_an_event_that_is_late_by_its_own_partition_does_not_count(tmp_path: Path) -> None:
    def line(at_ms: int) -> str:
        return json.dumps({"event_time": at_ms, "ad_id": "a", "cost": 1}) + "\n"

    (tmp_path / "topic").mkdir()
    last = 9_999 + 60_000 + 5_000
    (tmp_path / "topic" / "part-000.ndjson").write_text(line(0) + line(last - 1) + line(1) + line(last) + line(2))
    (tmp_path / "topic" / "part-001.ndjson").write_text(line(3))
    write_rows(tmp_path / "rows.ndjson", [("a", 0, 3, 3.0), ("a", 70_000, 2, 2.0)])
    with Truth(tmp_path / "topic") as truth:
        truth.check("ours", tmp_path / "rows.ndjson")
