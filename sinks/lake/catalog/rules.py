"""By which rules the last records of each source partition were judged: what tells that a run changes them."""

import json
import sqlite3
from typing import NamedTuple

from dataflow.rules import Rules


class Standing(NamedTuple):
    """Where a source partition goes on, and the rules that have held up to there; None as in `standings`."""

    next: int
    rules: Rules | None


def rules_text(rules: Rules) -> str:
    """As `own_offset` keeps them."""
    return json.dumps(rules.as_json(), sort_keys=True, separators=(",", ":"))


def standings(connection: sqlite3.Connection) -> dict[str, Standing]:
    """Every source partition by its name. Rules are None where its last records came before lakes told their rules."""
    column = "rules" if _has_rules(connection) else "NULL"
    rows = connection.execute(f'SELECT "partition", next, {column} FROM own_offset ORDER BY "partition"').fetchall()
    return {name: Standing(following, text and Rules.of_json(json.loads(text))) for name, following, text in rows}


def longest_lateness(connection: sqlite3.Connection, rules: Rules) -> dict[str, int]:
    """The allowed lateness (ms) of each rollup by which the last records were judged, the longest where it differed.

    Records that came before lakes told their rules had these.
    """
    found: dict[str, int] = {}
    for standing in standings(connection).values():
        for rollup, ms in (standing.rules or rules).allowed_lateness_ms:
            found[rollup] = max(found.get(rollup, ms), ms)
    return found


def write_down_rules(connection: sqlite3.Connection) -> None:
    """Inside a transaction: give `own_offset` of a lake from before there was such a thing its column for the rules."""
    if not _has_rules(connection):
        connection.execute("ALTER TABLE own_offset ADD COLUMN rules TEXT")


def _has_rules(connection: sqlite3.Connection) -> bool:
    return any(name == "rules" for _, name, *_ in connection.execute("PRAGMA table_info(own_offset)"))
