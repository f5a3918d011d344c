"""Holds back what native code prints to standard error, so that an expected end is one clear message."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def held_back() -> Iterator[TextIO]:
    """Yield a stream to the real standard error, for logs; everything else written to fd 2 is held in a file.

    When the block ends without an exception, or with one that `is_expected` calls a known end, the held text is
    dropped; with any other exception it is printed, so nothing that helps to find a fault is lost.
    """
    real = os.dup(2)
    stream = os.fdopen(real, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), 2)
        unexpected = False
        try:
            yield stream
        except BaseException as error:
            unexpected = known_end(error) is None
            raise
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            if unexpected:
                held.seek(0)
                stream.write(held.read().decode("utf-8", errors="backslashreplace"))
                stream.flush()


def known_end(error: BaseException) -> BaseException | None:
    """The TidemillError that lies behind `error`, through the chain that Bytewax wraps around it; None if none does."""
    from dataflow.errors import TidemillError

    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, TidemillError):
            return current
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return None
