"""Records that lenient readers take for events, or sound ones that they refuse, and what the contract says of each."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from annotated_types import Ge, Len
from pydantic import BaseModel

from dataflow import EventTime, Money


class Small(BaseModel):
    id: Annotated[str, Len(1, 8)]
    at: EventTime
    n: Annotated[int, Ge(-(2**63))] | None = None
    cost: Money = Decimal(0)
    kind: Literal["a", "b"] = "a"


def _with(**members: bytes) -> bytes:
    """A sound record but for these members' values."""
    all_of_it = {"id": b'"x"', "at": b"1000", **members}
    return b"{" + b",".join(b'"%s":%s' % (key.encode(), value) for key, value in all_of_it.items()) + b"}"


def _event(**columns: Any) -> list[Any]:
    row = {"id": "x", "at": 1_000, "n": None, "cost": 0, "kind": "a", **columns}
    return [None, None, *row.values()]


def _no(reason: str, field: str | None = None) -> list[Any]:
    return [reason, field]


SOUND = _with()

RECORDS: dict[str, tuple[bytes | None, list[Any]]] = {
    "as it should be": (SOUND, _event()),
    "blanks everywhere": (b' \r\n\t{ "id" : "x" ,\n"at"\t:\r1000 } \n', _event()),
    "a string for an int": (_with(n=b'"5"'), _no("wrong_type", "n")),
    "an int with decimals": (_with(n=b"5.0"), _no("wrong_type", "n")),
    "an int with an exponent": (_with(n=b"1e3"), _no("wrong_type", "n")),
    "a fraction for an int": (_with(n=b"1.5"), _no("wrong_type", "n")),
    "true for an int": (_with(n=b"true"), _no("wrong_type", "n")),
    "an object for an int": (_with(n=b"{}"), _no("wrong_type", "n")),
    "minus zero": (_with(n=b"-0"), _event(n=0)),
    "a leading zero": (_with(n=b"05"), _no("malformed")),
    "a plus": (_with(n=b"+5"), _no("malformed")),
    "2**63 - 1": (_with(n=b"9223372036854775807"), _event(n=2**63 - 1)),
    "-2**63": (_with(n=b"-9223372036854775808"), _event(n=-(2**63))),
    "2**63": (_with(n=b"9223372036854775808"), _no("constraint", "n")),
    "-2**63 - 1": (_with(n=b"-9223372036854775809"), _no("constraint", "n")),
    "2**64 + 5": (_with(n=b"18446744073709551621"), _no("constraint", "n")),
    "a thousand digits": (_with(n=b"7" * 1_000), _no("constraint", "n")),
    "an int for a string": (_with(id=b"5"), _no("wrong_type", "id")),
    "an object for a string": (_with(id=b'{"a":1}'), _no("wrong_type", "id")),
    "true for a string": (_with(id=b"true"), _no("wrong_type", "id")),
    "null for a string": (_with(id=b"null"), _no("missing_field", "id")),
    "null where it may be": (_with(n=b"null"), _event()),
    "null for a default": (_with(cost=b"null"), _no("missing_field", "cost")),
    "no text": (_with(id=b'""'), _no("constraint", "id")),
    "as long as it may be in code points": (_with(id='"ääää漢漢😀😀"'.encode()), _event(id="ääää漢漢😀😀")),
    "one code point more": (_with(id='"ääää漢漢😀😀e"'.encode()), _no("constraint", "id")),
    "escapes that mean one code point": (_with(id=b'"\\ud83d\\uDE00\\n\\/"'), _event(id="😀\n/")),
    "a choice with an escape": (_with(kind=b'"\\u0062"'), _event(kind="b")),
    "a choice in capitals": (_with(kind=b'"A"'), _no("constraint", "kind")),
    "a key with an escape": (b'{"\\u0069d":"y","at":1000}', _event(id="y")),
    "a key in capitals": (b'{"ID":"x","at":1000}', _no("missing_field", "id")),
    "a repeated key, the last is sound": (_with(n=b'"5","n":7'), _event(n=7)),
    "a repeated key, the last is none": (_with(n=b'7,"n":"5"'), _no("wrong_type", "n")),
    "a repeated key behind an escape": (_with(n=b'7,"\\u006e":8'), _event(n=8)),
    "text behind it": (SOUND + b" x", _no("malformed")),
    "two objects": (SOUND + b"\n" + SOUND, _no("malformed")),
    "an array of two": (b"[" + SOUND + b"," + SOUND + b"]", _no("not_object")),
    "a string with JSON in it": (b'"{}"', _no("not_object")),
    "null": (b"null", _no("not_object")),
    "an array that does not end": (b"[1,2", _no("malformed")),
    "a comma behind the last": (_with(n=b"1,"), _no("malformed")),
    "a byte order mark": (b"\xef\xbb\xbf" + SOUND, _no("malformed")),
    "UTF-16": (SOUND.decode().encode("utf-16-le"), _no("malformed")),
    "UTF-16 with its mark": (SOUND.decode().encode("utf-16"), _no("invalid_utf8")),
    "NaN in a field nobody reads": (_with(other=b"NaN"), _no("malformed")),
    "minus infinity in one": (_with(other=b"-Infinity"), _no("malformed")),
    "1e999 in one": (_with(other=b"1e999"), _event()),
    "a lone high surrogate in one": (_with(other=b'"\\ud800"'), _no("malformed")),
    "a lone low surrogate in a key": (_with(other=b'{"\\udc00":1}'), _no("malformed")),
    "two high surrogates": (_with(id=b'"\\ud83d\\ud83d"'), _no("malformed")),
    "a bare control character": (_with(id=b'"a\nb"'), _no("malformed")),
    "a delete character": (_with(id=b'"a\x7fb"'), _event(id="a\x7fb")),
    "bytes that are no UTF-8": (_with(id=b'"\xff"'), _no("invalid_utf8")),
    "an overlong slash": (_with(id=b'"\xc0\xaf"'), _no("invalid_utf8")),
    "a surrogate in UTF-8": (_with(id=b'"\xed\xa0\x80"'), _no("invalid_utf8")),
    "above U+10FFFF": (_with(id=b'"\xf4\x90\x80\x80"'), _no("invalid_utf8")),
    "cut in a code point": (SOUND[:-1] + b',"\xe2\x82', _no("invalid_utf8")),
    "no UTF-8 in text that is malformed": (b"{\xff", _no("invalid_utf8")),
    "as deep as it may be": (_with(other=b"[" * 63 + b"]" * 63), _event()),
    "one deeper": (_with(other=b"[" * 64 + b"]" * 64), _no("malformed")),
    "depth 100": (_with(other=b'{"a":' * 100 + b"1" + b"}" * 100), _no("malformed")),
    "depth 5000": (_with(other=b"[" * 5_000 + b"]" * 5_000), _no("malformed")),
    "brackets in a text": (_with(other=b'"' + b"[{" * 100 + b'"'), _event()),
    "no bytes": (b"", _no("empty")),
    "a tombstone": (None, _no("tombstone")),
    "blanks alone": (b"  \n", _no("malformed")),
    "no fields": (b"{}", _no("missing_field", "id")),
    "a registry's frame": (b"\x00\x00\x00\x00\x07" + SOUND, _event()),
    "a registry's frame with nothing in it": (b"\x00\x00\x00\x00\x07", _no("empty")),
    "a frame in a frame": (b"\x00\x00\x00\x00\x07\x00\x00\x00\x00\x07" + SOUND, _no("malformed")),
    "a frame with a GUID": (b"\x01" + bytes(range(16)) + SOUND, _event()),
    "money with six decimals by value": (_with(cost=b"0.1000000"), _event(cost=100_000)),
    "money with seven": (_with(cost=b"0.0000001"), _no("constraint", "cost")),
    "money that a double would round": (_with(cost=b"123456789012.123456"), _event(cost=123456789012123456)),
    "money near 1": (_with(cost=b"1.0000000000000000001"), _no("constraint", "cost")),
    "money with an exponent": (_with(cost=b"-12e-1"), _event(cost=-1_200_000)),
    "nothing times a huge power": (_with(cost=b"0e99999999999999999999"), _event()),
    "10^12": (_with(cost=b"1e12"), _no("constraint", "cost")),
    "money as text": (_with(cost=b'"1"'), _no("wrong_type", "cost")),
    "the furthest time": (_with(at=b"9000000000000000"), _event(at=9_000_000_000_000_000)),
    "further than any time": (_with(at=b"-9000000000000001"), _no("constraint", "at")),
}
"""By what it is: a record and its verdict, as tests.flink.contract.java_judge has them."""
