"""A gallery of broken pipelines: each mistake names the field, the value and the fix."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field, create_model

from dataflow import Dimension, EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.errors import PipelineError
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import tables_of
from dataflow.windows import cumulate, hop, session, tumble


class Volume(Enum):
    SMALL = "small"
    LARGE = "large"


class Parcel(BaseModel):
    kind: Annotated[Literal["box", "tube"], Field(description="how it is sent")] | None = None


class Order(BaseModel):
    order_id: str
    at: EventTime
    shop: str
    amount: Money = Decimal(0)
    pieces: int = 1
    weight: float | None = None
    gift: bool = False


class Sent(Order):
    status: Literal["placed", "approved"] = "placed"
    volume: Annotated[Optional[Volume], Field(description="of the box")] = None  # noqa: UP045 - both ways to write it
    level: Literal[1, 2, 3] = 1
    parcel: Parcel | None = None


GOOD = Rollup("per_shop", keys=["shop"], window=tumble("1m"), aggregates={"orders": agg.count()})
SHOPS = Dimension("shops", "shops.csv", key="shop", columns={"city": str})


def pipeline(**changes: Any) -> Pipeline:
    return Pipeline(**{"name": "orders", "event": Order, "rollups": [GOOD], **changes})


def rollup(**changes: Any) -> Pipeline:
    return pipeline(rollups=[replace(GOOD, **changes)])


def sent(**changes: Any) -> Pipeline:
    return pipeline(event=Sent, rollups=[replace(GOOD, **changes)])


def aggregate(aggregate: Any, name: str = "x") -> Pipeline:
    return rollup(aggregates={name: aggregate})


def dimension(**changes: Any) -> Pipeline:
    return pipeline(dimensions=[replace(SHOPS, **changes)])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shops.csv").write_text("shop,city,size,offset\na,Rome,3,1\nb,,4,\n")
    (tmp_path / "under.csv").write_text("shop,_city\na,Rome\n")
    (tmp_path / "twice.csv").write_text("shop,city\na,Rome\nb,Oslo\na,Bonn\n")
    (tmp_path / "nokey.csv").write_text("shop,city\na,Rome\n,Oslo\n")
    (tmp_path / "headless.csv").write_text("a,Rome\nb,Oslo\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "text.csv").write_text("shop,size\na,3\nb,four\n")
    return tmp_path


MISTAKES: list[tuple[str, Pipeline, list[str]]] = [
    # the pipeline itself
    ("name", pipeline(name="My Orders"), ["name = 'My Orders'", "lowercase letter"]),
    ("event", pipeline(event=dict), ["event", "BaseModel"]),
    ("no rollups", pipeline(rollups=[]), ["rollups = []", "at least one Rollup"]),
    ("rollups no list", pipeline(rollups=GOOD), ["rollups = Rollup(", "write a list of Rollup(...)"]),
    ("not a rollup", pipeline(rollups=[GOOD, "x"]), ["rollups[1] = 'x'", "not a Rollup"]),
    ("bad duration", pipeline(out_of_orderness="5 s"), ["out_of_orderness = '5 s'", "not a duration", '"90s"']),
    ("number for duration", pipeline(idle_timeout=30), ["idle_timeout = 30", "not a duration"]),
    ("keep", rollup(keep="soon"), ["rollups.per_shop.keep = 'soon'", "not a duration"]),
    ("keep no time", pipeline(events_keep="0s"), ["events_keep = '0s'", "too short"]),
    (
        "keep shorter than what may come",
        pipeline(rollups=[replace(GOOD, keep="64s", allowed_lateness="3s")], out_of_orderness="2s"),
        [
            "rollups.per_shop.keep = '64s': shorter than its window 1m + allowed_lateness 3s + out_of_orderness 2s",
            'write at least keep="65s"',
        ],
    ),
    (
        "events shorter than ids",
        pipeline(events_keep="1h", deduplicate_by="order_id", deduplicate_within="1h", out_of_orderness="1s"),
        ["events_keep = '1h': shorter than deduplicate_within 1h + out_of_orderness 1s", 'events_keep="3601s"'],
    ),
    ("negative duration", pipeline(allowed_lateness=timedelta(-1)), ["allowed_lateness", "non-negative"]),
    ("endless duration", pipeline(allowed_lateness="99999d"), ["allowed_lateness = '99999d'", "too long", "36500d"]),
    ("no idle timeout", pipeline(idle_timeout="0s"), ["idle_timeout = '0s'", "at least 1 ms"]),
    ("future", pipeline(max_future="soon"), ["max_future = 'soon'", "not a duration"]),
    ("clock", pipeline(max_future="1m", max_future_clock="now"), ["max_future_clock = 'now'", "write RFC 3339"]),
    ("clock of digits", pipeline(max_future="1m", max_future_clock="17"), ["max_future_clock = '17'", "RFC 3339"]),
    ("clock alone", pipeline(max_future_clock="2026-03-01T00:00:00Z"), ["max_future_clock", "needs max_future"]),
    ("record bytes", pipeline(max_record_bytes=0), ["max_record_bytes = 0", "above 0"]),
    ("record bytes text", pipeline(max_record_bytes="1MB"), ["max_record_bytes = '1MB'", "whole number of bytes"]),
    # deduplication
    ("within alone", pipeline(deduplicate_within="1m"), ["deduplicate_within = '1m'", "needs deduplicate_by"]),
    ("by alone", pipeline(deduplicate_by="order_id"), ["deduplicate_by = 'order_id'", "needs deduplicate_within"]),
    (
        "unknown id",
        pipeline(deduplicate_by="orderid", deduplicate_within="1m"),
        ["deduplicate_by = 'orderid'", "unknown column", "did you mean order_id?"],
    ),
    (
        "id is money",
        pipeline(deduplicate_by="amount", deduplicate_within="1m"),
        ["deduplicate_by = 'amount'", "str or int"],
    ),
    (
        "forgets at once",
        pipeline(deduplicate_by="order_id", deduplicate_within="0s"),
        ["deduplicate_within = '0s'", "at least 1 ms"],
    ),
    # dimensions
    ("no file", dimension(path="nope.csv"), ["dimensions.shops.path = 'nope.csv'", "no file", "relative"]),
    ("no header", dimension(path="headless.csv"), ["headless.csv has no column shop", "there are a, Rome"]),
    ("empty file", dimension(path="empty.csv"), ["empty.csv is empty", "header line with shop, city"]),
    ("no column", dimension(columns={"town": str}), ["shops.csv has no column town", "header"]),
    ("repeated key", dimension(path="twice.csv"), ["twice.csv", "shop a more than once", "one row per key"]),
    ("empty key", dimension(path="nokey.csv"), ["nokey.csv", "row 2 has no shop"]),
    ("bad value", dimension(path="text.csv", columns={"size": int}), ["row 2 has size 'four'", "no int"]),
    ("unknown key", dimension(key="store"), ["dimensions.shops.key = 'store'", "unknown column"]),
    ("money key", dimension(key="amount"), ["dimensions.shops.key = 'amount'", "str or int"]),
    ("odd type", dimension(columns={"city": list}), ["dimensions.shops.columns.city = <class 'list'>", "use str, int"]),
    (
        "money or null",
        dimension(columns={"city": Money | None}),
        ["dimensions.shops.columns.city", "use str, int, Money"],
    ),
    (
        "a type as a list",
        dimension(columns={"city": [str]}),
        ["columns.city = [<class 'str'>]", "not a type for a column"],
    ),
    ("no columns", dimension(columns={}), ["dimensions.shops.columns = {}", "at least one column"]),
    ("columns a list", dimension(columns=["city"]), ["dimensions.shops.columns = ['city']", "columns={name: type}"]),
    ("clash", dimension(columns={"shop": str}), ["dimensions.shops.columns = 'shop'", "clashes with event.shop"]),
    (
        "events' own column",
        dimension(columns={"offset": str}),
        ["dimensions.shops.columns = 'offset'", "events has a column offset of its own", "header line"],
    ),
    (
        "the product's own column",
        dimension(columns={"_city": str}, path="under.csv"),
        ["dimensions.shops.columns = '_city'", "begin with _"],
    ),
    ("unknown mode", dimension(unknown="drop"), ["dimensions.shops.unknown = 'drop'", '"null" or "dead_letter"']),
    ("path no text", dimension(path=None), ["dimensions.shops.path = None", "path of a CSV file"]),
    (
        "dimension twice",
        pipeline(dimensions=[SHOPS, replace(SHOPS, columns={"size": int})]),
        ["dimensions.shops.name = 'shops'", "clashes"],
    ),
    ("not a dimension", pipeline(dimensions=["shops.csv"]), ["dimensions[0] = 'shops.csv'", "not a Dimension"]),
    # names of rollups and tables
    ("upper case", rollup(name="PerShop"), ["rollups[0].name = 'PerShop'", "lowercase"]),
    ("reserved rollup", rollup(name="events"), ["rollups[0].name = 'events'", "reserved"]),
    ("delta", rollup(name="x_delta"), ["rollups[0].name = 'x_delta'", "_delta or _distinct are reserved"]),
    ("rollup twice", pipeline(rollups=[GOOD, GOOD]), ["rollups.per_shop = 'per_shop'", "also made by", "rename"]),
    (
        "side tables meet",
        pipeline(
            rollups=[
                replace(GOOD, name="a", aggregates={"b_c": agg.count_distinct("shop")}),
                replace(GOOD, name="a_b", aggregates={"c": agg.count_distinct("shop")}),
            ]
        ),
        ["rollups.a_b.aggregates.c = 'a_b_c_distinct'", "also made by rollups.a.aggregates.b_c"],
    ),
    # windows
    ("no window", rollup(window="1m"), ["rollups.per_shop.window = '1m'", 'tumble("1m")']),
    ("empty window", rollup(window=tumble("0s")), ["rollups.per_shop.window", "at least 1 ms"]),
    ("below 1 ms", rollup(window=tumble(timedelta(microseconds=500))), ["rollups.per_shop.window", "microseconds=500"]),
    ("bad size", rollup(window=tumble("one minute")), ["rollups.per_shop.window", "'one minute' is not a duration"]),
    ("hop with holes", rollup(window=hop("1m", every="5m")), ["rollups.per_shop.window", "`every` is longer"]),
    ("hop stands", rollup(window=hop("1m", every="0s")), ["rollups.per_shop.window", "at least 1 ms"]),
    ("too many", rollup(window=hop("1d", every="1s")), ["86400 windows", "at most 2000", "step longer"]),
    ("cumulate", rollup(window=cumulate("1h", "7m")), ["rollups.per_shop.window", "not a multiple of `step`"]),
    ("offset", rollup(window=tumble("1m", offset="1m")), ["rollups.per_shop.window", "`offset` must be shorter"]),
    ("hop offset", rollup(window=hop("5m", "1m", offset="2m")), ["`offset` must be shorter than 60000 ms"]),
    ("long gap", rollup(window=session("40000d")), ["rollups.per_shop.window", "too long"]),
    # keys, filters, lateness
    ("key unknown", rollup(keys=["shopp"]), ["rollups.per_shop.keys[0] = 'shopp'", "did you mean shop?"]),
    ("key text", rollup(keys="shop"), ["rollups.per_shop.keys = 'shop'", "keys=[...]"]),
    ("key twice", rollup(keys=["shop", "shop"]), ["rollups.per_shop.keys[1] = 'shop'", "named twice"]),
    ("key float", rollup(keys=["weight"]), ["rollups.per_shop.keys[0] = 'weight'", "float cannot be a key"]),
    ("filter column", rollup(where="shpo = 'a'"), ["rollups.per_shop.where", "at character 1", "did you mean shop?"]),
    ("filter syntax", rollup(where="shop = "), ["rollups.per_shop.where = 'shop = '", "something is missing"]),
    ("filter function", rollup(where="lower(shop) = 'a'"), ["rollups.per_shop.where", "LOWER(shop): not allowed"]),
    ("filter lambda", rollup(where=lambda row: True), ["rollups.per_shop.where", "not text"]),
    (
        "no value of a Literal",
        sent(where="gift AND status = 'aproved'"),
        ["rollups.per_shop.where", "at character 10", "status is never 'aproved'; did you mean 'approved'?"],
    ),
    ("no value of an Enum", sent(where="volume <> 'SMALL'"), ["where", "volume is never 'SMALL'; there are 'small'"]),
    ("no value inside", sent(where="parcel.kind IN ('bx')"), ["parcel.kind is never 'bx'; did you mean 'box'?"]),
    ("no number of a Literal", sent(where="4 = level"), ["where", "level is never 4; there are 1, 2, 3"]),
    (
        "an aggregate's own, no value",
        sent(aggregates={"x": agg.count(where="status NOT IN ('placed', 'aproved')")}),
        ["aggregates.x.where", "status is never 'aproved'; did you mean 'approved'?"],
    ),
    ("lateness", rollup(allowed_lateness="late"), ["rollups.per_shop.allowed_lateness = 'late'", "not a duration"]),
    # aggregates
    ("none", rollup(aggregates={}), ["rollups.per_shop.aggregates = {}", "at least one"]),
    ("a list", rollup(aggregates=[agg.count()]), ["rollups.per_shop.aggregates = [", "aggregates={name"]),
    ("not called", aggregate(agg.count), ["rollups.per_shop.aggregates.x", "call it, like agg.count()"]),
    ("SQL text", aggregate("count(*)"), ["rollups.per_shop.aggregates.x = 'count(*)'", "not an aggregate"]),
    ("unknown", aggregate(agg.sum("amoutn")), ["aggregates.x.column = 'amoutn'", "did you mean amount?"]),
    ("no column", aggregate(agg.sum(None)), ["aggregates.x.column = None", "unknown column"]),  # type: ignore[arg-type]  # the mistake
    ("sum of text", aggregate(agg.sum("shop")), ["aggregates.x = 'sum(shop)'", "this is type text"]),
    ("sum of bools", aggregate(agg.sum("gift")), ["aggregates.x = 'sum(gift)'", "agg.count"]),
    ("sum of times", aggregate(agg.sum("at")), ["aggregates.x = 'sum(at)'", "the event time"]),
    ("sum of floats", aggregate(agg.sum("weight")), ["aggregates.x = 'sum(weight)'", "inexact=True"]),
    ("avg of floats", aggregate(agg.avg("weight")), ["aggregates.x = 'avg(weight)'", "inexact=True"]),
    ("avg of text", aggregate(agg.avg("shop")), ["aggregates.x = 'avg(shop)'", "needs a number"]),
    ("min of bool", aggregate(agg.min("gift")), ["aggregates.x = 'min(gift)'", "agg.count(where=...)"]),
    ("distinct floats", aggregate(agg.count_distinct("weight")), ["count_distinct(weight)", "last digits"]),
    ("quantile of text", aggregate(agg.approx_quantile("shop", 0.5)), ["approx_quantile(shop)", "needs a number"]),
    ("q above 1", aggregate(agg.approx_quantile("pieces", 95)), ["aggregates.x.q = 95", "0 to 1"]),
    ("q is nan", aggregate(agg.approx_quantile("pieces", float("nan"))), ["aggregates.x.q = nan", "0 to 1"]),
    ("own filter", aggregate(agg.count(where="gift = 1")), ["aggregates.x.where = 'gift = 1'", "of one type"]),
    ("odd name", aggregate(agg.count(), name="number of"), ["aggregates.number of = 'number of'", "lowercase"]),
    (
        "delta's own column",
        aggregate(agg.count(), name="row_count"),
        ["aggregates.row_count = 'row_count'", "each rollup has a column row_count of its own"],
    ),
    ("view's own column", aggregate(agg.count(), name="is_final"), ["aggregates.is_final", "a column is_final of its"]),
    ("like a key", aggregate(agg.count(), name="shop"), ["aggregates.shop = 'shop'", "clashes with"]),
    (
        "hidden columns meet",
        rollup(aggregates={"p": agg.avg("pieces"), "p_sum": agg.sum("pieces")}),
        ["aggregates.p_sum = 'p_sum'", "clashes with rollups.per_shop.aggregates.p (p_sum)"],
    ),
]


@pytest.mark.parametrize(("broken", "parts"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_named_with_field_value_and_fix(folder, broken, parts):
    with pytest.raises(PipelineError) as caught:
        make_plan(broken, folder)
    assert len(caught.value.mistakes) == 1, caught.value.mistakes
    for part in parts:
        assert part in caught.value.mistakes[0]


def test_all_mistakes_are_reported_together(folder):
    broken = pipeline(
        name="Orders",
        idle_timeout="?",
        dimensions=[replace(SHOPS, path="nope.csv")],
        rollups=[
            replace(GOOD, keys=["shopp", "city"], where="x = 1", aggregates={"a": agg.sum("shop")}),
            replace(GOOD, window=tumble("0s"), allowed_lateness="x"),
        ],
    )
    with pytest.raises(PipelineError) as caught:
        make_plan(broken, folder)
    fields = [mistake.split(" = ")[0] for mistake in caught.value.mistakes]
    assert fields == [
        "name",
        "idle_timeout",
        "dimensions.shops.path",
        "rollups.per_shop.keys[0]",
        "rollups.per_shop.aggregates.a",
        "rollups.per_shop.where",
        "rollups.per_shop.window",
        "rollups.per_shop.allowed_lateness",
        "rollups.per_shop",
    ]
    assert str(caught.value).startswith("pipeline Orders: 9 mistakes\n  - name = 'Orders'")


def test_a_wrong_event_model_hides_no_mistake_that_needs_no_columns(folder):
    class TwoTimes(BaseModel):
        at: EventTime
        seen: EventTime

    with pytest.raises(PipelineError) as caught:
        make_plan(pipeline(event=TwoTimes, name="X", rollups=[replace(GOOD, window=tumble("0s"))]), folder)
    mistakes = "\n".join(caught.value.mistakes)
    assert "2 event times (at, seen)" in mistakes
    assert "name = 'X'" in mistakes
    assert "rollups.per_shop.window" in mistakes


def test_columns_of_a_dimension_whose_file_is_wrong_are_still_known(folder):
    broken = pipeline(dimensions=[replace(SHOPS, path="nope.csv")], rollups=[replace(GOOD, keys=["city"])])
    with pytest.raises(PipelineError) as caught:
        make_plan(broken, folder)
    assert len(caught.value.mistakes) == 1


def test_an_event_field_of_a_column_of_events_is_a_mistake_with_the_line_to_write(folder):
    class Placed(BaseModel):
        at: EventTime
        shop: str
        offset: int

    with pytest.raises(PipelineError) as caught:
        make_plan(pipeline(event=Placed), folder)
    assert caught.value.mistakes == [
        'event.offset: table events has a column offset of its own; write `event_offset: int = Field(alias="offset")`'
    ]


def event_with(*names: str) -> Any:
    fields: dict[str, Any] = dict.fromkeys(names, (int, ...))
    return create_model("Event", at=(EventTime, ...), shop=(str, ...), **fields)


def own_names() -> set[str]:
    """Every column of every table, of a pipeline whose own columns are known, and the view's."""
    known = rollup(aggregates={"n": agg.count(), "users": agg.count_distinct("order_id")})
    names = {name for spec in tables_of(make_plan(known, "."), events=True) for name in spec.schema.names}
    return {*names, "is_final"} - {*Order.model_fields, "n"}


def refused(pipeline: Pipeline) -> bool:
    """Only for a column of the lake's; fails if it is refused for anything else."""
    try:
        make_plan(pipeline, ".")
    except PipelineError as error:
        others = [mistake for mistake in error.mistakes if "of its own" not in mistake]
        if others:
            pytest.fail(f"other mistakes: {others}")
        return True
    return False


@pytest.mark.parametrize("change", [str, str.upper, str.title], ids=["lower", "upper", "title"])
def test_only_names_that_would_stand_twice_in_one_table_are_refused(change):
    names = sorted(map(change, own_names()))
    assert len(names) > 30
    plain = replace(GOOD, keys=["shop"])
    distinct = replace(GOOD, aggregates={"users": agg.count_distinct("shop")})
    in_event = {name.lower() for name in names if refused(pipeline(event=event_with(name), rollups=[plain]))}
    assert in_event == {"topic", "partition", "offset", "record_timestamp"}
    free = [name for name in names if name.lower() not in in_event]
    in_delta = {"window_start", "window_end", "row_count", "late_count", "is_final"}
    for more, wanted in ((plain, in_delta), (distinct, in_delta | {"value"})):
        as_key = {
            name.lower()
            for name in free
            if refused(pipeline(event=event_with(name), rollups=[replace(more, keys=[name])]))
        }
        assert as_key == wanted
    as_aggregate = {name.lower() for name in names if refused(aggregate(agg.count(), name=name.lower()))}
    assert as_aggregate == in_delta


def test_no_table_of_a_pipeline_that_is_taken_has_a_column_twice():
    free = sorted(own_names() - {"topic", "partition", "offset", "record_timestamp"})
    keys = [name for name in free if name not in {"window_start", "window_end", "row_count", "late_count", "is_final"}]
    counts = {name: agg.count() for name in own_names() - {*free} | {"value", "rollup", "watermark"}}
    taken = pipeline(
        event=event_with(*free),
        rollups=[
            replace(GOOD, keys=[name for name in keys if name not in counts], aggregates=counts),
            replace(GOOD, name="all", keys=[], aggregates={"value": agg.count_distinct("value")}),
        ],
    )
    for spec in tables_of(make_plan(taken, "."), events=True):
        assert len({name.lower() for name in spec.schema.names}) == len(spec.schema.names) > 0, spec.name


def test_a_key_that_clashes_is_told_how_the_field_can_be_called_otherwise(folder):
    with pytest.raises(PipelineError) as caught:
        make_plan(pipeline(event=event_with("row_count"), rollups=[replace(GOOD, keys=["row_count"])]), folder)
    assert caught.value.mistakes == [
        "rollups.per_shop.keys = 'row_count': each rollup has a column row_count of its own; "
        'call the field otherwise, and it reads the same with Field(alias="row_count")'
    ]


def test_values_of_a_literal_or_an_enum_are_accepted() -> None:
    where = (
        "status = 'approved' AND volume <> 'small' AND level IN (1, 3) AND parcel.kind = 'tube' AND shop = 'aproved'"
    )
    plan = make_plan(sent(where=where, aggregates={"n": agg.count(where="'placed' = status")}), ".")
    assert plan.rollups[0].where is not None


def all_mistakes(broken: Pipeline, folder: Any) -> list[str]:
    with pytest.raises(PipelineError) as caught:
        make_plan(broken, folder)
    return caught.value.mistakes


def test_a_wrong_event_model_hides_no_mistake_in_what_uses_its_columns(folder):
    class Wrong(BaseModel):
        at: EventTime
        shop: str
        tags: set[str]
        amount: Decimal
        gift: bool = None  # type: ignore[assignment]  # the mistake

    broken = pipeline(
        event=Wrong,
        deduplicate_by="shp",
        deduplicate_within="1m",
        dimensions=[replace(SHOPS, key="shopp"), replace(SHOPS, name="more", path="nope.csv", key="tags")],
        rollups=[
            replace(
                GOOD,
                keys=["shop", "tags", "city", "shoop"],
                where="amount > 3 AND tags = 'x' AND shpo = 'y' AND gift = 1",
                aggregates={"a": agg.sum("amount"), "b": agg.sum("shop"), "c": agg.count(where="tags = 1 AND n = 2")},
            )
        ],
    )
    told = all_mistakes(broken, folder)
    assert [mistake.partition(";")[0] for mistake in told] == [
        "event.tags: type set[str] is not supported",
        "event.amount: type Decimal is not supported",
        "event.gift: default None, but the field is not Optional",
        "deduplicate_by = 'shp': unknown column",
        "dimensions.shops.key = 'shopp': unknown column",
        f"dimensions.more.path = 'nope.csv': there is no file {folder / 'nope.csv'}",
        "dimensions.more.columns = 'city': clashes with dimensions.shops.columns (city)",
        "rollups.per_shop.keys[3] = 'shoop': unknown column",
        "rollups.per_shop.aggregates.b = 'sum(shop)': sum needs a number, this is type text",
        "rollups.per_shop.aggregates.c.where = 'tags = 1 AND n = 2': at character 14, near n: unknown column n",
        f"rollups.per_shop.where = {broken.rollups[0].where!r}: at character 31, near shpo: unknown column shpo",
        f'rollups.per_shop.where = {broken.rollups[0].where!r}: at character 46, near gift = 1: "gift" is a boolean and'
        " 1 is a number",
    ]


def test_where_the_columns_cannot_be_known_only_what_is_wrong_anyway_is_told(folder):
    good = replace(GOOD, keys=["anything"], where="anything = 1", aggregates={"n": agg.sum("anything")})
    assert len(all_mistakes(pipeline(event=dict, rollups=[good]), folder)) == 1
    assert len(all_mistakes(pipeline(dimensions="shops.csv", rollups=[good]), folder)) == 1
    assert len(all_mistakes(pipeline(dimensions=["shops.csv"], rollups=[good]), folder)) == 1
    listed: Any = ["x"]
    assert len(all_mistakes(pipeline(dimensions=[replace(SHOPS, columns=listed)], rollups=[good]), folder)) == 1
    wrong = replace(good, where="lower(anything) = 'x' AND 1 = 'y'")
    assert len(all_mistakes(pipeline(event=dict, rollups=[wrong]), folder)) == 3
    assert len(all_mistakes(pipeline(dimensions=[replace(SHOPS, columns={"x": list})], rollups=[good]), folder)) > 1


def test_a_wrong_type_of_a_dimensions_column_hides_nothing_in_rollups(folder):
    shops = replace(SHOPS, columns={"city": str, "size": list})
    rollups = [replace(GOOD, keys=["city", "size"], where="cty = 'x' OR size > 1")]
    told = all_mistakes(pipeline(dimensions=[shops], rollups=rollups), folder)
    assert [mistake.partition(" = ")[0] for mistake in told] == [
        "dimensions.shops.columns.size",
        "rollups.per_shop.where",
    ]


def test_every_column_that_a_dimensions_file_lacks_is_named(folder):
    (told,) = all_mistakes(dimension(columns={"town": str, "city": str, "land": str}), folder)
    assert "has no column town in its header line" in told
    assert "it has no column land in its header line" in told
