"""What is wrong with an ingest, or with a job from a lake, ends with 2 and one message before anything moves."""

import json
import re
from pathlib import Path

import pytest

from cli.main import main
from dataflow.pipeline.load import load
from flink.cluster.remembered import Memory, Remembered
from flink.generate.manifest import NAME
from query.reader import LakeReader
from sinks.lake.catalog.handover import handovers
from sinks.lake.tables.prepare import create_lake
from sinks.lake.writer import LakeWriter, commit
from tests.flink.generate.cases import HERE
from tests.sinks.lake.small import NOON, parcel

PIPELINE = str(HERE / "tumble" / "pipeline.py")


def ended(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments=["flink", *words])
    return int(end.value.code or 0)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of the case's pipeline, with offsets of topic t."""
    from dataflow.pipeline.tables import tables_of

    plan, folder = load(PIPELINE), tmp_path / "lake"
    catalog = create_lake(folder, plan, NOON)
    writer = LakeWriter(catalog, tables_of(plan, events=True), pipeline=plan.name, lineage="one", clock=lambda: NOON)
    writer.resume(None)
    parcels = [parcel(plan, 0, 0, 12, watermark=7_000, rules=plan.rules)]
    commit(writer, [*parcels, parcel(plan, 0, 0, 0, partition="t/1", rules=plan.rules)], 0)
    writer.close()
    return folder


def test_a_job_begins_where_the_lake_stands_with_topics_of_its_own(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "--pipeline", PIPELINE, "--topic", "t", "--from-lake", str(lake), "--out"]
    for name in ("one", "two"):
        assert ended(*words, str(tmp_path / name)) == 0
    one, two = (json.loads((tmp_path / name / NAME).read_text()) for name in ("one", "two"))
    assert one["pins"] == two["pins"] == {"t/0": 12, "t/1": 0}
    assert one["job"] != two["job"]
    job = (tmp_path / "one" / "job.sql").read_text()
    assert "'scan.startup.specific-offsets' = 'partition:0,offset:12;partition:1,offset:0'" in job
    # the watermark that the lake has, and not the largest event time less the bound, if that is further back
    assert "CASE `partition` WHEN 0 THEN CAST(7000 AS BIGINT) ELSE" in job
    assert set(one["topics"]) >= {"ad_clicks_1m_delta", "ledger", "events", "late_events", "dead_letters"}
    # to look at a job changes nothing
    with LakeReader(lake) as reader:
        assert handovers(reader.resolver.catalog().connection) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--topic", "t", "--start", "latest"), "--start = 'latest': the lake says where its job starts"),
        (("--topic", "other"), "topic = 'other': nothing of it is in the lake"),
        (("--topic", "t,u"), "topic = 't,u': Flink pins the offsets of one topic only"),
        (("--topic", "t", "--rollup", "ad_clicks_1m"), "--rollup: a job that fills a lake has to fill all of it"),
        (("--topic", "t", "--sink", "kafka"), "--sink kafka: a job that fills a lake writes to topics"),
        (("--topic", "t", "--end", "0:20"), "--end = .*name the partitions of the lake"),
    ],
)
def test_what_does_not_fit_a_lake_is_refused(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    asked = ["generate", "--pipeline", PIPELINE, "--from-lake", str(lake), "--out", str(tmp_path / "job"), *words]
    assert ended(*asked) == 2
    assert re.search(told, capsys.readouterr().err)
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "there is no handover.json"),
        ("{}", "this is no handover.json of a generated job"),
        ('{"version": 99}', "another version of Tidemill made it"),
    ],
)
def test_an_ingest_without_a_job_is_refused(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, told: str
) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    if text is not None:
        (folder / NAME).write_text(text)
    assert ended("ingest", "--pipeline", PIPELINE, "--lake", str(lake), "--job", str(folder)) == 2
    assert told in capsys.readouterr().err


def test_an_ingest_of_a_job_that_begins_elsewhere_is_refused_and_hands_nothing_over(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "job"
    assert (
        ended("generate", "--pipeline", PIPELINE, "--topic", "t", "--from-lake", str(lake), "--out", str(folder)) == 0
    )
    manifest = json.loads((folder / NAME).read_text())
    manifest["pins"]["t/0"] = 11
    (folder / NAME).write_text(json.dumps(manifest))
    assert ended("ingest", "--pipeline", PIPELINE, "--lake", str(lake), "--job", str(folder)) == 2
    assert "it counts t at 0:11, 1:0, and the lake" in capsys.readouterr().err
    with LakeReader(lake) as reader:
        assert handovers(reader.resolver.catalog().connection) == []


def test_a_lake_is_not_handed_back_while_its_job_runs(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "job"
    words = ["generate", "--pipeline", PIPELINE, "--topic", "t", "--from-lake", str(lake), "--out", str(folder)]
    assert ended(*words) == 0
    statements = ((folder / "job.sql").read_text(),)
    memory = Memory(tmp_path / "flink" / "jobs")
    memory.write(Remembered("clicks", "http://nowhere:1", "http://nowhere:2", "j1", statements, {}))
    monkeypatch.setattr("flink.cluster.rest.JobManager.jobs", lambda self: {"j1": "RUNNING"})
    words = ["ingest", "--pipeline", PIPELINE, "--lake", str(lake), "--job", str(folder), "--hand-back", "--folder"]
    assert ended(*words, str(tmp_path / "flink")) == 2
    assert "the job clicks is RUNNING: `tidemill flink stop` it first" in capsys.readouterr().err


def test_an_ingest_with_another_pipeline_file_is_refused(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "job"
    assert (
        ended("generate", "--pipeline", PIPELINE, "--topic", "t", "--from-lake", str(lake), "--out", str(folder)) == 0
    )
    manifest = json.loads((folder / NAME).read_text())
    (folder / NAME).write_text(json.dumps({**manifest, "fingerprint": "x"}))
    assert ended("ingest", "--pipeline", PIPELINE, "--lake", str(lake), "--job", str(folder)) == 2
    assert "was made from another form of it" in capsys.readouterr().err
