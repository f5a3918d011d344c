"""Time zones that answers can be shown in: those that DuckDB knows, by their names of the IANA database."""

from dataflow.errors import ConfigError
from query.duck import duckdb


def known_zone(connection: duckdb.DuckDBPyConnection, zone: str) -> str:
    """The zone's name as DuckDB writes it, whatever the case of `zone`. Raises ConfigError, with the nearest name."""
    rows = connection.execute("SELECT name FROM pg_timezone_names()").fetchall()
    names = {name.lower(): name for (name,) in rows}
    found: str | None = names.get(zone.lower())
    if found is None:
        # only a mistake needs it: commands start quickly without
        import difflib

        near = difflib.get_close_matches(zone.lower(), names, n=1)
        hint = f"did you mean {names[near[0]]}?" if near else "write one like Europe/Amsterdam or UTC"
        raise ConfigError("--tz", zone, f"no time zone has this name; {hint}")
    return found
