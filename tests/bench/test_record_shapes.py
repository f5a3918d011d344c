"""Each shape's records are counted whole by the pipeline of its model, over a real Kafka."""

from pathlib import Path

import pytest

from bench.decode_shapes import shapes
from bench.record_shapes import PLAIN, Bench, records, topic_of
from bench.targets import TARGETS

COUNT = 300


def test_records_come_again_until_there_are_enough() -> None:
    assert list(records([b"a", b"b"], 5)) == [b"a", b"b", b"a", b"b", b"a"]


def test_every_shape_has_a_topic_of_its_own() -> None:
    names = list(shapes(1))
    assert len({topic_of(name) for name in names}) == len(names)
    assert topic_of("UTF-8") == "-UTF-8"
    assert topic_of("one unknown key") == "-one-unknown-key"


def test_the_targets_name_shapes_that_are_measured() -> None:
    asked = {target.name for target in TARGETS if target.result == "record_shapes"}
    assert len(asked) == 4
    assert {"one unknown key", "UTF-8", "escapes", "shuffled keys", PLAIN} <= shapes(1).keys()


@pytest.mark.kafka
def test_plain_and_nested_records_are_counted(kafka: str, tmp_path: Path) -> None:
    bench = Bench(kafka, tmp_path, COUNT, partitions=2)
    names = bench.fill()
    assert names[0] == PLAIN
    assert {name: bench.run(name).events for name in (PLAIN, "nested")} == {PLAIN: COUNT, "nested": COUNT}
