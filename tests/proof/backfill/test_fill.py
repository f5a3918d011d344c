"""A rollup that came later gets what was read before it: exactly, once, as far back as the events reach."""

import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow.errors import ConfigError
from dataflow.pipeline.plan import make_plan
from proof.backfill import fill as filling
from proof.backfill.fill import Filled
from query.lateness import lateness
from query.reader import LakeReader
from sinks.lake.tables.prepare import open_lake
from tests.ducklake_client import ducklake_query
from tests.model import bulk, pipelines, streams
from tests.model.dump import texts_of
from tests.model.engine import run as run_model
from tests.model.files import read_folder
from tests.model.spec import PipelineSpec, Record
from tests.proof.audited import CUTS, pipeline, write_input
from tests.proof.backfill.grown import LATER, Grown, Step
from tests.proof.backfill.worlds import grown, only, whole
from tests.small_event import to_pipeline

ROOT = Path(__file__).parents[3]
CALM: dict[str, Any] = {"out_of_orderness": "40s"}
"""No event of the input is late."""


def test_a_filled_rollup_is_as_if_it_had_been_there_from_the_start(tmp_path: Path) -> None:
    lake = grown(tmp_path / "grown", only("per_ad", **CALM), pipeline(**CALM))
    again = whole(tmp_path / "whole", pipeline(**CALM)).product.texts()
    assert lake.product.texts() != again
    for name in ("moving", "visits"):
        done = lake.fill(name)
        assert (done.whole_ms, done.missed, len(done.unreached)) == (None, 0, 0)
        assert [(mark.partition, mark.start) for mark in done.marks] == [("left", 0), ("right", 0)]
    assert lake.product.texts() == again
    report = lake.audit()
    assert (report.findings, report.unproven) == ([], [])


def test_a_rollup_that_keeps_distinct_values_gets_them_and_a_second_call_does_nothing(tmp_path: Path) -> None:
    lake = grown(tmp_path / "grown", only("visits", "moving", **CALM), pipeline(**CALM))
    first = lake.fill("per_ad")
    assert set(first.rows) == {"per_ad_delta", "per_ad_users_distinct"}
    texts = lake.product.texts()
    again = lake.fill("per_ad")
    assert (again.marks, again.rows, again.snapshot, again.whole_ms) == ((), {}, None, None)
    assert lake.product.texts() == texts == whole(tmp_path / "whole", pipeline(**CALM)).product.texts()


def test_what_was_late_for_all_rollups_of_its_time_stays_late_and_the_audit_proves_the_rest(tmp_path: Path) -> None:
    lake = grown(tmp_path / "grown", only("per_ad"), pipeline(), at=18)
    before = lake.ask("SELECT sum(late) AS late FROM ledger WHERE moving_counted IS NULL")[0]["late"]
    assert before > 0
    done = lake.fill("moving")
    assert done.missed == before
    lake.fill("visits")
    report = lake.audit()
    assert (report.findings, report.unproven) == ([], [])
    own = lake.ask("SELECT count(*) AS n FROM late_events WHERE rollup = 'moving'")[0]["n"]
    seen = lake.ask("SELECT sum(moving_late) AS n FROM ledger")[0]["n"]
    assert own == seen + sum(mark.late for mark in done.marks)


def test_a_rollup_that_was_taken_out_and_put_back_has_its_hole_filled(tmp_path: Path) -> None:
    write_input(tmp_path / "input")
    lake = Grown(tmp_path, read_folder(tmp_path / "input"))
    steps = CUTS.steps
    lake.read(pipeline(**CALM), steps[:9], (only("per_ad", **CALM), steps[9:15]), (pipeline(**CALM), steps[15:]))
    done = lake.fill("visits")
    assert all(0 < mark.start < mark.end < 60 for mark in done.marks)
    lake.fill("moving")
    assert lake.product.texts() == whole(tmp_path / "whole", pipeline(**CALM)).product.texts()
    assert lake.audit().findings == []


@pytest.mark.parametrize(
    "rules",
    [
        ({"out_of_orderness": "2s"}, {"out_of_orderness": "40s"}),
        ({"out_of_orderness": "40s"}, {"out_of_orderness": "1s"}),
        ({"out_of_orderness": "40s", "allowed_lateness": "0s"}, {"out_of_orderness": "1s", "allowed_lateness": "1h"}),
        ({"out_of_orderness": "1s", "allowed_lateness": "1h"}, {"out_of_orderness": "40s", "allowed_lateness": "1h"}),
    ],
)
def test_where_the_rules_changed_each_record_is_late_for_a_filled_rollup_by_those_of_its_time(
    tmp_path: Path, rules: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    former, latter = rules
    steps = CUTS.steps
    write_input(tmp_path / "input")
    lake = Grown(tmp_path, read_folder(tmp_path / "input"))
    lake.read(
        only("per_ad", **former),
        steps[:8],
        (only("per_ad", **latter), steps[8:16]),
        (pipeline(**latter), steps[16:]),
    )
    missed = sum(lake.fill(name).missed for name in ("moving", "visits"))
    report = lake.audit()
    assert (report.findings, report.unproven) == ([], [])
    again = Grown(tmp_path / "whole", lake.records)
    again.read(pipeline(**former), steps[:8], (pipeline(**latter), steps[8:16]), (pipeline(**latter), steps[16:]))
    if not missed and former.get("allowed_lateness") == latter.get("allowed_lateness"):
        assert lake.product.texts() == again.product.texts()


def test_the_audit_goes_by_the_lateness_with_which_a_rollup_was_filled(tmp_path: Path) -> None:
    strict: dict[str, Any] = {"out_of_orderness": "0s", "deduplicate_by": None, "deduplicate_within": None}
    early = only("per_ad", **strict)
    # nothing is late for the first rollup, so that the others can be given all
    early = replace(early, rollups=[replace(each, allowed_lateness="1h") for each in early.rollups])
    then = replace(pipeline(**strict), rollups=[*early.rollups, *pipeline(**strict).rollups[1:]])
    lake = grown(tmp_path / "grown", early, then, at=18)
    marks = [mark for name in ("moving", "visits") for mark in lake.fill(name).marks]
    assert any(mark.late for mark in marks)
    # a run of the changed pipeline begins, and reads nothing
    lake.plan = make_plan(replace(then, allowed_lateness="1h"), lake.folder)
    open_lake(lake.lake, lake.plan, LATER).close()
    report = lake.audit()
    assert (report.findings, report.unproven) == ([], [])


def test_a_rollup_is_filled_beside_a_run_that_goes_on(tmp_path: Path) -> None:
    write_input(tmp_path / "input")
    lake = Grown(tmp_path, read_folder(tmp_path / "input"))
    done: list[Filled] = []
    lake.read(
        only("per_ad", **CALM),
        CUTS.steps[:12],
        (pipeline(**CALM), CUTS.steps[12:]),
        beside=lambda: done.extend(lake.fill(name) for name in ("moving", "visits")),
    )
    assert [bool(each.marks) for each in done] == [True, True]
    assert lake.fill("moving").marks == ()
    assert lake.product.texts() == whole(tmp_path / "whole", pipeline(**CALM)).product.texts()
    report = lake.audit()
    assert (report.findings, report.unproven) == ([], [])


@pytest.mark.ducklake
def test_the_official_client_reads_a_filled_rollup_and_what_it_was_before(tmp_path: Path) -> None:
    lake = grown(tmp_path / "grown", only("visits", **CALM), pipeline(**CALM))
    asked = "SELECT sum(n), sum(users), count(*), min(window_start) FROM"
    ((before,),) = ducklake_query(lake.lake, [f"{asked} per_ad"])
    done = lake.fill("per_ad")
    after, past = ducklake_query(
        lake.lake,
        [
            f"{asked} per_ad",
            f"SELECT sum(row_count) FROM per_ad_delta AT (VERSION => {(done.snapshot or 0) - 1})",
        ],
    )
    with LakeReader(lake.lake) as reader:
        mine = reader.query(f"{asked} per_ad").to_pylist()[0]
    assert [int(value) for value in after[0][:3]] == [int(value) for value in list(mine.values())[:3]]
    assert (int(after[0][0]), int(past[0][0])) == (106, int(before[0]))


def test_a_filled_rollup_moves_no_window_after_its_close(tmp_path: Path) -> None:
    lake = grown(tmp_path / "grown", only("per_ad", **CALM), pipeline(**CALM))

    def corrections() -> int:
        with LakeReader(lake.lake) as reader:
            return lateness(reader, rollup="moving")[0].corrections

    before = corrections()
    lake.fill("moving")
    assert corrections() == before


def test_an_unknown_rollup_and_another_pipeline_are_refused_with_what_there_is(tmp_path: Path) -> None:
    lake = grown(tmp_path / "grown", only("per_ad"), pipeline())
    with pytest.raises(ConfigError, match="no such rollup; it has per_ad, moving, visits"):
        lake.fill("missing")
    lake.plan = whole(tmp_path / "other", only("per_ad")).plan
    with pytest.raises(ConfigError, match="run the pipeline once"):
        lake.fill("per_ad")


DIES = """
import sys
from pathlib import Path
from dataflow.pipeline.plan import make_plan
from sinks.lake.fault import KillAt
from tests.proof.audited import pipeline
from tests.proof.backfill.grown import Grown
from tests.proof.backfill.test_fill import CALM

folder = Path(sys.argv[1])
lake = Grown(folder, {})
lake.plan = make_plan(pipeline(**CALM), folder)
lake.fill("per_ad", fault=KillAt(sys.argv[2], 1))
"""
POINTS = ("before_file", "in_file", "after_file", "before_backfill", "in_backfill", "after_backfill")


@pytest.mark.parametrize("point", POINTS)
def test_a_backfill_that_is_killed_anywhere_is_done_once_by_the_next_call(tmp_path: Path, point: str) -> None:
    lake = grown(tmp_path / "grown", only("visits", **CALM), pipeline(**CALM))
    # a process of its own: a fork of one with threads may wait for ever for a lock that one of them had
    died = subprocess.run([sys.executable, "-c", DIES, str(lake.folder), point], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    done = lake.fill("per_ad")
    assert bool(done.marks) is (point != "after_backfill")
    assert lake.ask("SELECT sum(n) AS n FROM per_ad") == [{"n": 106}]
    report = lake.audit()
    assert (report.findings, report.unproven) == ([], [])
    files = {path.name for path in (lake.lake / "main" / "per_ad_delta").iterdir()}
    with LakeReader(lake.lake) as reader:
        assert {file.path.name for file in reader.snapshot().files("per_ad_delta")} == files


def test_rows_that_do_not_fit_in_memory_come_in_more_files_of_one_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "SPILL_ROWS", 3)
    monkeypatch.setattr("proof.backfill.lines.CHUNK_ROWS", 5)
    lake = grown(tmp_path / "grown", only("per_ad", **CALM), pipeline(**CALM))
    lake.fill("moving")
    with LakeReader(lake.lake) as reader:
        snapshot = reader.snapshot()
        assert sum(file.begin_snapshot == snapshot.id for file in snapshot.files("moving_delta")) > 1
    lake.fill("visits")
    assert lake.audit().findings == []
    assert lake.ask("SELECT sum(n) AS n FROM visits") == [{"n": 106}]


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@st.composite
def runs(draw: st.DrawFn) -> tuple[Any, ...]:
    """A pipeline with several rollups, its stream, and the steps before and after all of them but the first come."""
    spec = draw(pipelines.pipelines().filter(lambda each: len(each.rollups) > 1))
    read = st.tuples(st.just("poll"), st.integers(0, 3), st.integers(1, 12))
    before = [step for poll in draw(st.lists(read, min_size=3, max_size=9)) for step in (poll, ("epoch", 0, 0))]
    return spec, draw(streams.streams(spec)), before, draw(streams.cuts()).steps


@settings(deadline=None, max_examples=25, suppress_health_check=SLOW)
@given(run=runs())
def test_a_rollup_that_comes_at_any_point_and_is_filled_is_that_of_the_model(run: tuple[Any, ...]) -> None:
    require_equal(*run)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rollups_that_come_in_a_long_stream_are_those_of_the_model(seed: int) -> None:
    rng = random.Random(seed)
    before = [step for _ in range(5) for at in range(4) for step in (("poll", at, 40), ("epoch", 0, 0))]
    spec, records, after = bulk.pipeline(rng), bulk.partitions(rng, 1_500), bulk.cuts(rng).steps
    assert not require_equal(spec, records, before, after, first=0)
    # the last one takes everything and is never late: then nothing is
    assert require_equal(spec, records, before, after, first=-1) is (spec.dedup_column is None)


def require_equal(
    spec: PipelineSpec,
    records: dict[str, list[Record]],
    before: Sequence[Step],
    after: Sequence[Step],
    first: int = 0,
) -> bool:
    """All rollups but the first come after some steps, and are filled: the audit proves them, the model has the same.

    What was late for the first one is in no table from which they could be filled, so those of the model may have it:
    then only the audit tells, and the result is False.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = to_pipeline(spec, folder)
        lake = Grown(folder, records)
        lake.read(replace(every, rollups=[every.rollups[first]]), before, (every, after))
        done = [lake.fill(rollup.name) for rollup in every.rollups]
        report = lake.audit()
        assert (report.findings, report.unproven) == ([], [])
        if any(each.missed for each in done):
            return False
        expected, found = texts_of(spec, run_model(spec, records), events=True), lake.product.texts()
        if any(each.whole_ms is not None for each in done):
            for each in done:
                file = f"{each.rollup}.csv"
                assert whole_windows(found[file], each) == whole_windows(expected[file], each), file
            return False
        # a record that is late for a rollup that came later, and that no other took, was accepted
        for file in expected.keys() - {"counts.csv", "accepted.csv"}:
            assert rounded(found[file]) == rounded(expected[file]), file
        return True


def whole_windows(text: str, done: Filled) -> list[list[str]]:
    """The lines of windows that are said to be whole."""
    return [line for line in rounded(text)[1:] if done.whole_ms is None or int(line[0]) >= done.whole_ms]


def rounded(text: str) -> list[list[str]]:
    """Cells; doubles to 12 digits."""
    return [[number(cell) for cell in line.split(",")] for line in text.splitlines()]


def number(cell: str) -> str:
    try:
        return f"{float(cell):.12e}" if "." in cell or "e" in cell else cell
    except ValueError:
        return cell
