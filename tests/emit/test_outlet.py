"""Which ways out a run has, and what of the environment they lack, told before anything moves."""

from dataclasses import replace
from pathlib import Path

import pytest

from dataflow import avro, kafka
from dataflow.errors import ConfigError
from dataflow.pipeline.plan import Plan
from emit.outlet import LakeOutlet, outlet_of, ways_of
from runtime.outlet import NoOutlet, no_outlets
from runtime.settings import load_settings
from tests.emit.lakes import product

LONG = "a secret that is long enough"


def test_a_run_sends_nothing_where_it_is_told_to_or_reads_again(tmp_path: Path) -> None:
    plan = product(tmp_path, {}).plan
    ranges = tmp_path / "ranges.json"
    ranges.write_text("{}")
    for flags in ({"emit": False}, {"ranges": ranges}):
        assert isinstance(outlet_of(load_settings(flags, {}, tmp_path), plan, {}), NoOutlet)
    assert isinstance(no_outlets(load_settings({}, {}, tmp_path), plan), NoOutlet)
    assert isinstance(outlet_of(load_settings({}, {}, tmp_path), plan, {"SECRET": LONG}), LakeOutlet)


def test_topics_are_on_the_sources_cluster_and_secrets_come_from_the_environment(tmp_path: Path) -> None:
    plan = product(tmp_path, {}).plan
    settings = load_settings({"brokers": "b:1", "kafka": {"sasl.username": "u"}}, {}, tmp_path)
    ways = {way.plan.name: way for way in ways_of(settings, plan, {"SECRET": LONG})}
    assert ways["alerts.a"].brokers == "b:1"
    assert ways["alerts.a"].properties == {"sasl.username": "u"}
    hook = ways["webhook.webhook"].hook
    assert hook is not None
    assert (hook.url, hook.key) == ("https://example.com/in", LONG.encode())


def test_a_secret_that_is_lacking_or_too_short_is_refused_and_not_shown(tmp_path: Path) -> None:
    plan, settings = product(tmp_path, {}).plan, load_settings({}, {}, tmp_path)
    with pytest.raises(ConfigError, match="secret = 'SECRET': the environment has no such variable"):
        ways_of(settings, plan, {})
    with pytest.raises(ConfigError, match="shorter than 16 bytes") as found:
        ways_of(settings, plan, {"SECRET": "hunter2"})
    assert "hunter2" not in str(found.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("sasl.password", "hunter2-hunter2", "a secret does not stand in a pipeline file; write"),
        ("transactional.id", "mine", "kafka.transactional.id = 'mine'"),
        ("ssl.key.password", "${LACKING}", "the environment has no variable LACKING"),
    ],
)
def test_a_property_that_is_a_secret_or_ours_is_refused(tmp_path: Path, name: str, value: str, said: str) -> None:
    plan = product(tmp_path, {}).plan
    way = replace(plan.emits[0], target=kafka("f", properties={name: value}))
    with pytest.raises(ConfigError) as found:
        ways_of(load_settings({}, {}, tmp_path), replace(plan, emits=(way,)), {})
    assert said in str(found.value)
    assert "hunter2" not in str(found.value)


def in_avro(tmp_path: Path, **properties: str) -> Plan:
    plan = product(tmp_path, {}).plan
    named = {f"schema.registry.{name}": value for name, value in properties.items()}
    return replace(plan, emits=(replace(plan.emits[0], target=kafka("f", properties=named, format=avro())),))


def test_avro_goes_by_the_registry_of_the_settings_or_one_of_its_own(tmp_path: Path) -> None:
    settings = load_settings({"kafka": {"schema.registry.url": "http://r:1"}}, {}, tmp_path)
    (way,) = ways_of(settings, in_avro(tmp_path / "a"), {})
    assert way.registry is not None
    assert way.registry.url == "http://r:1"
    assert way.properties == {}
    (way,) = ways_of(settings, in_avro(tmp_path / "b", url="${OTHER}"), {"OTHER": "https://other:2"})
    assert way.registry is not None
    assert way.registry.url == "https://other:2"
    assert way.properties == {}
    assert way.plan.where == "Kafka topic f as Avro"


def test_avro_without_a_registry_or_with_a_wrong_one_is_refused_before_data_moves(tmp_path: Path) -> None:
    settings = load_settings({}, {}, tmp_path)
    with pytest.raises(ConfigError, match="has its schema in a registry: set it in") as found:
        outlet_of(settings, in_avro(tmp_path / "a"), {})
    assert found.value.key == "kafka.schema.registry.url"
    with pytest.raises(ConfigError, match=r"kafka\.schema\.registry\.ulr = .*the registry has no such property"):
        ways_of(settings, in_avro(tmp_path / "b", ulr="http://r:1"), {})
    with pytest.raises(ConfigError, match="a secret does not stand in a pipeline file") as found:
        ways_of(settings, in_avro(tmp_path / "c", **{"url": "http://r:1", "basic.auth.user.info": "me:hunter2"}), {})
    assert "hunter2" not in str(found.value)
