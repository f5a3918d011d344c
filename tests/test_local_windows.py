"""A year by clocks that are put on, back, by half an hour and over a day: tables, upkeep and answers, as the model."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import tables_of
from proof.audit.audit import audit
from query.moment import from_ms, to_ms
from query.reader import LakeReader
from query.recent import RecentReader
from query.reports.rollup import reach_of
from query.reports.span import parse_span
from serve.ask.spans import spans_of
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.left import left
from sinks.lake.tables.definition import definition_of
from sinks.lake.tables.prepare import open_lake
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from tests.harness import NOW, Product
from tests.model import dump, engine, small
from tests.model.spec import AggregateSpec, PipelineSpec, Record, RollupSpec, WindowSpec
from tests.model.streams import Cuts
from tests.model.windows import windows_of
from tests.proof.memory_source import MemorySource
from tests.small_event import to_pipeline

MINUTE_MS, HOUR_MS, DAY_MS, WEEK_MS = 60_000, 3_600_000, 86_400_000, 604_800_000
SUNDAY_MS = 3 * DAY_MS
"""1970-01-04."""


class Year(NamedTuple):
    """A zone, the days (UTC) around which its clock changes, and the months that are played."""

    zone: str
    changes: tuple[str, ...]
    first: str
    days: int = 365


YEARS = (
    Year("Europe/Amsterdam", ("2026-03-29", "2026-10-25"), "2026-01-01"),
    Year("Australia/Lord_Howe", ("2026-04-04", "2026-10-03"), "2026-01-01"),
    Year("Pacific/Apia", ("2011-04-02", "2011-09-24", "2011-12-30"), "2011-02-01"),
    Year("America/Havana", ("2020-03-08", "2020-11-01"), "2020-01-01"),
    Year("America/St_Johns", ("2006-04-02", "2006-10-29"), "2006-01-01"),
)


def ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


def times_of(year: Year) -> list[int]:
    """Some a day, and every ten minutes for two days around each change, with the milliseconds beside each border."""
    start = ms(year.first)
    found = set(range(start, start + year.days * DAY_MS, 7 * HOUR_MS))
    for change in year.changes:
        found |= set(range(ms(change) - DAY_MS, ms(change) + DAY_MS, 10 * MINUTE_MS))
    for time in list(found):
        if any(abs(time - ms(change)) < DAY_MS for change in year.changes):
            begin, end = windows_of(time, WindowSpec("tumble", DAY_MS, DAY_MS, 0, year.zone))[0]
            found |= {begin - 1, begin, end - 1, end}
    return sorted(found)


def records_of(year: Year) -> dict[str, list[Record]]:
    """Two source partitions; each third event of the second comes some hours late, some days late."""
    made: dict[str, list[Record]] = {"t/0": [], "t/1": []}
    times = times_of(year)
    for number, time in enumerate(times):
        behind = 0 if number % 9 else (2 * HOUR_MS if number % 2 else 26 * HOUR_MS)
        value = f'{{"id":"i{number % 10_000}","time":{time - behind},"kind":"{"abc"[number % 3]}","user":{number % 5}}}'
        part = made[f"t/{number % 2}"]
        part.append(Record(len(part), value.encode()))
    return made


def spec_of(year: Year, lateness_ms: int, bound_ms: int) -> PipelineSpec:
    counts = {"n": AggregateSpec("count"), "users": AggregateSpec("count_distinct", "user")}
    windows = {
        "days": WindowSpec("tumble", DAY_MS, DAY_MS, 0, year.zone),
        "weeks": WindowSpec("tumble", WEEK_MS, WEEK_MS, SUNDAY_MS, year.zone),
        "quarters": WindowSpec("tumble", 6 * HOUR_MS, 6 * HOUR_MS, 0, year.zone),
    }
    rollups = tuple(
        RollupSpec(name, () if name == "days" else ("kind",), window, counts, lateness=lateness_ms)
        for name, window in windows.items()
    )
    return PipelineSpec(small.FIELDS, rollups, bound=bound_ms)


class Played(NamedTuple):
    """A year in a lake, and in the model."""

    year: Year
    folder: Path
    plan: Plan
    records: dict[str, list[Record]]
    tables: engine.Tables
    texts: dict[str, str]

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def windows(self, name: str) -> list[tuple[int, int]]:
        """Those of a rollup, by the model."""
        return sorted({(start, end) for start, end, *_ in self.tables.rollups[name]})


@pytest.fixture(scope="module", params=YEARS, ids=lambda year: year.zone)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A year whose rules change on the way, with restarts."""
    year: Year = request.param
    folder = tmp_path_factory.mktemp("year")
    specs = [spec_of(year, HOUR_MS, 0), spec_of(year, 30 * HOUR_MS, 2 * HOUR_MS)]
    first, other = (to_pipeline(spec, folder) for spec in specs)
    records = records_of(year)
    product = Product(first, folder, records, folder, [other])
    steps: list[tuple[str, int, int]] = []
    for turn in range(8):
        steps += [("poll", 0, 100), ("poll", 1, 110), ("epoch", 0, 0), ("poll", 0, 20), ("epoch", 0, 0)]
        steps += [("rules", turn % 2, 0)] if turn % 3 else [("restart", 2, 0)]
    product.run(Cuts(tuple(steps)))
    held = {part.name: {offset: specs[at] for offset, at in part.judged_by.items()} for part in product.partitions}
    tables = engine.run(specs[0], records, held=held)
    wanted = dump.texts_of(specs[0], tables, events=True)
    found = product.texts()
    assert found == wanted
    return Played(year, folder, product.plan, records, tables, found)


def test_the_audit_proves_it_and_every_window_is_final_at_the_end(played: Played) -> None:
    with LakeReader(played.lake) as reader:
        report = audit(reader, played.plan, MemorySource(played.records, (200,)), wait=lambda: None)
        assert (report.findings, report.unproven) == ([], [])
        for rollup in played.plan.rollups:
            (row,) = reader.query(f"SELECT bool_and(is_final) AS final, count(*) AS n FROM {rollup.name}").to_pylist()
            assert row == {"final": True, "n": len(played.tables.rollups[rollup.name])}


def moments(played: Played) -> Iterator[int]:
    """Each half hour around each change."""
    for change in played.year.changes:
        yield from range(ms(change) - DAY_MS, ms(change) + DAY_MS, 30 * MINUTE_MS)


def test_the_last_hour_up_to_a_moment_has_the_running_window(played: Played) -> None:
    rollups = definition_of(played.plan).by_name
    with LakeReader(played.lake) as reader:
        snapshot = reader.snapshot()
        for name in ("days", "quarters", "weeks"):
            window = next(each.window for each in spec_of(played.year, 0, 0).rollups if each.name == name)
            for moment in moments(played):
                reach = reach_of(snapshot, rollups[name], timedelta(hours=1), from_ms(moment))
                ((start, _),) = windows_of(moment, window)
                assert reach.start_ms <= start < reach.end_ms == moment + 1


def test_a_days_report_covers_the_window_of_the_day_and_no_other(played: Played) -> None:
    day_of = parse_span(f"day $day in {played.year.zone}")
    last = parse_span(f"last 2 days in {played.year.zone}")
    day = WindowSpec("tumble", DAY_MS, DAY_MS, 0, played.year.zone)
    for moment in moments(played):
        ((start, end),) = windows_of(moment, day)
        _, until = last.limits({}, from_ms(moment))
        assert to_ms(until) == end
        # the day by its name, as the clock shows it in the middle of the window
        middle = datetime.fromtimestamp((start + end) / 2_000, UTC).astimezone(ZoneInfo(played.year.zone))
        limits = day_of.limits({"day": middle.date()}, from_ms(moment))
        assert tuple(map(to_ms, limits)) == (start, end)


def test_spans_of_the_server_are_made_of_whole_windows(played: Played) -> None:
    rollups = definition_of(played.plan).by_name
    days = spans_of(rollups["days"], DAY_MS, None)
    weeks = spans_of(rollups["weeks"], WEEK_MS, "Asia/Tokyo")
    of_quarters = spans_of(rollups["quarters"], DAY_MS, None)
    with LakeReader(played.lake) as reader:
        for name, spans in (("days", days), ("weeks", weeks)):
            start = spans.start_sql("window_start")
            span = f"{start} AS a, {spans.end_sql(start)} AS b"
            for row in reader.query(
                f"SELECT DISTINCT window_start AS s, window_end AS e, {span} FROM {name}"
            ).to_pylist():
                assert (row["a"], row["b"]) == (row["s"], row["e"])
        start = of_quarters.start_sql("window_start")
        rows = reader.query(f"SELECT epoch_ms({start}) AS s, sum(n)::BIGINT AS n FROM quarters GROUP BY 1 ORDER BY 1")
    wanted: dict[int, int] = {}
    day = WindowSpec("tumble", DAY_MS, DAY_MS, 0, played.year.zone)
    for begin, _, _, (n, _) in played.tables.rollups["quarters"]:
        ((start_ms, _),) = windows_of(begin, day)
        wanted[start_ms] = wanted.get(start_ms, 0) + n
    assert {row["s"]: row["n"] for row in rows.to_pylist()} == wanted


def test_compaction_retention_and_a_reader_that_stays_show_what_the_model_has(played: Played, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(played.lake, tmp_path / "lake"))
    questions = [f"SELECT * FROM {name} ORDER BY ALL" for name in ("days", "weeks", "quarters")]
    keep = {"days": 40 * DAY_MS, "weeks": 60 * DAY_MS, "quarters": 20 * DAY_MS}
    plan = replace(played.plan, keep_ms=keep)
    with RecentReader(folder, clock=lambda: NOW) as stays:
        while stays.tend():
            pass
        assert [stays.query(sql) for sql in questions] == asked(folder, questions)
        with closing(open_lake(folder, plan, NOW)) as catalog:
            squeeze(catalog, plan)
            gone = left(catalog.connection)
        while stays.tend():
            pass
        assert [stays.query(sql) for sql in questions] == asked(folder, questions)
        for name in keep:
            border = gone[name].before_ms
            wanted = {(start, end) for start, end in played.windows(name) if end > border}
            assert 0 < len(wanted) < len(played.windows(name))
            sql = f"SELECT DISTINCT epoch_ms(window_start) AS s, epoch_ms(window_end) AS e FROM {name}"
            assert {(row["s"], row["e"]) for row in stays.query(sql).to_pylist()} == wanted
    with LakeReader(folder) as reader:
        report = audit(reader, plan, MemorySource(played.records, (500,)), wait=lambda: None)
    assert report.findings == []


def asked(folder: Path, questions: list[str]) -> list[Any]:
    with LakeReader(folder) as reader:
        return [reader.query(sql) for sql in questions]


def squeeze(catalog: Catalog, plan: Plan) -> None:
    """Compact, let go, expire, as far as it goes."""
    later = NOW + timedelta(days=400)
    for _ in range(3):
        retention = Retention(keep=timedelta(0), thin_after=timedelta(0), grace=timedelta(0))
        compact(catalog, tables_of(plan, events=True), clock=lambda: later, retention=retention)
