"""Many threads at one reader: nobody waits for a slow read of another, and nobody for good."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import query.ends
import query.scan
from dataflow.sql import text
from query.reader import LakeReader, LakeSnapshot
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from sinks.lake.upkeep.tiers import FAN_IN
from tests.query.lakes import T0, LakeMaker, clicks, ledger, merge

FINAL = "SELECT clicks, is_final FROM ad_clicks_1m"
TOTAL = "SELECT coalesce(sum(clicks), 0)::BIGINT AS n FROM ad_clicks_1m"
PATIENCE_S = 120
"""Far more than any of it takes, far less than the hour after which a test is given up."""


class Gate:
    """Holds the first thread that comes to it until it is opened; all others pass."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self.reached = threading.Event()
        self.opened = threading.Event()

    def through(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work` behind the gate."""

        def gated(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                first, self._is_taken = not self._is_taken, True
            if first:
                self.reached.set()
                self.opened.wait(PATIENCE_S)
            return work(*arguments, **named)

        return gated


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    with LakeMaker(tmp_path / "lake") as maker:
        maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)], "ledger": [ledger("p", 0, 2, T0)]})
        yield maker


def started(work: Callable[[], Any]) -> "Future[Any]":
    """The result of `work`, which runs in a thread that does not keep a failed test from ending."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


@contextmanager
def slow_ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """The first read of the ledger takes until the gate is opened, at the latest at the end."""
    gate = Gate()
    monkeypatch.setattr(query.ends, "ends_sql", gate.through(query.ends.ends_sql))
    try:
        yield gate
    finally:
        gate.opened.set()


def test_a_moved_file_and_a_view_just_being_made_do_not_wait_for_each_other(
    lake: LakeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    making = Gate()
    reader = LakeReader(lake.folder, threads=1)
    with slow_ledger(monkeypatch) as reading:
        held = reader.snapshot()
        ends = started(held.ends)
        assert reading.reached.wait(PATIENCE_S)
        monkeypatch.setattr(query.scan, "text", making.through(text))
        answer = started(lambda: held.query(FINAL).to_pylist())
        assert making.reached.wait(PATIENCE_S)
        merge(lake.catalog, "ledger")
        reading.opened.set()  # finds its file gone and looks it up anew
        threading.Event().wait(0.3)
        making.opened.set()  # goes on to the ledger's ends
        assert answer.result(PATIENCE_S) == [{"clicks": 2, "is_final": False}]
        assert set(ends.result(PATIENCE_S)) == {"p"}
    reader.close()


def test_a_slow_read_of_the_ledger_holds_up_no_other_thread(lake: LakeMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[Callable[[LakeReader, LakeSnapshot], Any]] = [
        lambda reader, _: reader.query("SELECT sum(clicks) FROM ad_clicks_1m_delta").num_rows,
        lambda reader, _: reader.query(FINAL).num_rows,
        lambda reader, held: reader.query(FINAL, as_of=held.id).num_rows,
        lambda reader, held: reader.query(TOTAL, as_of=held.id - 1).num_rows,
        lambda reader, held: len(reader.snapshot(held.id - 1).names()),
        lambda _, held: held.query(FINAL).num_rows,
        lambda _, held: len(held.ends()),
        lambda _, held: held.connection().sql(FINAL).fetchall(),
    ]
    with LakeReader(lake.folder, threads=1) as reader, slow_ledger(monkeypatch) as reading:
        held = reader.snapshot()
        slow = started(lambda: held.query(FINAL).num_rows)
        assert reading.reached.wait(PATIENCE_S)
        answers = [started(lambda ask=ask: ask(reader, held)) for ask in questions]  # type: ignore[misc]  # a default binds the loop's value
        for answer in answers:
            assert answer.result(PATIENCE_S / 2)
        assert not slow.done()
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 40)], "ledger": [ledger("p", 2, 42, T0)]})
        assert started(lambda: reader.query(TOTAL).to_pylist()).result(PATIENCE_S / 2) == [{"n": 42}]
        assert not slow.done()
        reading.opened.set()
        assert slow.result(PATIENCE_S) == 1


def test_answers_stay_whole_while_a_compaction_removes_the_files_that_many_threads_read(lake: LakeMaker) -> None:
    commits, removed = 4 * FAN_IN, 0
    done = threading.Event()
    sql = (
        "SELECT (SELECT coalesce(sum(clicks), 0)::BIGINT FROM ad_clicks_1m) AS shown,"
        " (SELECT coalesce(sum(read), 0)::BIGINT FROM ledger) AS counted"
    )

    def work(reader: LakeReader) -> int:
        last, asked = 0, 0
        while not done.is_set():
            row = reader.query(sql).to_pylist()[0]
            assert row["shown"] == row["counted"] >= last
            last, asked = row["shown"], asked + 1
        return asked

    def clock() -> datetime:
        return lake.clock

    # nothing is kept but the newest snapshot, and what was replaced goes at once
    retention = Retention(keep=timedelta(0), grace=timedelta(0))
    with LakeReader(lake.folder, threads=1) as reader, ThreadPoolExecutor(8) as pool:
        running = [pool.submit(work, reader) for _ in range(8)]
        try:
            for step in range(1, commits + 1):
                lake.commit(
                    {
                        "ad_clicks_1m_delta": [clicks("a", step % 3, 2)],
                        "ledger": [ledger("p", 2 * step, 2 * step + 2, T0)],
                    }
                )
                if step % FAN_IN == 0:
                    # the second one removes what the first has replaced
                    for _ in range(2):
                        lake.clock += timedelta(seconds=1)
                        report = compact(lake.catalog, list(lake.specs.values()), clock=clock, retention=retention)
                        removed += report.expiry.files_deleted
        finally:
            done.set()
        assert removed > commits
        assert min(each.result(60) for each in running) > 0
        assert reader.query(TOTAL).to_pylist() == [{"n": 2 + 2 * commits}]
