"""What is counted of the values at each key."""

from starter.sample import Number
from starter.seen import group_of, observe


def test_keys_are_counted_against_the_objects_that_could_have_had_them() -> None:
    root = observe([{"a": 1, "o": {"b": "x"}}, {"a": None, "o": {}}, {"o": 5}])
    a, o = root.members["a"], root.members["o"]
    assert (a.objects, a.present, a.nulls, a.values, a.rows, a.lacking) == (3, 2, 1, [1], [0], 2)
    assert o.groups() == {"object": 2, "number": 1}
    b = o.members["b"]
    assert (b.path, b.key, b.objects, b.present, b.rows, b.lacking) == (("o", "b"), "b", 2, 1, [0], 1)
    assert [seen.path for seen in root.walk()] == [(), ("a",), ("o",), ("o", "b")]


def test_a_value_is_of_the_group_that_json_gives_it() -> None:
    values = [True, 1, Number("1.5"), "x", [], {}]
    assert [group_of(value) for value in values] == ["bool", "number", "number", "text", "list", "object"]
    root = observe([{"a": value} for value in [True, 1, Number("1.5")]])
    assert root.members["a"].of("number") == [(1, 1), (2, Number("1.5"))]
