"""Importing a library without another one that it takes where it is there."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(name: str) -> Iterator[None]:
    """What is imported in the block finds no package `name`, unless it was imported before; after it there is one."""
    if name in sys.modules:
        yield
        return
    # what Python takes for a package that is known not to be there
    sys.modules[name] = None  # type: ignore[assignment]  # None is allowed here, and its type does not say so
    try:
        yield
    finally:
        del sys.modules[name]
