"""Which records are JSON objects, and their values as written."""

from starter.sample import Number, Parsed, Refused, Sample, Stretch, Taken, loaded, parse
from tests.starter.streams import sample


def test_records_are_judged_by_their_bytes_as_a_run_would_and_keep_their_order() -> None:
    values = [b'{"a": 1}', None, b"", b"\xff", b"{", b"[1]", b"{}", b'{"a": NaN}', b'{"a": "\\ud800"}']
    found = [*parse(sample(*values))]
    reasons = [each.refusal.reason if isinstance(each, Refused) else "" for each in found]
    assert reasons == [
        "",
        "tombstone",
        "empty",
        "invalid_utf8",
        "malformed",
        "not_object",
        "",
        "malformed",
        "malformed",
    ]
    assert [each.taken.value for each in found] == values


def test_numbers_that_are_no_int64_stay_as_they_were_written() -> None:
    found = loaded(b'{"a": 1, "b": 1.50, "c": 9223372036854775808, "d": -9223372036854775808, "e": 1e999, "a": 2}')
    assert found == {
        "a": 2,
        "b": Number("1.50"),
        "c": Number("9223372036854775808"),
        "d": -(2**63),
        "e": Number("1e999"),
    }
    assert loaded(b'{"a": %s}' % (b"1" * 5_000))["a"] == Number("1" * 5_000)


def test_a_record_knows_its_stretch_and_a_sample_its_partitions() -> None:
    stretches = [
        Stretch("t/0", (Taken(1, b"{}"),)),
        Stretch("t/0", (Taken(2, b"{}"),)),
        Stretch("t/1", (Taken(3, b"{}"),)),
    ]
    made = Sample(tuple(stretches))
    assert made.partitions == 2
    assert [record.timestamp_ms for record in made.records] == [1, 2, 3]
    assert [each.stretch for each in parse(made) if isinstance(each, Parsed)] == [0, 1, 2]
