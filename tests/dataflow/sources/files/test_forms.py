"""Every form of file gives the same events."""

import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from dataflow import EventTimeText, MoneyText
from dataflow.event.schema import schema_of
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, judged, polls
from tests.dataflow.sources.files.written import FORMS, ORDERS, as_csv, as_lines, write, zst


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("max_records", [1, 1000])
def test_each_form_gives_the_same_events_from_any_place(tmp_path: Path, name: str, max_records: int) -> None:
    write(tmp_path / "deep" / "er", name, FORMS[name](ORDERS))
    source = FilesSource(tmp_path, EVENT)
    (partition,) = source.partitions()
    assert partition == name.partition(".")[0]
    assert judged(source.open(partition, None, None), max_records=max_records) == (ORDERS, [])
    for start in range(len(ORDERS) + 1):
        first = source.open(partition, None, None, start)
        polls(first)
        assert first.position == start
        for hint in (None, first.hint):
            assert judged(source.open(partition, start, hint))[0] == ORDERS[start:]


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz", "a.ndjson.zst", "a.csv"])
def test_an_unfinished_last_line_waits_unless_the_input_ends_there(tmp_path: Path, name: str) -> None:
    plain = as_csv if name == "a.csv" else as_lines
    pack = gzip.compress if name.endswith("gz") else zst if name.endswith("zst") else bytes
    whole = plain([ORDERS[0], ORDERS[1]])
    cut = len(plain([ORDERS[0]])) + 12
    path = write(tmp_path, name, pack(whole[:cut]))
    waiting = FilesSource(tmp_path, EVENT, whole=False).open("a", None, None)
    assert judged(waiting) == (ORDERS[:1], [])
    assert waiting.unfinished
    events, ((reason, message),) = judged(FilesSource(tmp_path, EVENT, whole=True).open("a", None, None))
    assert (events, reason) == (ORDERS[:1], "malformed")
    assert message.endswith("; the file ends inside this line, without a newline")
    path.write_bytes(pack(whole.removesuffix(b"\n").removesuffix(b"\r")))
    assert judged(FilesSource(tmp_path, EVENT, whole=True).open("a", None, None)) == (ORDERS[:2], [])
    path.write_bytes(pack(whole))
    grown = FilesSource(tmp_path, EVENT, whole=False).open("a", 1, waiting.hint)
    assert judged(grown) == (ORDERS[1:2], [])
    assert not grown.unfinished


class Sale(BaseModel):
    at: EventTimeText(unit="s", zone="Europe/Amsterdam")  # type: ignore[valid-type]
    amount: MoneyText


SOLD = [(1_772_359_200_000, Decimal(amount).quantize(Decimal("0.000001"))) for amount in ("12.50", "-3", "7", "0")]
AMOUNTS = ("12.50", "-3", "+7", "0.00")
TIMES = ("1772359200", "2026-03-01 11:00:00", "2026-03-01T11:00:00+0100", "1772359200.0009")


def test_times_and_amounts_as_text_are_read_alike_in_every_form(tmp_path: Path) -> None:
    columns = {"at": TIMES, "amount": AMOUNTS}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    write(tmp_path, "lines.ndjson", "".join(json.dumps(row) + "\n" for row in rows).encode())
    write(
        tmp_path, "separated.csv", "\n".join(["at,amount", *map(",".join, zip(TIMES, AMOUNTS, strict=True))]).encode()
    )
    pq.write_table(pa.table(columns), tmp_path / "columns.parquet")
    # what has a type is an amount already
    typed = pa.table({"at": TIMES, "amount": pa.array(map(Decimal, AMOUNTS), pa.decimal128(10, 2))})
    pq.write_table(typed, tmp_path / "decimals.parquet")
    amount = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}
    fields = [{"name": "at", "type": "string"}, {"name": "amount", "type": amount}]
    target = io.BytesIO()
    fastavro.writer(
        target,
        {"type": "record", "name": "Sale", "fields": fields},
        [{"at": at, "amount": Decimal(text)} for at, text in zip(TIMES, AMOUNTS, strict=True)],
    )
    write(tmp_path, "container.avro", target.getvalue())
    event = schema_of(Sale)
    source = FilesSource(tmp_path, event)
    assert len(source.partitions()) == 5
    for partition in source.partitions():
        events, dead = judged(source.open(partition, None, None), event)
        assert dead == [], partition
        assert [(each["at"], each["amount"]) for each in events] == SOLD, partition
