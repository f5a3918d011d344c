"""^C while DuckDB runs a short statement on the main thread, where it looks at signals itself."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heard() -> Iterator[None]:
    """Raises KeyboardInterrupt where DuckDB has swallowed one: it says RuntimeError, without a class of its own."""
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise
