"""The bench of formats in small: every decoder gives the same events, and each is measured."""

from bench.formats import measure


def test_every_format_gives_the_same_events_and_is_measured_both_ways() -> None:
    found = measure(rounds=1, count=200)
    assert found.keys() == {"json", "avro", "protobuf"}
    for each in found.values():
        assert min(each["compiled"], each["row by row"], each["bytes"]) > 0
