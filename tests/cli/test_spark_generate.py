import json
import zipfile
from pathlib import Path

import pytest

from cli.main import main
from spark.contract.build import FUNCTION_CLASS
from tests.flink.parity.matrix import CASES
from tests.kafka_fixture import require_kafka_tools

PIPELINE = str(CASES / "windows.py")


def generated(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments=["spark", "generate", *words])
    return int(ended.value.code or 0)


def test_the_files_of_a_job_are_written_and_its_tables_told(tmp_path, capsys):
    assert generated("--pipeline", PIPELINE, "--out", str(tmp_path / "job")) == 0
    assert {path.name for path in (tmp_path / "job").iterdir()} == {"job.py", "job.sql", "job.json", "README.md"}
    assert "folders of Parquet files: tumbled, hopped, grown, moved, late_events, dead" in capsys.readouterr().out


def test_flags_reach_the_job(tmp_path):
    words = ["--brokers", "kafka:9092", "--topic", "a", "--kafka", "security.protocol=SSL", "--form", "stream"]
    more = ["--start", "0:5, 1:0", "--end", "0:9,1:7", "--rollup", "moved"]
    assert generated("--pipeline", PIPELINE, "--out", str(tmp_path), *words, *more) == 0
    job = json.loads((tmp_path / "job.json").read_text())
    assert job["form"] == "stream"
    assert job["tables"] == ["moved", "late_events", "dead_letters"]
    source = job["kafka"]
    assert source["kafka.bootstrap.servers"] == "kafka:9092"
    assert source["kafka.security.protocol"] == "SSL"
    assert source["kafka.isolation.level"] == "read_committed"
    assert json.loads(source["startingOffsets"]) == {"a": {"0": 5, "1": 0}}
    assert "(partition = 0 AND offset < 9) OR (partition = 1 AND offset < 7)" in (tmp_path / "job.sql").read_text()


@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_the_functions_jar_is_built_beside_the_files(tmp_path):
    require_kafka_tools()
    assert generated("--pipeline", PIPELINE, "--out", str(tmp_path), "--with-jar") == 0
    with zipfile.ZipFile(tmp_path / "tidemill-spark-contract.jar") as jar:
        assert f"{FUNCTION_CLASS.replace('.', '/')}.class" in jar.namelist()
    assert "--jars tidemill-spark-contract.jar" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--form", "both"], "--form = 'both': write batch or stream"),
        (["--topic", "^a"], "a job reads topics by their names"),
        (["--start", "0=5"], "write partitions and offsets"),
        (["--kafka", "ssl.key.password=x"], "a secret would stand in the files for all to read"),
        (["--rollup", "move"], "the pipeline has no rollup of this name; did you mean moved?"),
    ],
)
def test_a_wrong_flag_ends_with_2_and_writes_nothing(tmp_path, capsys, words, said):
    assert generated("--pipeline", PIPELINE, "--out", str(tmp_path / "job"), *words) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "job").exists()


def test_what_spark_cannot_say_ends_with_2_and_is_told_by_its_name(tmp_path, capsys):
    assert generated("--pipeline", str(Path("pipelines/ads.py")), "--out", str(tmp_path / "job")) == 2
    assert "approx_count_distinct has no equal form in Spark's SQL" in capsys.readouterr().err
    assert not (tmp_path / "job").exists()
