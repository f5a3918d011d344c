"""JSON goes out as it is."""

from emit.form import JsonForm
from emit.record import Record


def test_json_is_the_text_in_utf_8_and_no_value_is_none() -> None:
    form = JsonForm()
    form.open()
    assert form.written(Record("{}", '{"a": "ä"}', 1)) == '{"a": "ä"}'.encode()
    assert form.written(Record("{}", None, 1)) is None
