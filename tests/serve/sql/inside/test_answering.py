"""What a child does with a question, without its walls: frames of data, then one end."""

import json
import os
import threading
import time
from typing import Any

import pyarrow as pa
import pytest

from query.reader import LakeReader
from serve.sql import frames
from serve.sql.inside.answering import Answering, Given
from serve.sql.orders import Birth, Order
from serve.sql.place import place_of
from tests.query.lakes import LakeMaker
from tests.serve.sql.asking import ENDLESS


class Said:
    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bytes]] = []

    def __call__(self, kind: bytes, body: bytes | memoryview) -> None:
        self.frames.append((kind, bytes(body)))

    def end(self) -> dict[str, Any]:
        kind, body = self.frames[-1]
        assert kind == frames.END
        return json.loads(body)

    def table(self) -> pa.Table:
        with pa.ipc.open_stream(b"".join(body for kind, body in self.frames if kind == frames.DATA)) as reader:
            return reader.read_all()


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def answering(lake: LakeMaker, said: Said) -> Answering:
    made = Answering(Birth(place_of(lake.folder, ["main/"]), os.getppid(), 1, 400_000_000), said)
    made.warm()
    with LakeReader(lake.folder) as reader:
        made.tell(reader.snapshot().resolved)
    return made


def order(sql: str, **wish: Any) -> Order:
    return Order(**{"sql": sql, "parameters": None, "rows": 100_000, "bytes": 10_000_000, **wish})


def test_an_answer_is_a_stream_and_how_many_rows_it_has(answering: Answering, said: Said) -> None:
    answering.begin()
    answering.answer(order("SELECT i, 'x' AS t FROM range(50000) t(i)"))
    assert said.end() == {"rows": 50_000, "cut": None}
    assert said.table().column("i").to_pylist() == list(range(50_000))
    assert len(said.frames) > 3


def test_an_answer_without_rows_has_its_columns(answering: Answering, said: Said) -> None:
    answering.begin()
    answering.answer(order("SELECT clicks FROM ad_clicks_1m WHERE false"))
    assert (said.end(), said.table().column_names) == ({"rows": 0, "cut": None}, ["clicks"])


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT nope", "query"),
        ("FROM read_text('x')", "refused"),
        ("DROP VIEW ad_clicks_1m", "refused"),
        ("SELECT " + "(" * 400 + "1" + ")" * 400, None),
        ("SELECT length(list(i)) FROM range(100000000) t(i)", "memory"),
    ],
)
def test_each_way_to_fail_is_told_apart(answering: Answering, said: Said, sql: str, error: str | None) -> None:
    answering.begin()
    answering.answer(order(sql))
    assert said.end().get("error") == error


def test_a_question_is_stopped_and_the_next_one_answered(answering: Answering, said: Said) -> None:
    answering.begin()
    thread = threading.Thread(target=answering.answer, args=(order(ENDLESS),))
    thread.start()
    time.sleep(0.2)
    answering.stop()
    thread.join(20)
    assert said.end() == {"error": "stopped"}
    answering.stop()
    answering.begin()
    answering.answer(order("SELECT 1"))
    assert said.end() == {"rows": 1, "cut": None}


def test_one_that_is_stopped_before_it_begins_is_stopped(answering: Answering, said: Said) -> None:
    answering.begin()
    threading.Timer(0.3, answering.answer, (order("SELECT 1"),)).start()
    answering.stop()
    deadline = time.monotonic() + 120
    while not said.frames or said.frames[-1][0] != frames.END:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert said.end() == {"error": "stopped"}


def test_what_is_given_is_cut_by_rows_and_by_bytes() -> None:
    table = pa.table({"s": ["x" * 100] * 1_000})
    given = Given(order("", rows=1_500))
    assert [given.part(table).num_rows for _ in range(2)] == [1_000, 500]
    assert (given.rows, given.cut) == (1_500, "rows")
    given = Given(order("", bytes=50_000))
    assert 400 < given.part(table).num_rows < 500
    assert given.cut == "bytes"
    given = Given(order("", bytes=50))
    assert (given.part(table).num_rows, given.cut) == (0, "bytes")
