"""Random questions over a real lake are answered as the reader answers them, whatever types and views they touch."""

import json
import random
import re
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow import Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.errors import QueryError
from dataflow.windows import cumulate, hop, session, tumble
from query.reader import LakeReader
from serve.sql.limits import SqlLimits
from tests.harness import Product
from tests.model.spec import Record
from tests.model.streams import Cuts
from tests.serve.sql.asking import Asking
from tests.small_event import SmallEvent

AGGREGATES = {
    "n": agg.count(),
    "cost": agg.sum("cost"),
    "least": agg.min("cost"),
    "most": agg.max("score"),
    "mean": agg.avg("cost"),
    "ads": agg.count_distinct("ad"),
    "about": agg.approx_count_distinct("id"),
    "middle": agg.approx_quantile("cost", 0.5),
}
PIPELINE = Pipeline(
    name="small",
    event=SmallEvent,
    out_of_orderness="1s",
    rollups=[
        Rollup("tumbling", ["ad"], tumble("1m"), AGGREGATES),
        Rollup("hopping", ["kind", "user"], hop("1m", every="20s"), AGGREGATES),
        Rollup("growing", ["flag"], cumulate("1m", step="20s"), AGGREGATES),
        Rollup("visits", ["user"], session("5s"), AGGREGATES),
        Rollup("all", [], tumble("1h"), AGGREGATES),
    ],
)


def events(seed: int, count: int) -> list[Record]:
    """Mostly events, some of them late; a few records that are none."""
    chance, found = random.Random(seed), []
    for offset in range(count):
        event = {
            "id": f"e{offset % 97}",
            "time": 1_000_000 + offset * 400 - chance.choice((0, 0, 0, 700, 9_000)),
            "kind": chance.choice("abc"),
            "ad": chance.choice(["x", "y", "ü", None]),
            "user": chance.choice([1, 2, -(2**63), 2**63 - 1, None]),
            "cost": chance.choice([0, 1, 0.5, 12.25]),
            "flag": chance.choice([True, False, None]),
            "score": chance.choice([0.5, -2.0, 250.75, None]),
            "day": chance.choice(["1969-12-31", "2024-02-29", None]),
        }
        value = b"\xff{}" if offset % 41 == 0 else json.dumps(event).encode()
        found.append(Record(offset, value, 2_000_000))
    return found


class Both(NamedTuple):
    """The same lake, asked in a child and here."""

    asking: Asking
    reader: LakeReader
    columns: dict[str, list[str]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("random")
    product = Product(PIPELINE, folder, {"t/0": events(1, 400), "t/1": events(2, 300)}, folder)
    steps = [step for n in (90, 120, 80) for step in (("poll", 0, n), ("poll", 1, n), ("epoch", 0, 0))]
    product.run(Cuts(tuple(steps)))
    limits = SqlLimits(timeout_s=60, bytes=512 * 1024 * 1024, memory_bytes=512 * 1024 * 1024, rows=1_000_000)
    with LakeReader(folder / "lake", threads=1) as reader, Asking(folder / "lake", limits) as asking:
        snapshot = reader.snapshot()
        columns = {name: snapshot.query(f'FROM "{name}" LIMIT 0').column_names for name in snapshot.names()}
        yield Both(asking, reader, columns)


def same(both: Both, sql: str) -> bool:
    """Whether it had an answer; both ways it is the same, or an error."""
    expected: pa.Table | None = None
    problem = ""
    try:
        expected = both.reader.query(sql)
    except QueryError as error:
        problem = str(error).partition(":")[0]
    if expected is None:
        with pytest.raises(QueryError, match=f"^{re.escape(problem)}"):
            both.asking.ask(sql)
        return False
    answer = both.asking.ask(sql)
    assert answer.table.schema.equals(expected.schema, check_metadata=True)
    assert answer.table.equals(expected)
    assert not answer.is_cut
    return True


WRAPS = (
    *("{0}", "{0}", "{0}", "count({0}) OVER ()", "[{0}]", "{{'a': {0}}}", "MAP {{'k': {0}}}", "{0} IS NULL"),
    *("typeof({0})", "{0}::VARCHAR", "hash({0})::UHUGEINT * 7::UHUGEINT", "array_value({0}, {0})", "NULL"),
    *("md5({0}::VARCHAR)::UUID", "coalesce({0}, {0})", "row_number() OVER (ORDER BY {0})", "hash({0})::HUGEINT * -3"),
    *("to_json({0})", "CASE WHEN {0} IS NULL THEN 'none' ELSE 'some' END::ENUM('none', 'some')"),
)
TOGETHER = (
    *("count({0})", "min({0})", "max({0})", "list({0} ORDER BY {0})", "count(DISTINCT {0})", "any_value({0})"),
    *("arg_min({0}, {0})", "histogram({0}::VARCHAR)", "sum(hash({0})::UHUGEINT)"),
    *("string_agg({0}::VARCHAR, '|' ORDER BY {0})",),
)


@st.composite
def questions(draw: st.DrawFn, columns: dict[str, list[str]]) -> str:
    """A SELECT over one of the lake's tables or views, or two of them."""

    def column(name: str) -> str:
        return f'"{draw(st.sampled_from(columns[name]))}"'

    name = draw(st.sampled_from(sorted(columns)))
    chosen = [column(name) for _ in range(draw(st.integers(1, 4)))]
    where = draw(st.sampled_from(("", f" WHERE {chosen[0]} IS NOT NULL", f" WHERE hash({chosen[-1]}) % 3 = 1")))
    source = f'"{name}"'
    form = draw(st.sampled_from(("rows", "groups", "union", "with", "join", "describe")))
    if form == "describe":
        return f"{draw(st.sampled_from(('DESCRIBE', 'SUMMARIZE')))} {source}"
    if form == "groups":
        values = [draw(st.sampled_from(TOGETHER)).format(each) for each in chosen]
        return f"SELECT {column(name)}, {', '.join(values)} FROM {source}{where} GROUP BY ALL ORDER BY ALL"
    values = [draw(st.sampled_from(WRAPS)).format(each) for each in chosen]
    select = f"SELECT {', '.join(f'{each} AS c{at}' for at, each in enumerate(values))} FROM {source}{where}"
    if form == "union":
        select = f"{select} UNION ALL {select}"
    elif form == "with":
        select = f"WITH w AS ({select}) SELECT * FROM w"
    elif form == "join":
        select = f"SELECT l.*, r.n FROM ({select}) l, (SELECT count(*) AS n FROM {source}) r"
    limit = draw(st.sampled_from(("", " LIMIT 5", " LIMIT 0", " LIMIT 50 OFFSET 3")))
    return f"{select} ORDER BY ALL{limit}"


def test_random_questions_are_answered_as_the_reader_answers_them(both: Both) -> None:
    seen: list[bool] = []

    @settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(questions(both.columns))
    def ask(sql: str) -> None:
        seen.append(same(both, sql))

    ask()
    # questions that fail both ways say little
    assert sum(seen) > len(seen) * 0.7


def test_every_table_and_view_is_answered_whole(both: Both) -> None:
    for name in both.columns:
        assert same(both, f'SELECT * FROM "{name}" ORDER BY ALL')
        assert same(both, f'FROM "{name}"')
    assert same(both, "SHOW TABLES")
    assert same(both, "EXPLAIN SELECT 1")


def test_all_snapshots_are_answered_as_they_were(both: Both) -> None:
    newest = both.reader.snapshot().id
    for number in range(1, newest + 1):
        sql = "SELECT * FROM tumbling ORDER BY ALL"
        assert both.asking.ask(sql, as_of=str(number)).table == both.reader.query(sql, as_of=number)
