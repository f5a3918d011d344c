"""Folders of files by the product and by the model: packed lines, folders of Hive, Avro containers, files that move."""

import gzip
import io
import tempfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from dataflow import EventTime, Money, Pipeline
from dataflow.decode.poll import decode_poll
from dataflow.event.schema import schema_of
from dataflow.sources.files.content_print import Known, known_of
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import file_decoder
from tests.dataflow.sources.files.written import zst
from tests.model import adapter, contract, files


class Visit(BaseModel):
    at: EventTime
    shop: str
    paid: Money = Decimal(0)
    count: int | None = Field(3, alias="n")
    day: date | None = None
    new: bool | None = None


EVENT = schema_of(Visit)
SPEC = adapter.to_spec(Pipeline(name="p", event=Visit, rollups=[]), Path())
KEYS = {each.name: each.key for each in SPEC.fields if each.key}

PACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zst}


def unzst(content: bytes) -> bytes:
    packed: Any = pa.CompressedInputStream(pa.BufferReader(content), "zstd")
    text: bytes = packed.read()
    return text


def answers_of(source: FilesSource, partition: str) -> list[Any]:
    """Per record the event, or reason and field."""
    reader, decoder = source.open(partition, None, None), file_decoder(EVENT)
    found: dict[int, Any] = {}
    while not reader.finished:
        poll = reader.poll(3, 1 << 20)
        if poll is None:
            continue
        decoded = decode_poll(decoder, poll)
        found |= {poll.start + at: row for at, row in zip(decoded.events_at, decoded.events.to_pylist(), strict=True)}
        for at, refusal in zip(decoded.dead_at, decoded.refusals, strict=True):
            found[poll.start + at] = contract.Dead(refusal.reason, refusal.field)
    reader.close()
    return [found[at] for at in sorted(found)]


def keyed(answer: Any) -> Any:
    """A dead letter names the field as the record does."""
    if isinstance(answer, contract.Dead):
        return contract.Dead(answer.reason, KEYS.get(answer.field or "", answer.field))
    return answer


LINES = st.sampled_from(
    [
        b'{"at":1,"shop":"a"}', b'{"at":2,"shop":"b","paid":1.5,"n":7}', b' {"shop":"c", "at":3,"day":"2026-01-02"}',
        b"{}", b"{ }", b"[]", b"", b'{"at":1', b'{"at":4,"shop":null}', b'{"at":5,"n":null,"shop":"d"}', b"\xff",
    ]
)  # fmt: skip
FOLDERS = st.lists(
    st.sampled_from(
        [
            "shop=x", "shop=a%2Fb", "day=2026-01-02", "day=soon", "n=5", "count=6", "n=1.5", "paid=2.25", "new=true",
            "other=1", "n=__HIVE_DEFAULT_PARTITION__", "shop=__HIVE_DEFAULT_PARTITION__",
        ]
    ),
    max_size=3,
)  # fmt: skip


@given(
    st.lists(
        st.tuples(FOLDERS, st.lists(LINES, min_size=1, max_size=5), st.sampled_from(["", ".gz", ".zst"])),
        min_size=1, max_size=3,
    )
)  # fmt: skip
@settings(deadline=None, max_examples=40)
def test_lines_packed_or_not_in_folders_of_hive(held: list[tuple[list[str], list[bytes], str]]) -> None:
    with tempfile.TemporaryDirectory() as made:
        for number, (folders, lines, packed) in enumerate(held):
            folder = Path(made).joinpath(*folders)
            folder.mkdir(parents=True, exist_ok=True)
            text = b"".join(b"%b\n" % line for line in [*lines, b"%d" % number])
            (folder / f"f{number}.ndjson{packed}").write_bytes(PACK[packed](text))
        source = FilesSource(Path(made), EVENT)
        modelled = files.read_folder(Path(made), SPEC, unzst)
        assert sorted(source.partitions()) == sorted(modelled)
        for partition, records in modelled.items():
            expected = [keyed(contract.read(each.value, SPEC)) for each in records]
            assert answers_of(source, partition) == expected


ROWS = st.fixed_dictionaries(
    {
        "at": st.integers(-(2**50), 2**50),
        "shop": st.sampled_from(["a", "", "Zürich"]),
        "paid": st.none() | st.decimals(-(10**13), 10**13, places=7),
        "n": st.none() | st.integers(-9, 9),
        "day": st.none() | st.dates(),
        "new": st.none() | st.booleans(),
    }
)
AVRO = {
    "type": "record", "name": "Visit", "fields": [
        {"name": "at", "type": "long"},
        {"name": "shop", "type": "string"},
        {"name": "paid", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 22, "scale": 7}]},
        {"name": "n", "type": ["null", "int"]},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {"name": "new", "type": ["boolean", "null"]},
    ],
}  # fmt: skip


@given(st.lists(ROWS, min_size=1, max_size=20), st.sampled_from(["null", "deflate"]))
@settings(deadline=None, max_examples=40)
def test_avro_containers(rows: list[dict[str, Any]], codec: str) -> None:
    target = io.BytesIO()
    fastavro.writer(target, AVRO, rows, codec=codec, sync_interval=50)
    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "v.avro").write_bytes(target.getvalue())
        found = answers_of(FilesSource(Path(made), EVENT), "v")
    assert found == [keyed(each) for each in files.container_events(target.getvalue(), SPEC)]


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_files_that_were_renamed_moved_packed_or_have_grown_go_on_where_they_were(data: st.DataObject) -> None:
    names = ["a", "b", "c", "d"]
    contents = {name: f'{{"at":{at},"shop":"{name}"}}\n'.encode() * (at + 1) for at, name in enumerate(names)}
    with tempfile.TemporaryDirectory() as made:
        before, after = Path(made) / "before", Path(made) / "after"
        before.mkdir()
        for name, content in contents.items():
            (before / f"{name}.ndjson").write_bytes(content)
        source = FilesSource(before, EVENT)
        known: dict[str, Known | None] = {}
        for name in names:
            reader = source.open(name, None, None)
            while not reader.finished:
                reader.poll(100, 1 << 20)
            known[name] = known_of(reader.content)
            reader.close()
        there: dict[str, bytes] = {}
        called = data.draw(st.permutations([*names, "e", "f"]))
        for name, other in zip(names, called, strict=False):
            grown = contents[name] + b'{"at":9,"shop":"more"}\n' * data.draw(st.integers(0, 2))
            packed = data.draw(st.sampled_from(["", ".gz", ".zst"]))
            path = after / data.draw(st.sampled_from(["", "x"])) / f"{other}.ndjson{packed}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PACK[packed](grown))
            there[path.name] = grown
        again = FilesSource(after, EVENT, known=known)
        assert again.partitions()
        modelled = files.recognised(contents, there)
        assert {*again.partitions()} == {*names} == {*modelled}
        for name in names:
            lines = [each.value for each in files.records_of(there[modelled[name]])]
            reader = again.open(name, None, None)
            poll = reader.poll(100, 1 << 20)
            assert poll is not None
            assert poll.records.column("value").to_pylist() == lines
            reader.close()
