"""Alerts over pairs of events: the evidence joined with itself, by key and by event time.

In the form final by interval joins, which tell an absence when event time has passed all that could have ended it. In
the form upsert by joins of all rows: an absence stands until it is ended, a sequence until a nearer first event comes.
"""

from collections.abc import Iterator

import pyarrow as pa

from dataflow.filter.engine_sql import NotInEngine
from dataflow.filter.expression import Expression
from dataflow.filter.flink import FlinkSql
from dataflow.own_columns import EVENT_PLACE
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.pair_rules import SIDES
from dataflow.pipeline.plan import Plan
from dataflow.windows.flink import MAX_INTERVAL_MS, interval
from flink.generate.final import TS
from flink.generate.generated import SinkTable
from flink.generate.options import Options
from flink.generate.rollups import Words, taken_view
from flink.generate.sinks import placed
from flink.generate.words import digits_of, named

_FIRST, _THEN = SIDES
_PARTITION, _OFFSET = (named(field.name) for field in EVENT_PLACE)
_NEAREST, _MET = "`_nearest`", "`_met`"

_TIME_DIGITS, _OFFSET_DIGITS = 20, 19
_BELOW = f"CAST('{2**63}' AS DECIMAL({_TIME_DIGITS}, 0))"
"""So far times go below 0; a literal of so many digits is none."""


def pair_table(plan: Plan, rule: PairPlan, given: Options, name: str) -> SinkTable:
    """A row per alert: window, key, and the places of the events that it tells of."""
    fields = [pa.field("window_start", pa.int64(), False), pa.field("window_end", pa.int64(), False), *rule.keys]
    fields += [
        pa.field(f"{side}_{place.name}", place.type, side != _lasting(rule))
        for side in rule.told
        for place in EVENT_PLACE
    ]
    key = tuple(f"{_lasting(rule)}_{place.name}" for place in EVENT_PLACE) if given.form == "upsert" else ()
    return placed(SinkTable(name, pa.schema(fields), key, rule=rule.name), plan, given)


def pair_views(rule: PairPlan, words: Words, given: Options) -> Iterator[str]:
    """The events of each side."""
    own = [words.time, *(words.columns[key.name] for key in (*rule.keys, *rule.carried)), _PARTITION, _OFFSET]
    fields = ", ".join([TS, *own] if given.form == "final" else own)
    for side in SIDES:
        condition = words.condition(rule.first if side == _FIRST else rule.then)
        yield (
            f"CREATE TEMPORARY VIEW {_side(rule, side)} AS SELECT {fields}\n"
            f"FROM {taken_view(rule.rollup)} WHERE {condition}"
        )
    if rule.missing is None and given.form == "final":
        time = f"{_alias(_THEN)}.{TS}"
        yield f"CREATE TEMPORARY VIEW {_pairs(rule)} AS SELECT {time}, {_paired(rule, words, given)}"


def pair_insert(rule: PairPlan, table: SinkTable, words: Words, given: Options, ttl_ms: int | None) -> str:
    """What fills the table. `ttl_ms`: for how long an event stays in the state; None is for ever."""
    if rule.missing is None:
        rows = _nearest(rule, table, words, given, ttl_ms)
    elif given.form == "final":
        rows = _left_alone(rule, words, given)
    else:
        rows = _not_met(rule, table, words, given, ttl_ms)
    return f"INSERT INTO {named(table.name)} {rows}"


def unsaid_pairs(rule: PairPlan, given: Options) -> str | None:
    """Why the job cannot tell a rule's alerts; None where it can."""
    if given.form == "final" and rule.within_ms > MAX_INTERVAL_MS:
        return "Flink's intervals have at most 999 days; shorten `within`, or write --form upsert"
    if given.form == "final" and not rule.keys:
        return "Flink joins by event time only where a key is in common; name a key, or write --form upsert"
    try:
        _having(rule)
    except NotInEngine as error:
        return f"having = {(rule.having or rule.first).sql!r}: {error}"
    return None


def _left_alone(rule: PairPlan, words: Words, given: Options) -> str:
    """An absence, once event time has passed all that could have ended it."""
    there, other = _lasting(rule), rule.missing or ""
    fields = ",\n  ".join(_alert(rule, words, f"{_alias(there)}."))
    return (
        f"SELECT\n  {fields}\n"
        f"FROM {_side(rule, there)} AS {_alias(there)} LEFT JOIN {_side(rule, other)} AS {_alias(other)}\n"
        f"ON {_meet(rule, words, given)}\nWHERE {_alias(other)}.{_OFFSET} IS NULL"
    )


def _not_met(rule: PairPlan, table: SinkTable, words: Words, given: Options, ttl_ms: int | None) -> str:
    """An absence as long as its event has met none: an outer join has no key by which its rows could be taken back."""
    there, other = _lasting(rule), rule.missing or ""
    own = [words.time, *(words.columns[key.name] for key in rule.keys), _PARTITION, _OFFSET]
    alone = f"SELECT {', '.join(own)}, 0 AS {_MET} FROM {_side(rule, there)}"
    met = (
        f"SELECT{_hint({_alias(side): ttl_ms for side in SIDES})}"
        f" {', '.join(f'{_alias(there)}.{each}' for each in own)}, 1 AS {_MET}\n"
        f"FROM {_side(rule, there)} AS {_alias(there)} JOIN {_side(rule, other)} AS {_alias(other)}\n"
        f"ON {_meet(rule, words, given)}"
    )
    grouped = _by_place(rule, table, words, f"MAX({_MET}) AS {_MET}", f"{alone}\nUNION ALL\n{met}", ttl_ms)
    fields = ",\n  ".join(_alert(rule, words, ""))
    return f"SELECT\n  {fields}\nFROM (\n{grouped}\n) WHERE {_MET} = 0"


def _nearest(rule: PairPlan, table: SinkTable, words: Words, given: Options, ttl_ms: int | None) -> str:
    """Of each then event the latest first one, by time and place, as one text that is the largest of all."""
    largest = f"MAX({_NEAREST}) AS {_NEAREST}"
    if given.form == "final":
        own = ", ".join([words.time, *(words.columns[key.name] for key in rule.keys), _PARTITION, _OFFSET])
        source = f"TABLE(TUMBLE(TABLE {_pairs(rule)}, DESCRIPTOR({TS}), {interval(1)}))"
        rows = f"SELECT {own}, {largest}\nFROM {source} GROUP BY window_start, window_end, {own}"
    else:
        joined = f"SELECT{_hint({_alias(side): ttl_ms for side in SIDES})} {_paired(rule, words, given)}"
        rows = _by_place(rule, table, words, largest, joined, ttl_ms)
    size = f"CHAR_LENGTH({_NEAREST})"
    at = f"CAST(CAST(SUBSTRING({_NEAREST}, 1, {_TIME_DIGITS}) AS DECIMAL({_TIME_DIGITS}, 0)) - {_BELOW} AS BIGINT)"
    place = f"SUBSTRING({_NEAREST}, {_TIME_DIGITS + 1}, {size} - {_TIME_DIGITS + _OFFSET_DIGITS + 1})"
    offset = f"CAST(SUBSTRING({_NEAREST}, {size} - {_OFFSET_DIGITS - 1}, {_OFFSET_DIGITS}) AS BIGINT)"
    keys = [words.columns[key.name] for key in rule.keys]
    fields = ",\n  ".join([at, f"{words.time} + 1", *keys, place, offset, _PARTITION, _OFFSET])
    return f"SELECT\n  {fields}\nFROM (\n{rows}\n)"


def _by_place(rule: PairPlan, table: SinkTable, words: Words, value: str, rows: str, ttl_ms: int | None) -> str:
    """One row per event, so that its place is what an alert is known by; its columns are the same in all its rows."""
    columns = [words.time, *(words.columns[key.name] for key in rule.keys)]
    own = ", ".join([*(f"FIRST_VALUE({each}) AS {each}" for each in columns), _PARTITION, _OFFSET])
    return (
        f"SELECT{_hint({table.name: ttl_ms})} {own}, {value}\n"
        f"FROM (\n{rows}\n) AS {named(table.name)} GROUP BY {_PARTITION}, {_OFFSET}"
    )


def _paired(rule: PairPlan, words: Words, given: Options) -> str:
    """What is selected of all pairs: the then event, and the first one as a text that sorts by time, then by place."""
    first, then = _alias(_FIRST), _alias(_THEN)
    time = f"CAST(CAST({first}.{words.time} AS DECIMAL({_TIME_DIGITS}, 0)) + {_BELOW} AS STRING)"
    # a blank is less than all that a partition is called by
    code = (
        f"LPAD({time}, {_TIME_DIGITS}, '0') || {first}.{_PARTITION} || ' '"
        f" || LPAD(CAST({first}.{_OFFSET} AS STRING), {_OFFSET_DIGITS}, '0')"
    )
    own = [f"{then}.{words.time}", *(f"{then}.{words.columns[key.name]}" for key in rule.keys)]
    fields = ", ".join([*own, f"{then}.{_PARTITION}", f"{then}.{_OFFSET}", f"{code} AS {_NEAREST}"])
    return (
        f"{fields}\nFROM {_side(rule, _THEN)} AS {then} JOIN {_side(rule, _FIRST)} AS {first}\n"
        f"ON {_meet(rule, words, given)}"
    )


def _meet(rule: PairPlan, words: Words, given: Options) -> str:
    """Whether a first and a then event make a pair."""
    first, then = _alias(_FIRST), _alias(_THEN)
    conditions = [f"{first}.{words.columns[key.name]} = {then}.{words.columns[key.name]}" for key in rule.keys]
    if given.form == "final":
        back = interval(rule.within_ms - 1)
        conditions.append(f"{first}.{TS} BETWEEN {then}.{TS} - {back} AND {then}.{TS}")
    else:
        time = words.time
        conditions.append(f"{first}.{time} BETWEEN {then}.{time} - {rule.within_ms - 1} AND {then}.{time}")
    conditions.append(f"({first}.{_OFFSET} <> {then}.{_OFFSET} OR {first}.{_PARTITION} <> {then}.{_PARTITION})")
    having = _having(rule)
    return " AND ".join(conditions if having is None else [*conditions, f"({having})"])


def _having(rule: PairPlan) -> str | None:
    """Raises NotInEngine."""
    if rule.having is None:
        return None
    both: Expression = rule.having
    columns = {f"{side}.{name}": f"{_alias(side)}.{named(name)}" for side in SIDES for name in _names(rule)}
    fields = [pa.field(rule.time, pa.int64()), *rule.keys, *rule.carried]
    digits = {f"{side}.{name}": each for side in SIDES for name, each in digits_of(fields).items()}
    return FlinkSql(columns, digits).boolean(both.root)


def _names(rule: PairPlan) -> list[str]:
    return [rule.time, *(field.name for field in (*rule.keys, *rule.carried))]


def _alert(rule: PairPlan, words: Words, of: str) -> list[str]:
    """Window, key and place of an absence; `of`: whose columns they are."""
    time = f"{of}{words.time}"
    if rule.missing == _THEN:
        window = [time, f"{time} + {rule.within_ms}"]
    else:
        window = [f"{time} - {rule.within_ms - 1}", f"{time} + 1"]
    return [
        *window,
        *(f"{of}{each}" for each in (*(words.columns[key.name] for key in rule.keys), _PARTITION, _OFFSET)),
    ]


def _lasting(rule: PairPlan) -> str:
    """The event that has at most one alert."""
    return _FIRST if rule.missing == _THEN else _THEN


def _hint(ttl_ms: dict[str, int | None]) -> str:
    told = [f"'{alias.strip('`')}' = '{each} ms'" for alias, each in ttl_ms.items() if each is not None]
    return f" /*+ STATE_TTL({', '.join(told)}) */" if told else ""


def _alias(side: str) -> str:
    return named(f"_{side}")


def _side(rule: PairPlan, side: str) -> str:
    return named(f"_{side}_{rule.name}")


def _pairs(rule: PairPlan) -> str:
    return named(f"_pairs_{rule.name}")
