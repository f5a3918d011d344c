"""What an alert over a pair says: its window, the places of its events, its message."""

import json

from tests.dataflow.alerts.pairs import EVER_MS, Row, Run, clicks, lonely


def test_a_sequence_tells_both_events() -> None:
    run = Run(clicks(message="{user}: {first_x} at {first_at}, {then_x} at {then_at} from {window_start}"))
    rows = (Row("u", 1_000, "a", "p/0", 7, 1), Row("u", 1_005, "b", "p/1", 3, 2))
    (line,) = run.commit(*rows)
    assert line["message"] == ("u: 1 at 1970-01-01 00:00:01, 2 at 1970-01-01 00:00:01.005 from 1970-01-01 00:00:01")
    assert json.loads(line["values"]) == {
        "first_partition": "p/0",
        "first_offset": 7,
        "first_x": 1,
        "then_partition": "p/1",
        "then_offset": 3,
        "then_x": 2,
    }
    assert (line["state"], line["change"], line["key"], line["severity"]) == ("raised", 1, '{"user": "u"}', "medium")
    assert str(line["window_end"] - line["window_start"]) == "0:00:00.006000"


def test_two_pairs_of_one_key_and_window_are_two_alerts() -> None:
    run = Run(clicks())
    made = run.commit(Row("u", 1, "a"), Row("u", 2, "b", offset=1), Row("u", 2, "b", offset=2))
    assert len({line["alert_id"] for line in made}) == 2


def test_a_nearer_first_event_takes_the_place_of_the_former() -> None:
    run = Run(clicks())
    run.commit(Row("u", 1, "a"), Row("u", 5, "b", offset=1))
    gone, new = run.commit(Row("u", 3, "a", offset=2))
    assert (gone["state"], gone["change"]) == ("retracted", 2)
    assert (new["state"], new["change"]) == ("raised", 1)
    assert json.loads(gone["values"])["first_offset"] == 0
    assert json.loads(new["values"])["first_offset"] == 2


def test_an_absence_has_the_window_in_which_something_was_missing() -> None:
    for missing, start, end in (("then", 5, 15), ("first", -4, 6)):
        run = Run(lonely(missing))
        assert run.commit(Row("u", 5, "ab"), frontier_ms=4) == []
        (line,) = run.commit(frontier_ms=EVER_MS)
        assert [each.microsecond // 1000 for each in (line["window_start"], line["window_end"])] == [start % 1000, end]
        side = "first" if missing == "then" else "then"
        assert json.loads(line["values"]) == {f"{side}_partition": "p", f"{side}_offset": 0}
