"""Folders that say something of the records in them."""

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, Field

from dataflow import EventTime
from dataflow.event.schema import schema_of
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, judged, polls
from tests.dataflow.sources.files.written import write


def test_folders_of_hive_give_columns_that_the_model_has(tmp_path: Path) -> None:
    class Visit(BaseModel):
        at: EventTime
        day: date
        shop: int | None = None
        name: str = "-"

    event = schema_of(Visit)
    folder = tmp_path / "day=2026-01-02" / "shop=7" / "name=a%2Fb" / "other=1"
    write(folder, "l.ndjson", b'{"at":1}\n { "at":2, "day":"2026-02-03"}\n{ }\n[]\n')
    write(folder, "c.csv", b"at,name\n1,x\n")
    write(tmp_path / "day=2026-01-02" / "shop=__HIVE_DEFAULT_PARTITION__", "n.ndjson", b'{"at":1}\n')
    source = FilesSource(tmp_path, event)
    events, dead = judged(source.open("l", None, None), event)
    assert [(each["day"], each["shop"], each["name"]) for each in events] == [
        (date(2026, 1, 2), 7, "a/b"),
        (date(2026, 2, 3), 7, "a/b"),
    ]
    assert [reason for reason, _ in dead] == ["missing_field", "not_object"]
    assert judged(source.open("c", None, None), event)[0] == [
        {"at": 1, "day": date(2026, 1, 2), "shop": 7, "name": "x"}
    ]
    assert judged(source.open("n", None, None), event)[0] == [
        {"at": 1, "day": date(2026, 1, 2), "shop": None, "name": "-"}
    ]


def test_dead_letters_of_lines_in_hive_folders_are_what_the_file_has(tmp_path: Path) -> None:
    write(tmp_path / "name=x", "a.ndjson", b'{"count":1}\n')
    (poll,) = polls(FilesSource(tmp_path, EVENT).open("a", None, None))
    assert poll.records.column("value").to_pylist() == [b'{"count":1}']
    assert poll.json is not None
    assert json.loads(poll.json[0].as_py()) == {"name": "x", "count": 1}


def test_a_renamed_field_is_found_by_its_alias_in_every_form(tmp_path: Path) -> None:
    class Visit(BaseModel):
        at: EventTime = Field(alias="time")
        event_offset: int = Field(7, alias="offset")
        shop: int | None = Field(None, alias="store")

    event = schema_of(Visit)
    folder = tmp_path / "store=5"
    write(folder, "l.ndjson", b'{"time":1,"offset":3}\n')
    write(folder, "c.csv", b"offset,time\n3,1\n")
    pq.write_table(pa.table({"time": [1], "offset": [3]}), folder / "p.parquet")
    source = FilesSource(tmp_path, event)
    for partition in "lcp":
        assert judged(source.open(partition, None, None), event) == ([{"at": 1, "event_offset": 3, "shop": 5}], [])
