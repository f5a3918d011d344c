"""Turns: in order, as many at once as there are places, and no client before others that have fewer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.errors import SqlBusy
from serve.sql.turns import WAITING_A_CHILD, WAITING_A_CLIENT, Ticket, Turns


class Queue:
    def __init__(self, places: int) -> None:
        self.turns = Turns(places)
        self.going: list[Ticket] = []

    def ask(self, who: str) -> Ticket:
        ticket = Ticket(who, lambda: self.going.append(ticket))
        self.turns.ask(ticket)
        return ticket


def test_a_client_alone_leaves_a_place_for_others() -> None:
    queue = Queue(3)
    mine = [queue.ask("me") for _ in range(4)]
    assert queue.going == mine[:2]
    theirs = queue.ask("you")
    assert queue.going == [*mine[:2], theirs]
    queue.turns.free(mine[0])
    assert queue.going[-1] is mine[2]


def test_who_has_fewest_is_next_and_among_equals_who_came_first() -> None:
    queue = Queue(2)
    first, other = queue.ask("a"), queue.ask("b")
    more, new, later = queue.ask("b"), queue.ask("c"), queue.ask("d")
    queue.turns.free(first)
    assert queue.going == [first, other, new]
    queue.turns.free(other)
    assert queue.going[-1] is more
    assert queue.turns.leave(later)
    assert not queue.turns.leave(more)


def test_one_place_is_for_everybody() -> None:
    queue = Queue(1)
    assert queue.going == [queue.ask("a")]


def test_a_line_that_is_long_enough_takes_nobody_more() -> None:
    queue = Queue(2)
    for number in range(WAITING_A_CHILD * 2 + 2):
        queue.ask(str(number))
    with pytest.raises(SqlBusy, match="16 questions wait already, 0 of them yours"):
        queue.ask("x")


def test_one_client_does_not_fill_the_line() -> None:
    queue = Queue(2)
    for _ in range(WAITING_A_CLIENT + 1):
        queue.ask("me")
    with pytest.raises(SqlBusy, match="4 of them yours"):
        queue.ask("me")
    queue.ask("you")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40), st.integers(1, 4))
def test_places_are_never_given_twice_and_never_left_empty(steps: list[tuple[str, bool]], places: int) -> None:
    queue, done = Queue(places), 0
    for who, frees in steps:
        running = queue.going[done:]
        if frees and running:
            # the oldest one ends
            queue.turns.free(running[0])
            done += 1
        else:
            try:
                queue.ask(who)
            except SqlBusy:
                continue
        running = queue.going[done:]
        assert len(running) <= places
        most = max(1, places - 1)
        assert places == 1 or all(sum(each.who == name for each in running) <= most for name in "abc")
        assert len(running) == places or all(
            sum(each.who == ticket.who for each in running) == most for ticket in queue.turns._waiting
        )
