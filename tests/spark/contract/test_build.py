"""The jar of Spark's function is built once, and holds what judges records in Flink, too."""

import zipfile
from pathlib import Path

import pytest

from flink.contract.build import judging_sources
from spark.contract.build import FUNCTION_CLASS, contract_jar, project
from tests.kafka_fixture import require_kafka_tools


@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_the_jar_holds_spark_s_function_and_what_judges_and_nothing_of_flink() -> None:
    require_kafka_tools()
    jar = contract_jar()
    assert jar.name == project().jar_name
    with zipfile.ZipFile(jar) as held:
        classes = {name.removesuffix(".class").replace("/", ".") for name in held.namelist() if name.endswith(".class")}
    judging = {f"tidemill.contract.{each.stem}" for each in judging_sources()}
    assert {name for name in classes if "$" not in name} == {FUNCTION_CLASS, *judging}
    assert "tidemill.contract.Judge" in judging


def test_a_change_of_what_judges_is_another_jar(tmp_path: Path) -> None:
    changed = tmp_path / "Judge.java"
    changed.write_text("class Judge {}")
    ours = project()
    assert ours._replace(beside=(*ours.beside[:-1], changed)).jar_name != ours.jar_name
