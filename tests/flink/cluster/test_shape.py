"""Sizes and addresses of a cluster, and the configuration that says so to Flink."""

from pathlib import Path

from flink.cluster.shape import Shape, config_yaml, read_shape

SHAPE = Shape(8081, 8083, 6123, 6124, taskmanagers=2, slots=3, heap_mb=1_000, light=True)


def test_a_shape_is_read_as_it_was_written() -> None:
    assert read_shape(SHAPE.text()) == SHAPE
    assert (SHAPE.rest, SHAPE.gateway) == ("http://127.0.0.1:8081", "http://127.0.0.1:8083")


def keys(text: str) -> dict[str, str]:
    return {key: value.strip('"') for key, _, value in (line.partition(": ") for line in text.splitlines())}


def test_each_port_and_address_stands_in_the_configuration_and_no_other_address_does(tmp_path: Path) -> None:
    found = keys(config_yaml(SHAPE, tmp_path, {}))
    ports = {key: value for key, value in found.items() if "port" in key}
    assert sorted(set(ports.values())) == ["6123", "6124", "8081", "8083"]
    # left out, the gateway listens where the JobManager is to
    assert found["sql-gateway.endpoint.rest.bind-port"] == "8083"
    addresses = [value for key, value in found.items() if key.endswith(("host", "address"))]
    assert set(addresses) == {"127.0.0.1"}


def test_the_heap_is_that_of_tasks_and_framework_together(tmp_path: Path) -> None:
    found = keys(config_yaml(SHAPE, tmp_path, {}))
    parts = ("taskmanager.memory.task.heap.size", "taskmanager.memory.framework.heap.size")
    assert sum(int(found[part].removesuffix("m")) for part in parts) == 1_000
    assert found["taskmanager.numberOfTaskSlots"] == "3"


def test_a_key_that_is_given_wins(tmp_path: Path) -> None:
    found = keys(config_yaml(SHAPE, tmp_path, {"heartbeat.timeout": "50000", "new.key": 'with "quotes": and more'}))
    assert found["heartbeat.timeout"] == "50000"
    assert 'new.key: "with \\"quotes\\": and more"' in config_yaml(
        SHAPE, tmp_path, {"new.key": 'with "quotes": and more'}
    )
