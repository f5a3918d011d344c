"""The bench of JSON's shapes in small: both decoders give the same events of each, and each is measured."""

from bench.decode import measure
from bench.decode_shapes import shapes


def test_every_shape_gives_the_same_events_and_is_measured_both_ways() -> None:
    found = measure(rounds=1, count=100)
    assert found.keys() == shapes(1).keys()
    for each in found.values():
        assert min(each["compiled_ns"], each["general_ns"], each["bytes"]) > 0
