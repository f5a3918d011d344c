"""What the Java function says of records, and what the product's own decoder says, in the same form."""

import json
import struct
import subprocess
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from dataflow.decode.json.contract import judge_record
from dataflow.event.fields import Value, to_micros
from dataflow.event.schema import EventSchema, schema_of
from dataflow.messages import Refusal
from flink.contract.build import contract_jar
from flink.contract.table import field_table
from runtime.java import java_command

_NO_TIMESTAMP = -(2**63)
_EPOCH_DAY = date(1970, 1, 1).toordinal()

Verdict = list[Any]
"""[reason, field], or [None, None, value ...]: money in millionths, days as ints, a float as the hex of its bits."""


def in_java(
    table: str,
    values: Sequence[bytes | None],
    timestamps: Sequence[int | None] = (),
    headers: Sequence[bytes | None] = (),
) -> list[Verdict]:
    """The verdicts of the Java function, by this field table."""
    framed = bytearray()
    nothing = [None] * len(values)
    for value, timestamp, header in zip(values, timestamps or nothing, headers or nothing, strict=True):
        at_ms = _NO_TIMESTAMP if timestamp is None else timestamp
        lengths = [-1 if each is None else len(each) for each in (value, header)]
        framed += struct.pack(">iqi", lengths[0], at_ms, lengths[1]) + (value or b"") + (header or b"")
    command = [java_command(), "-Xmx256m", "-cp", str(contract_jar()), "tidemill.contract.Main", table]
    told = subprocess.run(command, input=bytes(framed), capture_output=True, check=False)
    assert told.returncode == 0, told.stderr.decode()
    # not splitlines: a text may hold what Python takes for the end of a line
    lines = told.stdout.decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


def in_python(schema: EventSchema, values: Sequence[bytes | None], max_bytes: int | None = None) -> list[Verdict]:
    """The verdicts of the contract itself."""
    return [told(schema, judge_record(schema, value, max_bytes)) for value in values]


def told(schema: EventSchema, found: Mapping[str, Value] | Refusal) -> Verdict:
    """A verdict of the contract as the Java side tells it."""
    if isinstance(found, Refusal):
        return [found.reason, found.field]
    return [None, None, *(plain(found[leaf.name]) for leaf in schema.fields)]


def plain(value: Value) -> Any:
    """A column's value as the Java side tells it."""
    if isinstance(value, float):
        return format(int.from_bytes(struct.pack(">d", value), "big"), "x")
    if isinstance(value, Decimal):
        return to_micros(value)
    if isinstance(value, date):
        return value.toordinal() - _EPOCH_DAY
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def assert_equal(model: type[BaseModel], values: Sequence[bytes | None], max_bytes: int | None = None) -> None:
    """Java and Python say the same of every record."""
    schema = schema_of(model)
    table = field_table(schema, max_bytes=max_bytes)
    assert_alike(values, in_java(table, values), in_python(schema, values, max_bytes))


def assert_alike(values: Sequence[object], java: Sequence[Verdict], python: Sequence[Verdict]) -> None:
    """The two sides say the same of each value."""
    assert len(java) == len(python)
    different = [
        (value, one, other)
        for value, one, other in zip(values, java, python, strict=True)
        # 1 == True, so the texts are compared
        if repr(one) != repr(other)
    ]
    assert different[:5] == [], f"{len(different)} of {len(values)} records"
