import zipfile
from pathlib import Path

import pytest

from cli.main import main
from flink.contract.dimension import FUNCTION_CLASS as DIMENSION_CLASS
from flink.contract.table import FUNCTION_CLASS as JUDGE_CLASS
from tests.flink.generate.cases import HERE
from tests.kafka_fixture import require_kafka_tools

PIPELINE = str(HERE / "tumble" / "pipeline.py")


def generated(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments=["flink", "generate", *words])
    return int(ended.value.code or 0)


def test_the_files_of_a_job_are_written_and_its_topics_told(tmp_path, capsys):
    assert generated("--pipeline", PIPELINE, "--out", str(tmp_path / "job"), "--sink-prefix", "x") == 0
    files = {path.name for path in (tmp_path / "job").iterdir()}
    assert files == {"job.sql", "config.yaml", "Dockerfile", "FlinkDeployment.yaml", "README.md"}
    assert "there first: x.ad_clicks_1m, x.late_events, x.dead_letters" in capsys.readouterr().out


def test_flags_reach_the_job(tmp_path):
    words = ["--brokers", "kafka:9092", "--topic", "a,b", "--kafka", "security.protocol=SSL", "--parallelism", "3"]
    more = ["--bounded", "--checkpoint-every", "1m", "--checkpoints", "s3://c", "--jar", "/j.jar", "--group", "g"]
    assert generated("--pipeline", PIPELINE, "--out", str(tmp_path), *words, *more) == 0
    job = (tmp_path / "job.sql").read_text()
    for part in (
        "'topic' = 'a;b'",
        "'properties.bootstrap.servers' = 'kafka:9092'",
        "'properties.security.protocol' = 'SSL'",
        "'properties.group.id' = 'g'",
        "SET 'parallelism.default' = '3'",
        "SET 'execution.checkpointing.interval' = '60000 ms'",
        "'scan.bounded.mode' = 'latest-offset'",
        "ADD JAR '/j.jar'",
    ):
        assert part in job


AVRO = str(HERE / "avro_final" / "pipeline.py")


def test_the_registry_is_that_of_the_settings_or_of_a_flag(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert generated("--pipeline", AVRO, "--out", "job") == 2
    assert 'set "schema.registry.url" in [kafka]' in capsys.readouterr().err
    assert not (tmp_path / "job").exists()
    (tmp_path / "tidemill.toml").write_text('[kafka]\n"schema.registry.url" = "http://registry:8081/"\n')
    assert generated("--pipeline", AVRO, "--out", "job") == 0
    assert 'registry "http://registry:8081", avro' in (tmp_path / "job" / "job.sql").read_text()
    assert generated("--pipeline", AVRO, "--out", "job", "--kafka", "schema.registry.url=https://other/ccompat") == 0
    job = (tmp_path / "job" / "job.sql").read_text()
    assert 'registry "https://other/ccompat", avro' in job
    assert "'properties.schema.registry" not in job


def test_the_registrys_other_properties_are_no_part_of_a_job(tmp_path, capsys):
    words = ["--pipeline", AVRO, "--out", str(tmp_path), "--kafka"]
    assert generated(*words, "schema.registry.ssl.ca.location=ca.pem") == 2
    assert "a job has schema.registry.url alone; docs/flink.md says where" in capsys.readouterr().err
    assert generated(*words, "schema.registry.basic.auth.user.info=me:secret") == 2
    assert "a secret would stand in the files" in capsys.readouterr().err


@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_the_functions_jar_is_built_beside_the_files_and_has_all_functions(tmp_path):
    require_kafka_tools()
    assert generated("--pipeline", PIPELINE, "--out", str(tmp_path), "--with-jar") == 0
    with zipfile.ZipFile(tmp_path / "tidemill-contract.jar") as jar:
        names = jar.namelist()
    for function in (JUDGE_CLASS, DIMENSION_CLASS):
        assert f"{function.replace('.', '/')}.class" in names
    assert "ADD JAR '/opt/flink/usrlib/tidemill-contract.jar'" in (tmp_path / "job.sql").read_text()
    assert "COPY tidemill-contract.jar /opt/flink/usrlib/tidemill-contract.jar" in (tmp_path / "Dockerfile").read_text()


def test_offsets_are_pinned_by_partition(tmp_path):
    words = ["--start", "0:5, 1:0", "--end", "0:9,1:7"]
    assert generated("--pipeline", PIPELINE, "--out", str(tmp_path), *words) == 0
    job = (tmp_path / "job.sql").read_text()
    assert "'scan.startup.specific-offsets' = 'partition:0,offset:5;partition:1,offset:0'" in job
    assert "'scan.bounded.specific-offsets' = 'partition:0,offset:9;partition:1,offset:7'" in job


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--start", "0"), "--start = '0': write partitions and offsets"),
        (("--start", "0:1,0:2"), "partition 0 stands there twice"),
        (("--form", "both"), "--form = 'both': write upsert or final"),
        (("--sink", "jdbc"), "--sink = 'jdbc': write upsert-kafka or kafka or parquet"),
        (("--state-ttl", "soon"), "--state-ttl = 'soon': not a duration"),
        (("--kafka", "linger.ms"), "--kafka = 'linger.ms': write NAME=VALUE"),
        (("--kafka", "ssl.key.password=x"), "a secret would stand in the files"),
        (("--topic", "^ads.*"), "a job reads topics by their names"),
        (("--rollup", "ad_click_1m"), "ad_clicks_1m"),
        (("--form", "final"), "idle_timeout = 30s: final rows cannot be corrected"),
    ],
)
def test_what_is_wrong_is_told_with_exit_code_2_and_nothing_is_written(tmp_path, capsys, words, told):
    out = tmp_path / "job"
    assert generated("--pipeline", PIPELINE, "--out", str(out), *words) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path, capsys):
    (tmp_path / "job").write_text("")
    assert generated("--pipeline", PIPELINE, "--out", str(tmp_path / "job")) == 2
    assert "--out" in capsys.readouterr().err


def test_the_pipeline_that_comes_with_tidemill_is_told_what_stands_in_the_way(tmp_path, capsys):
    assert generated("--pipeline", str(Path("pipelines/ads.py")), "--out", str(tmp_path / "job")) == 2
    told = capsys.readouterr().err
    assert "approx_count_distinct has no equal form" in told


def test_the_pipeline_that_comes_with_tidemill_is_a_job_without_its_sketches(tmp_path):
    words = [word for name in ("ad_clicks_1m", "revenue_1h", "clicks_5m") for word in ("--rollup", name)]
    assert generated("--pipeline", str(Path("pipelines/ads.py")), "--out", str(tmp_path / "job"), *words) == 0
    assert "first_seen(`event_id`, `event_time`" in (tmp_path / "job" / "job.sql").read_text()


def test_alerts_that_are_asked_for_are_topics_of_the_job(tmp_path, capsys):
    rules = str(HERE / "alerts" / "pipeline.py")
    assert generated("--pipeline", rules, "--out", str(tmp_path), "--alert", "unsold", "--alert", "busy") == 0
    assert "visits.busy_alerts, visits.unsold_alerts, visits.late_events" in capsys.readouterr().out
