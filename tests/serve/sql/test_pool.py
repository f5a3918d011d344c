"""The pool: every question sees the newest snapshot, takes no more than it may, and no other one feels it."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dataflow.errors import LakeError, QueryError, SqlBusy, SqlCancelled, SqlFailed, SqlRefused, SqlTooLong, SqlTooMuch
from query.reader import LakeReader
from serve.sql.limits import SqlLimits
from serve.sql.question import Asked
from serve.sql.wall import WALLS
from tests.query.lakes import T0, LakeMaker, clicks, ledger, merge
from tests.serve.sql.asking import ENDLESS, SMALL, Asking
from tests.slowness import slowness


def until(found: Callable[[], bool], patience_s: float = 120) -> None:
    deadline = time.monotonic() + patience_s
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_answer_equals_that_of_the_reader_and_names_its_snapshot(asking: Asking, lake: LakeMaker) -> None:
    answer = asking.ask("SELECT * FROM ad_clicks_1m")
    with LakeReader(lake.folder) as reader:
        assert answer.table.equals(reader.query("SELECT * FROM ad_clicks_1m"))
        assert (answer.snapshot_id, answer.snapshot_time) == (reader.snapshot().id, reader.snapshot().time)
    assert (answer.is_cut, answer.why_cut) == (False, None)


def test_a_warm_child_sees_each_commit_at_once_and_any_snapshot_that_is_named(asking: Asking, lake: LakeMaker) -> None:
    pids = asking.pool.pids()
    first = asking.ask("SELECT sum(clicks)::BIGINT FROM ad_clicks_1m")
    for more in range(1, 6):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
        for _ in range(2):
            assert asking.one("SELECT sum(clicks)::BIGINT FROM ad_clicks_1m") == 2 + more
    old = asking.ask("SELECT sum(clicks)::BIGINT FROM ad_clicks_1m", as_of=str(first.snapshot_id))
    assert (old.table, old.snapshot_id) == (first.table, first.snapshot_id)
    assert asking.pool.pids() == pids


def test_parameters_are_given_by_place_and_by_name(asking: Asking) -> None:
    assert asking.one("SELECT clicks FROM ad_clicks_1m WHERE ad_id = ?", parameters=["a"]) == 2
    assert asking.one("SELECT $x || $y", parameters={"x": "left", "y": "right"}) == "leftright"


def test_the_engines_own_message_is_told_with_what_the_lake_holds(asking: Asking) -> None:
    with pytest.raises(QueryError, match="The lake holds: ad_clicks_1m") as told:
        asking.ask("SELECT * FROM nope")
    assert type(told.value) is QueryError


def test_files_that_a_compaction_removed_are_looked_up_anew(asking: Asking, lake: LakeMaker) -> None:
    number = str(lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 5)]}))
    newest, named = (asking.ask("SELECT * FROM ad_clicks_1m", as_of=at) for at in (None, number))
    merge(lake.catalog, "ad_clicks_1m_delta")
    for at in (None, number, number):
        assert asking.ask("SELECT * FROM ad_clicks_1m", as_of=at).table == newest.table == named.table


def test_no_more_rows_are_given_than_asked_for_and_the_answer_says_so(asking: Asking) -> None:
    answer = asking.ask("SELECT i FROM range(100) t(i) ORDER BY i", rows=7)
    assert answer.table.column(0).to_pylist() == list(range(7))
    assert answer.is_cut
    assert "first 7 rows" in str(answer.why_cut)
    whole = asking.ask("SELECT i FROM range(7) t(i)", rows=7)
    assert (whole.table.num_rows, whole.is_cut) == (7, False)


def test_no_more_rows_are_given_than_the_server_lets_out(asking: Asking) -> None:
    answer = asking.ask("SELECT i FROM range(100000) t(i)", rows=50_000)
    assert (answer.table.num_rows, answer.is_cut) == (SMALL.rows, True)
    assert "serve_sql_rows" in str(answer.why_cut)


@pytest.mark.parametrize(
    "value", ["repeat('x', 10000)", "[NULL for x in range(3000)]", "repeat('y', 9000)::ENUM('{}')".format("y" * 9000)]
)
def test_no_more_bytes_are_given_than_the_server_lets_out(asking: Asking, value: str) -> None:
    answer = asking.ask(f"SELECT {value} AS v FROM range(5000)")
    assert 0 < answer.table.num_rows < 5_000
    assert "serve_sql_bytes" in str(answer.why_cut)
    assert len(answer.stream) < 2 * SMALL.bytes


def test_a_question_that_takes_too_long_is_stopped_and_its_child_goes_on(asking: Asking) -> None:
    pids = asking.pool.pids()
    with pytest.raises(SqlTooLong, match=r"longer than 0\.3 s"):
        asking.ask(ENDLESS, timeout_s=0.3)
    assert asking.one("SELECT 1") == 1
    assert asking.pool.pids() == pids


def test_a_question_that_wants_too_much_memory_ends_alone_and_its_child_is_replaced(asking: Asking) -> None:
    pids = asking.pool.pids()
    neighbour = asking.begin("SELECT count(*) FROM range(300000000) t(i) WHERE hash(i) = 1", who="neighbour")
    with pytest.raises(SqlTooMuch, match="400 MiB of memory"):
        asking.ask("SELECT length(list(i)) FROM range(1000000000) t(i)", who="greedy")
    assert neighbour.result(120).table.num_rows == 1
    until(lambda: len(asking.pool.pids()) == 2 and len({*pids, *asking.pool.pids()}) == 3)
    assert asking.one("SELECT 1") == 1


def lives(pid: int) -> bool:
    """Whether a child has not ended yet; one that nobody has waited for is a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_child_that_is_gone_is_told_and_replaced(asking: Asking) -> None:
    answer = asking.begin(ENDLESS)
    time.sleep(0.5 * slowness())
    pids = asking.pool.pids()
    for pid in pids:
        os.kill(pid, 11)
    with pytest.raises(SqlFailed, match="SIGSEGV"):
        answer.result(60)
    until(lambda: not any(map(lives, pids)))
    # the other one had died while nobody asked it
    assert all(asking.one("SELECT 1") == 1 for _ in range(4))


def test_a_question_is_cancelled_by_its_id_and_its_child_goes_on(asking: Asking) -> None:
    pids = asking.pool.pids()
    answer = asking.begin(ENDLESS, id="mine")
    until(lambda: asking.do(asking.pool.cancel("mine")))
    with pytest.raises(SqlCancelled):
        answer.result(20)
    assert not asking.do(asking.pool.cancel("mine"))
    assert asking.one("SELECT 1", id="mine") == 1
    assert asking.pool.pids() == pids


def test_a_client_that_has_gone_stops_its_question(asking: Asking) -> None:
    async def leaving() -> None:
        task = asyncio.ensure_future(asking.pool.run(Asked(ENDLESS), "gone"))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asking.do(leaving())
    until(lambda: not asking.do(asking.pool.cancel("gone")), 10)
    assert asking.one("SELECT 1") == 1


def test_two_questions_with_one_id_are_not_answered_at_once(asking: Asking) -> None:
    answer = asking.begin(ENDLESS, id="twin")
    time.sleep(0.1)
    with pytest.raises(SqlRefused, match="'twin' is being answered"):
        asking.ask("SELECT 1", id="twin")
    asking.do(asking.pool.cancel("twin"))
    with pytest.raises(SqlCancelled):
        answer.result(20)


def test_one_client_cannot_have_all_children_and_waits_for_itself_alone(asking: Asking) -> None:
    long = [asking.begin(ENDLESS, id=f"long{n}", who="greedy") for n in range(2)]
    time.sleep(0.3)
    assert asking.one("SELECT 1", who="other") == 1
    with pytest.raises(SqlBusy, match="ask again in a moment") as told:
        long[1].result(20)
    assert told.value.retry_after_s > 0
    asking.do(asking.pool.cancel("long0"))
    with pytest.raises(SqlCancelled):
        long[0].result(20)


def test_a_question_that_waits_is_cancelled_too(asking: Asking) -> None:
    first, second = (asking.begin(ENDLESS, id=f"w{n}", who="one") for n in range(2))
    time.sleep(0.2)
    for name in ("w1", "w0"):
        assert asking.do(asking.pool.cancel(name))
    for answer in (first, second):
        with pytest.raises(SqlCancelled):
            answer.result(20)
    assert asking.one("SELECT 1", who="one") == 1


@pytest.mark.parametrize(
    ("wish", "error", "said"),
    [
        ({"sql": "SELECT '" + "x" * SMALL.text_bytes + "'"}, SqlTooMuch, "may have 65,536"),
        ({"sql": "SELECT ?", "parameters": ["x" * SMALL.text_bytes]}, SqlTooMuch, "may have 65,536"),
        ({"sql": "SELECT 1\0"}, SqlRefused, "value 0"),
        ({"sql": "SELECT '\ud800'"}, SqlRefused, "plain text"),
        ({"sql": "SELECT 1", "rows": -1}, SqlRefused, "0 or more"),
        ({"sql": "SELECT 1", "timeout_s": float("nan")}, SqlRefused, "more than 0"),
    ],
)
def test_what_cannot_be_a_question_is_refused_before_a_child_sees_it(
    asking: Asking, wish: dict, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        asking.ask(**wish)


def test_a_lake_that_comes_later_is_found_and_one_that_is_made_anew_is_the_one_that_is_asked(tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    with Asking(folder) as asking:
        with pytest.raises(LakeError):
            asking.ask("SELECT 1")
        for number in (3, 8):
            with LakeMaker(folder) as maker:
                maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, number)], "ledger": [ledger("p", 0, 2, T0)]})
                assert asking.one("SELECT clicks FROM ad_clicks_1m") == number
            shutil.rmtree(folder)


def test_a_snapshot_that_is_not_there_is_told(asking: Asking) -> None:
    with pytest.raises(LakeError, match="no snapshot 999"):
        asking.ask("SELECT 1", as_of="999")


def test_children_end_with_the_pool_whatever_they_do(lake: LakeMaker) -> None:
    with Asking(lake.folder) as asking:
        answers = [asking.begin(ENDLESS, who=str(n)) for n in range(3)]
        time.sleep(0.3)
        pids = asking.pool.pids()
    for answer in answers:
        with pytest.raises(SqlCancelled):
            answer.result(20)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(RuntimeError):
        asking.loop.call_soon(print)


def test_every_wall_is_described_and_stands_on_a_kernel_like_this(asking: Asking) -> None:
    told = asking.pool.describe()
    assert tuple(each.wall for each in told) == WALLS


def test_many_clients_are_answered_each_with_its_own(asking: Asking) -> None:
    answers = [(n, asking.begin(f"SELECT {n}", who=str(n % 8))) for n in range(16)]
    assert all(answer.result(60).table.column(0)[0].as_py() == n for n, answer in answers)


def test_a_pool_of_one_child_answers(lake: LakeMaker) -> None:
    with Asking(lake.folder, SqlLimits(children=1)) as asking:
        assert asking.one("SELECT 1") == 1
