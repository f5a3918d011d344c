"""Rules that wait until windows are final, beside the writer: when they judge, and what that survives."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow.pipeline.alert_rules import threshold
from dataflow.pipeline.closed_rules import compare, earlier, silence
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import tables_of
from query.reader import LakeReader
from sinks.lake.catalog.backfills import Backfilled
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.files import write_file
from sinks.lake.upkeep.backfill import add_backfill
from sinks.lake.upkeep.leave import leave
from sinks.lake.writer import LakeWriter, commit
from tests.sinks.lake.small import NOON, PER_AD, Clock, at, parcel, per_ad_row, small_plan, writer_for

QUIET = silence("quiet", key="ad", after="10s")
DROP = compare("drop", on="per_ad", value="clicks", against=earlier("2m"), drops_below=0.5, at_least=4)


def plan_of(*rules: Any, **more: Any) -> Plan:
    return small_plan([PER_AD], alerts=list(rules), out_of_orderness="0s", **more)


PLAN = plan_of(QUIET)


def sessions(*times: tuple[str, int]) -> dict[str, Any]:
    """One event each, of an ad at a second."""
    made = [
        {"ad": ad, "window_start": at(time * 1000), "window_end": at(time * 1000 + 10_000), "events": 1}
        for ad, time in times
    ]
    return {"quiet_delta": [{**each, "row_count": 1, "late_count": 0} for each in made]}


class Run:
    """A run that commits ranges of partitions, each with where its watermark comes, in seconds."""

    def __init__(self, folder: Path, plan: Plan, **more: Any) -> None:
        self.plan, self.folder = plan, folder
        self.clock = more.setdefault("clock", Clock())
        self.writer: LakeWriter = writer_for(folder, plan, **more)
        self.next: dict[str, int] = {}
        catalog = Catalog.open(folder)
        self.next = {name: end for name, (end, _) in catalog.offsets().items()}
        (self.epoch,) = catalog.one("SELECT coalesce(max(epoch), 0) + 1 FROM own_publish")
        catalog.close()

    def reads(self, partition: str, second: int | None, tables: Any = None) -> None:
        """An epoch in which one partition has a record; None: it has none."""
        start = self.next.get(partition, 0)
        end = self.next[partition] = start + (second is not None)
        reached = None if second is None else second * 1000
        more: dict[str, Any] = {"max_event_time": reached, "watermark": reached}
        commit(
            self.writer,
            [parcel(self.plan, 0, start, end, partition=partition, tables=tables, **more)],
            self.epoch,
        )
        self.epoch += 1

    def close(self) -> None:
        self.writer.close()


def alerts_in(folder: Path) -> list[tuple[str, int, int, str, int]]:
    """Key, window in seconds, state, change."""
    with LakeReader(folder) as reader:
        found = reader.query(
            "SELECT key, epoch_ms(window_start) // 1000 AS a, epoch_ms(window_end) // 1000 AS b, state, change"
            " FROM alerts ORDER BY a, b, key"
        ).to_pylist()
    return [(row["key"].split('"')[3], row["a"], row["b"], row["state"], row["change"]) for row in found]


def test_a_silence_is_told_with_the_commit_that_makes_it_final(tmp_path: Path) -> None:
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/0", 3, sessions(("a", 0), ("b", 3)))
    run.reads("t/0", 8)
    assert alerts_in(tmp_path / "lake") == []
    run.reads("t/0", 10)
    assert alerts_in(tmp_path / "lake") == [("a", 0, 10, "raised", 1)]
    # several at once, and one that has come back before
    run.reads("t/0", 60, sessions(("a", 20), ("b", 40), ("b", 50), ("c", 60)))
    run.close()
    assert alerts_in(tmp_path / "lake") == [
        ("a", 0, 10, "raised", 1),
        ("b", 3, 13, "raised", 1),
        ("a", 20, 30, "raised", 1),
        ("b", 40, 60, "raised", 1),
    ]


def test_a_partition_that_is_behind_holds_it_back_until_it_is_idle_also_if_nothing_is_read(tmp_path: Path) -> None:
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/1", 1)
    run.reads("t/0", 30, sessions(("a", 0)))
    assert alerts_in(tmp_path / "lake") == []
    run.clock.now += timedelta(seconds=40)
    run.reads("t/0", None)
    run.close()
    assert alerts_in(tmp_path / "lake") == [("a", 0, 10, "raised", 1)]
    with LakeReader(tmp_path / "lake") as reader:
        # no line of the ledger tells of an epoch in which nothing was read
        assert reader.query("SELECT count(*) AS n FROM ledger").to_pylist() == [{"n": 2}]


def test_a_partition_without_an_event_holds_everything_while_it_is_active(tmp_path: Path) -> None:
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/1", None)
    run.reads("t/0", 30, sessions(("a", 0)))
    run.close()
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/0", 31)
    assert alerts_in(tmp_path / "lake") == []
    run.reads("t/1", 31)
    run.close()
    assert alerts_in(tmp_path / "lake") == [("a", 0, 10, "raised", 1)]


def test_rows_of_a_partition_that_wakes_up_join_sessions_and_retract_their_alerts(tmp_path: Path) -> None:
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/0", 100, sessions(("a", 0), ("a", 20), ("b", 50)))
    run.close()
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/1", 10, sessions(("a", 10)))
    run.close()
    assert alerts_in(tmp_path / "lake") == [
        ("a", 0, 10, "retracted", 2),
        ("a", 0, 30, "raised", 1),
        ("a", 20, 30, "retracted", 2),
        ("b", 50, 60, "raised", 1),
    ]


def test_a_rule_that_is_new_judges_what_becomes_final_from_then_on_and_what_gets_a_row(tmp_path: Path) -> None:
    asked = threshold("long", on="quiet", having="events > 1")
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/0", 29, sessions(("a", 0), ("a", 9), ("b", 0), ("b", 1), ("c", 20), ("c", 25)))
    run.close()
    both = small_plan([PER_AD, sessions_rollup()], alerts=[asked], out_of_orderness="0s")
    run = Run(tmp_path / "lake", both, lineage="store-2")
    run.reads("t/0", 30)
    assert alerts_of(tmp_path / "lake", "long") == []
    run.reads("t/0", 40)
    assert alerts_of(tmp_path / "lake", "long") == ["c"]
    run.reads("t/1", 12, sessions(("a", 12)))
    run.close()
    assert alerts_of(tmp_path / "lake", "long") == ["a", "c"]


def sessions_rollup() -> Any:
    """The rule's own rollup, declared."""
    from dataflow import Rollup
    from dataflow import aggregates as agg
    from dataflow.windows import session

    return Rollup("quiet", ["ad"], session("10s"), {"events": agg.count()})


def alerts_of(folder: Path, rule: str) -> list[str]:
    with LakeReader(folder) as reader:
        sql = f"SELECT key FROM alerts WHERE rule = '{rule}' AND state = 'raised' ORDER BY key"
        return [row["key"].split('"')[3] for row in reader.query(sql).to_pylist()]


def test_less_lateness_or_patience_from_now_on_leaves_nothing_unjudged(tmp_path: Path) -> None:
    patient = plan_of(QUIET, allowed_lateness="20s", idle_timeout="1h")
    run = Run(tmp_path / "lake", patient)
    for partition, second in (("t/1", 1), ("t/0", 25)):
        tables = sessions(("a", 0)) if partition == "t/0" else None
        told: dict[str, Any] = {"max_event_time": second * 1000, "watermark": second * 1000, "rules": patient.rules}
        commit(run.writer, [parcel(patient, 0, 0, 1, partition=partition, tables=tables, **told)], run.epoch)
        run.epoch += 1
    run.close()
    assert alerts_in(tmp_path / "lake") == []
    run = Run(tmp_path / "lake", plan_of(QUIET, idle_timeout="1s"))
    run.reads("t/0", 26)
    assert alerts_in(tmp_path / "lake") == []
    run.clock.now += timedelta(seconds=60)
    run.reads("t/0", None)
    run.close()
    assert alerts_in(tmp_path / "lake") == [("a", 0, 10, "raised", 1)]


def test_a_run_that_begins_waits_for_all_that_partitions_have(tmp_path: Path) -> None:
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/1", 1)
    run.reads("t/0", 30, sessions(("a", 0)))
    run.close()
    # a day later none of them was active lately
    run = Run(tmp_path / "lake", PLAN, clock=Clock(NOON + timedelta(days=1)))
    run.reads("t/0", 31)
    run.reads("t/1", 9, sessions(("a", 9)))
    assert alerts_in(tmp_path / "lake") == []
    run.reads("t/1", 31)
    run.close()
    assert alerts_in(tmp_path / "lake") == [("a", 0, 19, "raised", 1)]


def test_a_rule_that_was_taken_out_begins_anew(tmp_path: Path) -> None:
    both = plan_of(QUIET, threshold("hot", on="per_ad", having="clicks > 99"))
    run = Run(tmp_path / "lake", both)
    run.reads("t/0", 5, sessions(("a", 0), ("b", 5)))
    run.close()
    without = plan_of(threshold("hot", on="per_ad", having="clicks > 99"))
    run = Run(tmp_path / "lake", without)
    run.reads("t/0", 12)
    run.close()
    run = Run(tmp_path / "lake", both)
    run.reads("t/0", 40)
    run.close()
    # a was final while the rule was not there
    assert alerts_in(tmp_path / "lake") == [("b", 5, 15, "raised", 1)]


def test_what_is_judged_once_more_is_judged_the_same(tmp_path: Path) -> None:
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/1", 1)
    run.clock.now += timedelta(seconds=40)
    run.reads("t/0", 30, sessions(("a", 0)))
    assert alerts_in(tmp_path / "lake") == [("a", 0, 10, "raised", 1)]
    # both are active again, so that nothing is final for a while
    run.reads("t/1", 2)
    run.close()
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/1", 3)
    run.reads("t/1", 30)
    run.close()
    assert alerts_in(tmp_path / "lake") == [("a", 0, 10, "raised", 1)]


def test_a_session_that_began_long_ago_is_read_back_whole(tmp_path: Path) -> None:
    plan = plan_of(silence("quiet", key="ad", after="10s", at_least=100))
    run = Run(tmp_path / "lake", plan)
    for number in range(100):
        run.reads("t/0", number * 10, sessions(("a", number * 10), ("b", number * 10) if number != 50 else ("c", 500)))
    run.close()
    run = Run(tmp_path / "lake", plan)
    run.reads("t/0", 2_000)
    run.close()
    assert alerts_in(tmp_path / "lake") == [("a", 0, 1_000, "raised", 1)]


def test_a_backfill_raises_nothing_and_is_not_forgotten(tmp_path: Path) -> None:
    run = Run(tmp_path / "lake", PLAN)
    run.reads("t/0", 1_000, sessions(("a", 1_000)))
    catalog = Catalog.open(tmp_path / "lake")
    (spec,) = [each for each in tables_of(PLAN, events=True) if each.name == "quiet_delta"]
    older = pa.Table.from_pylist(sessions(("a", 992), ("b", 500))["quiet_delta"], schema=spec.schema)
    file = write_file(catalog.folder, catalog.tables()[spec.name], older, "compact-ab.parquet")
    marks = [Backfilled("t/0", 0, 1, None, None, 0, 2, 0, 0, 9)]
    assert add_backfill(catalog, "quiet", [file], lambda _: marks, clock=Clock()) is not None
    catalog.close()
    run.reads("t/0", 1_005)
    assert alerts_in(tmp_path / "lake") == []
    run.reads("t/0", 2_000)
    run.close()
    # b was final long ago
    assert alerts_in(tmp_path / "lake") == [("a", 992, 1_010, "raised", 1)]


def rows(*clicks: tuple[str, int, int]) -> dict[str, Any]:
    return {"per_ad_delta": [per_ad_row(*each) for each in clicks]}


def test_a_key_that_is_gone_has_dropped_to_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path / "lake", plan_of(DROP))
    run.reads("t/0", 100, rows(("a", 0, 4), ("b", 0, 4), ("c", 0, 3), ("b", 1, 4), ("b", 2, 2)))
    run.reads("t/0", 178)
    assert alerts_in(tmp_path / "lake") == []
    run.reads("t/0", 180)
    assert alerts_in(tmp_path / "lake") == [("a", 120, 180, "raised", 1)]
    run.reads("t/0", 400)
    run.close()
    # b has 2 of 4 in the third minute, and none of 4 in the fourth; of 2 there are too few
    assert alerts_in(tmp_path / "lake") == [("a", 120, 180, "raised", 1), ("b", 180, 240, "raised", 1)]
    with LakeReader(tmp_path / "lake") as reader:
        (told,) = reader.query("SELECT \"values\" AS v FROM alerts WHERE key LIKE '%b%'").to_pylist()
    assert '"clicks": 0' in told["v"]
    assert '"before": 4, "sample": 4' in told["v"]


def test_a_correction_is_judged_in_its_window_and_in_those_that_are_compared_with_it(tmp_path: Path) -> None:
    run = Run(tmp_path / "lake", plan_of(DROP))
    run.reads("t/0", 1_000, rows(("a", 0, 4), ("b", 2, 1)))
    assert alerts_in(tmp_path / "lake") == [("a", 120, 180, "raised", 1)]
    run.close()
    run = Run(tmp_path / "lake", plan_of(DROP))
    run.reads("t/1", 0, rows(("a", 2, 2), ("b", 0, 4)))
    run.close()
    assert alerts_in(tmp_path / "lake") == [("a", 120, 180, "retracted", 2), ("b", 120, 180, "raised", 1)]


def test_a_window_is_not_judged_when_what_it_is_compared_with_has_left(tmp_path: Path) -> None:
    kept = PER_AD.__class__(PER_AD.name, PER_AD.keys, PER_AD.window, PER_AD.aggregates, keep="16m")
    plan = small_plan([kept], alerts=[DROP], out_of_orderness="0s")
    run = Run(tmp_path / "lake", plan)
    run.reads("t/0", 60, rows(("a", 2, 4), ("b", 4, 4)))
    run.reads("t/0", 1_200, rows(("c", 19, 1)))
    standing = [("a", 240, 300, "raised", 1), ("b", 360, 420, "raised", 1)]
    assert alerts_in(tmp_path / "lake") == standing
    catalog = Catalog.open(tmp_path / "lake")
    departures, _ = leave(catalog, NOON)
    catalog.close()
    assert departures[0].before_ms == 240_000
    # two minutes before the fifth there is nothing any more, which says nothing of a's drop
    run.reads("t/1", 0, rows(("a", 3, 1), ("a", 4, 1), ("b", 6, 2)))
    run.close()
    assert alerts_in(tmp_path / "lake") == [standing[0], ("b", 360, 420, "retracted", 2)]


def test_a_source_partition_that_is_silent_is_told_until_it_goes_on(tmp_path: Path) -> None:
    plan = plan_of(silence("lost", key="source_partition", after="1m", cool_down="1h"))
    run = Run(tmp_path / "lake", plan)
    run.reads("t/1", 10)
    run.reads("t/0", 300)
    # it holds the watermark itself
    assert alerts_in(tmp_path / "lake") == []
    run.clock.now += timedelta(seconds=40)
    run.reads("t/0", None)
    assert alerts_in(tmp_path / "lake") == [("t/1", 10, 70, "raised", 1)]
    run.close()
    run = Run(tmp_path / "lake", plan)
    run.reads("t/0", 301)
    assert alerts_in(tmp_path / "lake") == [("t/1", 10, 70, "raised", 1)]
    run.reads("t/1", 302)
    run.close()
    assert alerts_in(tmp_path / "lake") == [("t/1", 10, 70, "retracted", 2)]
