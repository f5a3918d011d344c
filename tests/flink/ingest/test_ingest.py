"""A job's topics in the lake: equal to a lake that Tidemill filled alone, wherever commits and kills fall."""

import json
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dataflow import Rollup
from dataflow import aggregates as agg
from dataflow.errors import ConfigError, LakeError, RecoveryError
from dataflow.pipeline.alert_rules import threshold
from dataflow.pipeline.closed_rules import compare, mean
from dataflow.pipeline.plan import Plan
from dataflow.windows import hop, tumble
from flink.ingest.handover import begin, opened, ranges_of, standing
from flink.ingest.ingest import Ingest
from flink.ingest.topics import Taken
from proof.dump import contents
from query.reader import LakeReader
from sinks.lake.agreement import require_own
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.handover import open_handover
from sinks.lake.fault import Fault, no_fault
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.compact import compact
from sinks.lake.writer import LakeWriter, commit
from tests.flink.ingest.job import Intake, Records, StandIn, manifest_for
from tests.sinks.lake.small import small_plan, writer_for

NOW = datetime(2026, 3, 4, tzinfo=UTC)
VALUES = {
    "n": agg.count(),
    "spend": agg.sum("cost"),
    "users": agg.sum("user"),
    "least": agg.min("cost"),
    "last": agg.max("ad"),
    "mean": agg.avg("cost"),
    "ads": agg.count_distinct("ad"),
    "set": agg.count("day", where="flag"),
}
ROLLUPS = (
    Rollup("per_ad", keys=["ad"], window=tumble("10s"), aggregates=VALUES),
    Rollup("sliding", keys=["day"], window=hop("20s", every="5s"), where="cost > 1", aggregates=VALUES),
)


class Killed(Exception):
    """Stands for kill -9."""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return small_plan(
        ROLLUPS,
        out_of_orderness="2s",
        allowed_lateness="1s",
        deduplicate_by="user",
        deduplicate_within="5s",
        alerts=[
            threshold("odd", on="per_ad", having="n IN (1, 3, 5)"),
            threshold("dear", on="sliding", having="spend > 40 AND least < 5"),
            threshold("wide", on="sliding", having="ads > 2"),
            compare("fewer", on="per_ad", value="n", against=mean(of=2), drops_below=0.9),
        ],
    )


def records(seed: int, count: int) -> Records:
    """Events in some disorder, some late, some repeated, some broken."""
    found: list[tuple[int, bytes | None]] = []
    for at in range(count):
        number = (at * 7919 + seed * 104729) % 1009
        event: dict[str, Any] = {"ad": "abc"[number % 3], "time": at * 700 - (number % 11 == 0) * 20_000}
        event |= {"cost": number / 100, "user": None if number % 4 else number % 50, "flag": number % 2 == 0}
        event["day"] = f"2026-01-0{1 + number % 3}" if number % 5 else None
        event["ad"] = None if number % 17 == 0 else event["ad"]
        value = None if number % 31 == 0 else b"{" if number % 29 == 0 else json.dumps(event).encode()
        found.append((at, value))
    return found


class Lake:
    """One lake that Tidemill fills up to somewhere, then a job, then Tidemill again."""

    def __init__(self, folder: Path, plan: Plan, seed: int) -> None:
        self.folder, self.plan = folder / "lake", plan
        self.parts = [Intake(plan, "t", number, records(seed + number, 90), folder) for number in (0, 1)]
        self.epoch = 0

    def tidemill(self, count: int) -> None:
        writer = writer_for(self.folder, self.plan, lineage=f"own-{self.epoch}")
        self.epoch += 1
        commit(writer, [part.parcel(count) for part in self.parts], self.epoch)
        writer.close()

    def pins(self) -> dict[str, int]:
        return {part.partition: part.at for part in self.parts}

    def tables(self) -> dict[str, Any]:
        with LakeReader(self.folder) as reader:
            snapshot = reader.snapshot()
            found = {
                name: snapshot.query(f"SELECT * FROM ({sql}) ORDER BY ALL").to_pylist()
                for name, sql in contents(snapshot).items()
            }
            stand = "SELECT rule, key, window_start FROM alerts WHERE state = 'raised' ORDER BY ALL"
            found["alerts"] = snapshot.query(stand).to_pylist()
            for name in ("per_ad", "sliding"):
                key = "ad" if name == "per_ad" else "day"
                sql = f"SELECT {key}, window_start, late_count FROM {name} ORDER BY ALL"
                sums = snapshot.query(sql)
                found[f"late of {name}"] = sums.to_pylist()
            found["checksum"] = snapshot.query(
                'SELECT "partition", sum(checksum::HUGEINT) % 18446744073709551616::HUGEINT AS checksum,'
                " max(max_event_time) AS newest, max(watermark) AS watermark, max(end_offset) AS reached"
                " FROM ledger GROUP BY ALL ORDER BY ALL"
            ).to_pylist()
            for row in found["checksum"]:
                row["checksum"] = int(row["checksum"]) % 2**64
        return found


def ingest(lake: Lake, manifest: Any, fault: Fault = no_fault) -> Ingest:
    catalog = opened(lake.folder, lake.plan, manifest, NOW)
    state = begin(catalog, manifest)
    with LakeReader(lake.folder) as reader:
        stands = standing(reader, lake.plan, "t", ranges_of(reader))
    return Ingest(catalog, lake.plan, manifest, state, stands, clock=lambda: NOW, fault=fault)


def take_all(lake: Lake, manifest: Any, written: list[Taken], fault: Fault) -> None:
    taking = ingest(lake, manifest, fault)
    taking.take(written)
    taking.commit()


def behind(written: list[Taken], taking: Ingest) -> list[Taken]:
    """What a consumer would read that goes on where the lake says."""
    return [each for each in written if each.offset >= taking.places.get(each.place, 0)]


@pytest.fixture(scope="module")
def plain(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    lake = Lake(tmp_path_factory.mktemp("plain"), plan, 1)
    lake.tidemill(90)
    tables = lake.tables()
    assert {row["rule"] for row in tables["alerts"]} == {"odd", "dear", "wide", "fewer"}
    return tables


def written_by(lake: Lake, manifest: Any, cuts: list[int]) -> Iterator[Taken]:
    job = StandIn(lake.plan, manifest)
    for cut in cuts:
        for part in lake.parts:
            yield from job.write(part.parcel(cut))


@pytest.mark.parametrize("seed", range(4))
def test_a_lake_that_was_handed_over_and_back_is_that_of_one_run(
    plan: Plan, plain: dict[str, Any], tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    lake = Lake(tmp_path, plan, 1)
    lake.tidemill(rng.randrange(40))
    manifest = manifest_for(plan, "t", lake.pins())
    by_topic: dict[str, list[Taken]] = {}
    for each in written_by(lake, manifest, [rng.randrange(1, 13) for _ in range(4)]):
        by_topic.setdefault(each.topic, []).append(each)
    # each topic in its order, and between topics any
    order = rng.sample(sorted(by_topic), len(by_topic))
    written = [each for topic in order for each in by_topic[topic]]
    at, taking = 0, ingest(lake, manifest)
    for _ in range(6):
        count = rng.randrange(1, 90)
        taking.take(written[at : at + count])
        at += count
        taking.commit()
        if rng.random() < 0.3:
            with closing(Catalog.open(lake.folder)) as catalog:
                compact(catalog, specs_of_lake(catalog), clock=lambda: NOW)
        if rng.random() < 0.4:
            taking.close()
            taking = ingest(lake, manifest)
            taking.take(behind(written[:at], taking))
    taking.take(written[at:])
    taking.commit()
    taking.hand_back()
    taking.close()
    lake.tidemill(90)
    assert lake.tables() == plain


@pytest.mark.parametrize("point", ["after_takeover", "before_commit", "in_commit", "after_commit"])
def test_killed_anywhere_it_goes_on_where_the_lake_says(
    plan: Plan, plain: dict[str, Any], tmp_path: Path, point: str
) -> None:
    lake = Lake(tmp_path, plan, 1)
    lake.tidemill(20)
    manifest = manifest_for(plan, "t", lake.pins())
    written = list(written_by(lake, manifest, [30]))

    def kill(passed: str) -> None:
        if passed == point:
            raise Killed

    with pytest.raises(Killed):
        take_all(lake, manifest, written, kill)
    taking = ingest(lake, manifest)
    assert bool(behind(written, taking)) == (point != "after_commit")
    taking.take(behind(written, taking))
    taking.commit()
    taking.hand_back()
    taking.close()
    lake.tidemill(90)
    assert lake.tables() == plain


def test_a_lake_goes_to_flink_again_with_another_job(plan: Plan, plain: dict[str, Any], tmp_path: Path) -> None:
    lake = Lake(tmp_path, plan, 1)
    for job in ("small-1", "small-2"):
        lake.tidemill(15)
        manifest = manifest_for(plan, "t", lake.pins(), job)
        taking = ingest(lake, manifest)
        taking.take(written_by(lake, manifest, [12, 3]))
        taking.commit()
        taking.hand_back()
        taking.close()
    lake.tidemill(90)
    assert lake.tables() == plain


def test_a_partition_that_is_new_to_the_lake_comes_with_the_job(
    plan: Plan, plain: dict[str, Any], tmp_path: Path
) -> None:
    lake = Lake(tmp_path, plan, 1)
    both = lake.parts
    lake.parts = both[:1]
    lake.tidemill(20)
    manifest = manifest_for(plan, "t", lake.pins())
    lake.parts = both
    written = list(written_by(lake, manifest, [30, 5]))
    taking = ingest(lake, manifest)
    taking.take(written)
    taking.commit()
    taking.hand_back()
    taking.close()
    lake.tidemill(90)
    assert lake.tables() == plain


def test_the_ledger_waits_for_the_rows_that_it_counts(plan: Plan, tmp_path: Path) -> None:
    lake = Lake(tmp_path, plan, 1)
    lake.tidemill(20)
    manifest = manifest_for(plan, "t", lake.pins())
    written = list(written_by(lake, manifest, [30]))
    counts = [each for each in written if each.topic == manifest.topics["ledger"]]
    taking = ingest(lake, manifest)
    taking.take(counts)
    assert taking.commit() == 0
    with pytest.raises(LakeError, match="half"):
        taking.hand_back()
    taking.take([each for each in written if each not in counts])
    assert taking.commit() > 0
    taking.close()
    with LakeReader(lake.folder) as reader:
        ends = reader.query('SELECT max(end_offset) AS "end" FROM ledger GROUP BY "partition"').to_pylist()
    assert ends == [{"end": 50}, {"end": 50}]


def test_a_lake_that_lacks_rows_is_not_handed_back(plan: Plan, tmp_path: Path) -> None:
    lake = Lake(tmp_path, plan, 1)
    lake.tidemill(20)
    manifest = manifest_for(plan, "t", lake.pins())
    taking = ingest(lake, manifest)
    taking.take([each for each in written_by(lake, manifest, [30]) if "ledger" not in each.topic])
    taking.commit()
    with pytest.raises(LakeError, match=r"does not hold what the job small-1 has counted .*per_ad_delta: -"):
        taking.hand_back()
    assert open_handover(Catalog.look(lake.folder).connection) is not None
    taking.close()


def test_a_job_that_begins_anew_is_told(plan: Plan, tmp_path: Path) -> None:
    lake = Lake(tmp_path, plan, 1)
    lake.tidemill(20)
    manifest = manifest_for(plan, "t", lake.pins())
    written = list(written_by(lake, manifest, [30]))
    taking = ingest(lake, manifest)
    taking.take(written)
    taking.commit()
    taking.take([each._replace(offset=each.offset + 10_000) for each in written])
    with pytest.raises(LakeError, match="begun anew"):
        taking.commit()
    taking.close()


def test_what_no_job_writes_is_told_with_its_place(plan: Plan, tmp_path: Path) -> None:
    lake = Lake(tmp_path, plan, 1)
    lake.tidemill(20)
    manifest = manifest_for(plan, "t", lake.pins())
    taking = ingest(lake, manifest)
    topic = manifest.topics["per_ad_delta"]
    with pytest.raises(LakeError, match=r"small-1.per_ad_delta/0: the record at offset 7"):
        taking.take([Taken(topic, f"{topic}/0", 7, b"[]")])
    taking.close()


def test_while_a_job_fills_a_lake_nobody_else_does(plan: Plan, tmp_path: Path) -> None:
    lake = Lake(tmp_path, plan, 1)
    lake.tidemill(20)
    writer: LakeWriter = writer_for(lake.folder, plan, lineage="a run that goes on")
    manifest = manifest_for(plan, "t", lake.pins())
    handing = opened(lake.folder, plan, manifest, NOW)
    begin(handing, manifest)
    handing.close()
    # it is fenced out with the hand-over, before anything is taken in
    with pytest.raises(LakeError, match="has taken over the lake"):
        commit(writer, [part.parcel(5) for part in lake.parts], 99)
    taking = ingest(lake, manifest)
    writer.close()
    catalog = Catalog.look(lake.folder)
    with pytest.raises(RecoveryError, match=r"handed over to the Flink job small-1: .*--hand-back"):
        require_own(catalog, plan.name)
    other = manifest_for(plan, "t", lake.pins(), job="small-2")
    with pytest.raises(ConfigError, match=r"handed over to the job small-1; leave --job out"):
        begin(catalog, other)
    taking.hand_back()
    taking.close()
    require_own(catalog, plan.name)
    with pytest.raises(ConfigError, match="was handed back by this job"):
        begin(catalog, manifest)
    catalog.close()


def test_who_has_seen_an_older_state_of_a_job_publishes_nothing(plan: Plan, tmp_path: Path) -> None:
    lake = Lake(tmp_path, plan, 1)
    lake.tidemill(20)
    manifest = manifest_for(plan, "t", lake.pins())
    # without its ledger, so that the offsets of the source are still the same
    written = [each for each in written_by(lake, manifest, [30]) if "ledger" not in each.topic]
    catalog = opened(lake.folder, plan, manifest, NOW)
    state = begin(catalog, manifest)
    with LakeReader(lake.folder) as reader:
        stands = standing(reader, plan, "t", ranges_of(reader))
    taking = ingest(lake, manifest)
    taking.take(written)
    taking.commit()
    stale = Ingest(catalog, plan, manifest, state, stands, clock=lambda: NOW)
    stale.take(written[: len(written) // 2])
    before = lake.tables()
    with pytest.raises(LakeError, match="has gone on with the job small-1 meanwhile"):
        stale.commit()
    stale.close()
    taking.close()
    assert lake.tables() == before


def test_a_job_that_begins_elsewhere_than_the_lake_stands_is_refused(plan: Plan, tmp_path: Path) -> None:
    lake = Lake(tmp_path, plan, 1)
    lake.tidemill(20)
    manifest = manifest_for(plan, "t", {"t/0": 20, "t/1": 19})
    catalog = opened(lake.folder, plan, manifest, NOW)
    with pytest.raises(ConfigError, match=r"it counts t at 0:20, 1:19, and the lake .* stands at 0:20, 1:20"):
        begin(catalog, manifest)
    catalog.close()
