"""Whose turn it is: who waits for a child, in order, and no client before others that have fewer questions answered."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from dataflow.errors import SqlBusy

WAITING_A_CHILD = 8
"""So many questions may wait for each child there is."""
WAITING_A_CLIENT = 4
"""And so many of them for one client."""


@dataclass(eq=False, slots=True)
class Ticket:
    """A question that waits or is being answered. `go` is called when its turn has come."""

    who: str
    go: Callable[[], None] = field(repr=False)


class Turns:
    """Gives `places` at once, of which one client has at most all but one, so that there is one for others.

    Plain bookkeeping for one thread.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._most = max(1, places - 1)
        self._waiting: list[Ticket] = []
        self._taken: dict[str, int] = Counter()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def ask(self, ticket: Ticket) -> None:
        """Have the ticket wait for its turn, which may be at once. Raises SqlBusy where enough wait already."""
        own = sum(other.who == ticket.who for other in self._waiting)
        if len(self._waiting) >= WAITING_A_CHILD * self._places or own >= WAITING_A_CLIENT:
            raise SqlBusy(
                f"{len(self._waiting)} questions wait already, {own} of them yours: ask again in a moment, or let the "
                "server answer more at once (serve_sql_children)"
            )
        self._waiting.append(ticket)
        self._next()

    def leave(self, ticket: Ticket) -> bool:
        """Whether the ticket was waiting still; it does not any more."""
        if ticket not in self._waiting:
            return False
        self._waiting.remove(ticket)
        return True

    def free(self, ticket: Ticket) -> None:
        """The ticket's place is free again."""
        self._taken[ticket.who] -= 1
        if not self._taken[ticket.who]:
            del self._taken[ticket.who]
        self._next()

    def _next(self) -> None:
        while sum(self._taken.values()) < self._places:
            may = [ticket for ticket in self._waiting if self._taken.get(ticket.who, 0) < self._most]
            if not may:
                return
            # the first of those whose clients have fewest
            ticket = min(may, key=lambda each: self._taken.get(each.who, 0))
            self._waiting.remove(ticket)
            self._taken[ticket.who] = self._taken.get(ticket.who, 0) + 1
            ticket.go()
