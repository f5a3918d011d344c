"""The field table: an event model as the text by which the Java function judges records.

It is ASCII without quotes of SQL, so it can stand in a statement as it is. Blanks and newlines part words.

    table    = { setting "," } field { "," field }
    setting  = "max_bytes" INT                         longer records are too_large
             | "max_future" INT                        ms that an event may be after its record
             | records                                 what they are, where they are no JSON; see records.py
    field    = TEXT kind names [ "null" ] [ "absent" value ] limits
             | TEXT "object" names [ "null" ] [ "absent" ( "null" | values ) ] "{" field { "," field } "}"
    names    = [ "key" TEXT ] [ "former" values ]
    kind     = "str" | "int" | "bool" | "float" | "money" | "money_text" | "date"
             | "time_s" | "time_ms" | "time_us" | "time_ns" | "time_text" | "time_form" | "list" | "json"
    limits   = [ UNIT [ "zone" values ] ]              of time_form alone; UNIT is s, ms, us or ns
               [ "length" INT ( INT | "*" ) ]          code points of a str, values of a list or json
               [ "range" INT INT ]                     both count
               { "multiple" INT }
               [ "ge" NUMBER ] [ "gt" NUMBER ] [ "le" NUMBER ] [ "lt" NUMBER ]     of a float alone
               [ "in" values ]
               [ "of" kind limits ]                    what a list or json holds; json may hold anything without it
    values   = "(" { value } ")"
    value    = TEXT | INT | "#" NUMBER | "true" | "false" | "null" | "[]"

A field's TEXT is its name, and its key in a record where none is told; what a record's own schema may call it beside
that are its former names. A key that may be null, or may be absent (and what the column holds then) says so. Money
counts in millionths, a date in days since 1970, an event time in its own unit (time_form in ms); a float has a `#`. A
zone is the times from which an offset held, and the offsets, by turns, in seconds. Every TEXT is a JSON string.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction

from dataflow.errors import PipelineError
from dataflow.event.fields import INT64_MAX, INT64_MIN, FieldKind, TimeUnit, Value, to_micros
from dataflow.event.schema import EventField, EventObject, EventSchema
from dataflow.formats.declared import Format
from dataflow.zones import zone_of
from flink.contract.records import Aliases, records_text
from flink.contract.words import quoted

REASON, FIELD = "reason", "field"
"""The columns of the function's row before those of the event."""

FUNCTION_CLASS = "tidemill.contract.StrictEvent"
"""What CREATE FUNCTION names."""

FIRST_SEEN_CLASS = "tidemill.contract.FirstSeen"
"""The same of the aggregate that remembers event ids; its contract stands there."""

CHECKSUM_CLASS = "tidemill.contract.RowChecksum"
"""The same of the function that hashes an accepted row as a lake's ledger does."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MARGIN_MS = 3 * 86_400_000
"""No clock is further ahead of another, so spans beyond it cannot bring a time into its bounds."""

_TIME_KINDS = {
    TimeUnit.SECONDS: "time_s",
    TimeUnit.MILLIS: "time_ms",
    TimeUnit.MICROS: "time_us",
    TimeUnit.NANOS: "time_ns",
}


def field_table(
    schema: EventSchema,
    *,
    max_bytes: int | None = None,
    max_future_ms: int | None = None,
    format: Format | None = None,
    registry: str | None = None,
) -> str:
    """The text for records of this model. `max_bytes`, `max_future_ms`: as the pipeline has them, None for no limit.

    `format`: as a plan has it, None is JSON; `registry`: the address of the one that has the records' schemas.

    Raises PipelineError with all that the function cannot judge: the parts of a record that are none of its value,
    patterns, a constraint that stands twice, fields called like the function's own columns.
    """
    mistakes = list(unsupported(schema))
    if mistakes:
        raise PipelineError(f"event {schema.model.__name__}", mistakes)
    settings = [("max_bytes", max_bytes), ("max_future", max_future_ms)]
    parts = [f"{name} {min(value, INT64_MAX)}" for name, value in settings if value is not None]
    aliases: Aliases = {}
    if format is not None and format.name != "json":
        parts.append(records_text(format, registry))
        aliases = format.aliases
    return ", ".join([*parts, *(_child(child, aliases) for child in schema.root.children)])


def unsupported(schema: EventSchema) -> Iterator[str]:
    """What of the model the function cannot judge, in words; nothing where a table can be written."""
    for leaf in schema.fields:
        if leaf.name in (REASON, FIELD):
            yield (
                f"{leaf.name}: the function's row has a column {leaf.name} of its own; rename the field and keep its "
                f'key, like event_{leaf.name}: ... = Field(alias="{leaf.path[-1]}")'
            )
        if leaf.record is not None:
            yield f"{leaf.name}: comes from the record's {leaf.record.part}, and the function sees its value alone"
        for each in (leaf, leaf.element):
            if each is not None:
                yield from (f"{each.name}: {mistake}" for mistake in _unjudged(each))


def _unjudged(leaf: EventField) -> Iterator[str]:
    limits = leaf.constraints
    if limits.patterns:
        yield f"pattern {limits.patterns[0]!r} would mean something else to Java's expressions; use Len or Literal"
    comparisons = [comparison for comparison, _ in limits.bounds]
    for comparison in sorted({each for each in comparisons if comparisons.count(each) > 1}):
        yield f"{comparison} stands twice, and pydantic heeds the last; write it once"
    if len(limits.multiples) > 1:
        yield "multiple_of stands twice, and pydantic heeds the last; write it once"
    if leaf.kind is FieldKind.STR and leaf.adapter is not None and not limits.patterns:
        told = leaf.adapter.core_schema
        if (told.get("min_length"), told.get("max_length")) != (limits.min_length, limits.max_length):
            yield "a length stands twice, and pydantic heeds the last; write it once"


def _child(child: EventField | EventObject, aliases: Aliases) -> str:
    return " ".join(_field(child, aliases) if isinstance(child, EventField) else _object(child, aliases))


def _object(node: EventObject, aliases: Aliases) -> Iterator[str]:
    first = next(node.leaves())
    depth = len(node.path) - 1
    yield quoted(first.name.split(".")[depth])
    yield "object"
    yield from _presence(first.name.split(".")[depth], node, aliases)
    if not node.required:
        yield "absent"
        values = node.default
        yield "null" if values is None else _values(_value(leaf, values[leaf.name]) for leaf in node.leaves())
    yield f"{{{', '.join(_child(child, aliases) for child in node.children)}}}"


def _field(leaf: EventField, aliases: Aliases) -> Iterator[str]:
    name = leaf.name.rpartition(".")[2]
    yield quoted(name)
    yield _kind(leaf)
    yield from _presence(name, leaf, aliases)
    if not leaf.required:
        yield "absent"
        yield _value(leaf, leaf.default)
    yield from _limits(leaf)


def _presence(name: str, child: EventField | EventObject, aliases: Aliases) -> Iterator[str]:
    key, former = child.path[-1], aliases.get(".".join(child.path), ())
    if key != name:
        yield f"key {quoted(key)}"
    if former:
        yield f"former {_values(map(quoted, former))}"
    if child.null_ok:
        yield "null"


def _kind(leaf: EventField) -> str:
    if leaf.kind is FieldKind.EVENT_TIME:
        if leaf.unit in _TIME_KINDS:
            return _TIME_KINDS[leaf.unit]
        return "time_text" if leaf.text is None else "time_form"
    return "money_text" if leaf.is_amount_text else leaf.kind.value


def _limits(leaf: EventField) -> Iterator[str]:
    limits = leaf.constraints
    if leaf.text is not None:
        yield leaf.text.unit
        first_ms, last_ms = leaf.text.bounds
        if leaf.text.zone is not None:
            spans = zone_of(leaf.text.zone).spans_ms(first_ms - _MARGIN_MS, last_ms + _MARGIN_MS)
            yield f"zone {_values(f'{at_ms // 1_000} {offset_ms // 1_000}' for at_ms, offset_ms in spans)}"
        yield f"range {first_ms} {last_ms}"
    if limits.min_length is not None or limits.max_length is not None:
        yield f"length {limits.min_length or 0} {'*' if limits.max_length is None else limits.max_length}"
    if leaf.kind is FieldKind.FLOAT:
        for comparison in ("ge", "gt", "le", "lt"):
            yield from (f"{name} {float(bound)!r}" for name, bound in limits.bounds if name == comparison)
    else:
        yield from _whole_limits(leaf)
    if leaf.choices is not None:
        yield f"in {_values(_value(leaf, choice) for choice in leaf.choices)}"
    if leaf.element is not None:
        yield " ".join(["of", _kind(leaf.element), *_limits(leaf.element)])


def _whole_limits(leaf: EventField) -> Iterator[str]:
    """Bounds as one closed range of int64, in the units in which the function counts."""
    low, high = INT64_MIN, INT64_MAX
    for comparison, bound in leaf.constraints.bounds:
        at = _scaled(leaf, bound)
        floor, ceil = at.__floor__(), at.__ceil__()
        match comparison:
            case "ge":
                low = max(low, ceil)
            case "gt":
                low = max(low, floor + 1)
            case "le":
                high = min(high, floor)
            case "lt":
                high = min(high, ceil - 1)
    steps = [int(_scaled(leaf, step)) for step in leaf.constraints.multiples]
    if any(step > INT64_MAX for step in steps):
        low, high = max(low, 0), min(high, 0)
    if low > high:
        yield "range 1 0"
    elif (low, high) != (INT64_MIN, INT64_MAX):
        yield f"range {low} {high}"
    yield from (f"multiple {step}" for step in steps if step <= INT64_MAX)


def _scaled(leaf: EventField, bound: object) -> Fraction:
    if isinstance(bound, date):
        return Fraction(bound.toordinal() - _EPOCH_DAY)
    assert isinstance(bound, int | Decimal), "the model was read, so its bounds fit"
    return Fraction(bound) * (10**6 if leaf.kind is FieldKind.MONEY else 1)


def _value(leaf: EventField, value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int():
            return str(value)
        case float():
            return f"#{value!r}"
        case Decimal():
            return str(to_micros(value))
        case date():
            return str(value.toordinal() - _EPOCH_DAY)
        case _:
            return "[]"


def _values(values: Iterator[str]) -> str:
    return f"({' '.join(values)})"
