"""DuckDB without the rest of its package: `from query.duck import duckdb`."""

from typing import TYPE_CHECKING

# The package `duckdb` re-exports its extension `_duckdb`, and gives connections their relations (`sql`, `from_arrow`)
# in Python, which takes three times as long to import as the extension. Connections, cursors, statements, types and
# errors are the extension's own, so that they are the same objects where the package is imported later. Whoever needs
# a relation, Arrow, or hands a connection out, imports the package itself at that place.
if TYPE_CHECKING:
    import duckdb as duckdb
else:
    try:
        import _duckdb as duckdb
    except ImportError:  # it has no public name, and may get another one
        import duckdb

__all__ = ["duckdb"]
