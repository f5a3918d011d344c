"""How far a long work is: told by who does it, shown by whoever asked for it, or by nobody."""

from collections.abc import Collection, Iterator
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class Steps(Protocol):
    """Told by one work, from one thread."""

    def expect(self, total: int) -> None:
        """So many steps more are to come."""
        ...

    def done(self, count: int) -> None:
        """So many of them are done."""
        ...


class Unseen:
    """Steps that nobody looks at."""

    def expect(self, total: int) -> None:
        """Not shown."""

    def done(self, count: int) -> None:
        """Not shown."""


UNSEEN = Unseen()


def each(things: Collection[_T], steps: Steps) -> Iterator[_T]:
    """Things one after another, each a step that is done when the next is asked for."""
    steps.expect(len(things))
    for thing in things:
        yield thing
        steps.done(1)
