"""The forms of answers: which one is asked for, and an answer's bytes in it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from serve.ask.question import Document, Found
from serve.ask.rows import ARROW, LINES, VALUES, Rows
from serve.problem import Problem, wrong_parameter

ENCODER = msgspec.json.Encoder()


class Form(NamedTuple):
    """One form: its name for ?format=, its media type, and the way its rows are read."""

    name: str
    media_type: str
    way: str
    is_text: bool = True


FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("json", "application/json", VALUES),
        Form("ndjson", "application/x-ndjson", VALUES),
        Form("csv", "text/csv; charset=utf-8", LINES),
        Form("arrow", "application/vnd.apache.arrow.stream", ARROW, False),
        Form("parquet", "application/vnd.apache.parquet", ARROW, False),
    )
}
JSON = FORMS["json"]

_TYPES = {
    **{form.media_type.partition(";")[0]: form for form in FORMS.values()},
    "application/jsonl": FORMS["ndjson"],
    "application/ndjson": FORMS["ndjson"],
    "application/*": JSON,
    "text/*": FORMS["csv"],
    "*/*": JSON,
}


def form_of(accept: str, written: str | None, *, is_table: bool) -> Form:
    """The form that a request wants: ?format= before Accept, JSON where nothing is said. Raises Problem."""
    if written is not None:
        if written not in FORMS:
            raise wrong_parameter("format", written, f"write one of {', '.join(FORMS)}")
        form = FORMS[written]
        if not is_table and form is not JSON:
            raise wrong_parameter("format", written, "this answer is no table: there is only json")
        return form
    wishes = _wishes(accept)
    for media_type in wishes:
        found = _TYPES.get(media_type)
        if found is not None and (is_table or found is JSON):
            return found
    if not wishes or not is_table:
        return JSON
    known = ", ".join(form.media_type.partition(";")[0] for form in FORMS.values())
    raise Problem(
        406, "not-acceptable", "there is no such form", f"the request accepts {accept[:200]}", f"accept one of {known}"
    )


def _wishes(accept: str) -> list[str]:
    """The media types of an Accept header, the most wanted first."""
    found: list[tuple[float, int, str]] = []
    for at, part in enumerate(accept.split(",")[:64]):
        media_type, *more = (word.strip().lower() for word in part.split(";"))
        quality = 1.0
        for word in more:
            name, _, value = word.partition("=")
            if name.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        if media_type and quality > 0:
            found.append((-quality, at, media_type))
    return [media_type for _, _, media_type in sorted(found)]


def body_of(answer: Found | Document, form: Form, snapshot: Mapping[str, Any], *, by_columns: bool = False) -> bytes:
    """The answer's bytes. `snapshot`: what JSON says of it; `by_columns`: JSON has a list per column."""
    if isinstance(answer, Document):
        return ENCODER.encode({"snapshot": snapshot, **answer.content})
    return _BODIES[form.name](answer, snapshot, by_columns)


def table_of(found: Found, *, by_columns: bool) -> dict[str, Any]:
    """A table for JSON, without the snapshot."""
    rows = found.rows
    values = rows.values or ()
    names = _distinct([column.name for column in rows.columns])
    columns = [{"name": name, "type": column.type} for name, column in zip(names, rows.columns, strict=True)]
    document: dict[str, Any] = {"columns": columns}
    if by_columns:
        document["data"] = values
    else:
        document["rows"] = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
    return {
        **document,
        "count": rows.count,
        "next": found.next,
        "note": found.note,
        "provisional_from": found.provisional_from,
    }


def _json(found: Found, snapshot: Mapping[str, Any], by_columns: bool) -> bytes:
    return ENCODER.encode({"snapshot": snapshot, **table_of(found, by_columns=by_columns)})


def _ndjson(found: Found, snapshot: Mapping[str, Any], by_columns: bool) -> bytes:
    names = _distinct([column.name for column in found.rows.columns])
    values = found.rows.values or ()
    return ENCODER.encode_lines([dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)])


def _csv(found: Found, snapshot: Mapping[str, Any], by_columns: bool) -> bytes:
    head = ",".join(_field(column.name) for column in found.rows.columns)
    return "".join(f"{line}\n" for line in [head, *(found.rows.lines or ())]).encode("utf-8", "replace")


def _field(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(each in name for each in '",\r\n') else name


def _arrow(found: Found, snapshot: Mapping[str, Any], by_columns: bool) -> bytes:
    import pyarrow as pa

    table = _table(found.rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _parquet(found: Found, snapshot: Mapping[str, Any], by_columns: bool) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(_table(found.rows), sink, compression="zstd")
    return bytes(sink.getvalue())


def _table(rows: Rows) -> Any:
    assert rows.table is not None
    return rows.table


def _distinct(names: list[str]) -> list[str]:
    """Names of which no two are equal: an object has each one once."""
    if len(set(names)) == len(names):
        return names
    seen: set[str] = set()
    found = []
    for name in names:
        number, fresh = 1, name
        while fresh in seen:
            number += 1
            fresh = f"{name}_{number}"
        seen.add(fresh)
        found.append(fresh)
    return found


_BODIES: Mapping[str, Callable[[Found, Mapping[str, Any], bool], bytes]] = {
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "arrow": _arrow,
    "parquet": _parquet,
}
