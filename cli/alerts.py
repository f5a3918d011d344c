"""`tidemill alerts`: which alerts the pipeline's rules have raised, and those that change from now on."""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from cli.answer_flags import FormatFlag, OutputFlag, RowsFlag, ZoneFlag
from cli.flags import option
from cli.lakes import AsOfFlag, LakeFlag, open_reader

if TYPE_CHECKING:
    from query.reader import LakeReader

LOOK_S = 0.25
"""How often --follow looks for a commit."""


def alerts(
    rule: Annotated[str | None, option("--rule", help="Only those of this rule.", metavar="RULE")] = None,
    follow: Annotated[
        bool, option("--follow", "-f", help="Stay, and tell each alert that changes with a commit; ^C ends it.")
    ] = False,
    as_json: Annotated[bool, option("--json", help="One JSON object per line, as --format ndjson.")] = False,
    form: FormatFlag = None,
    rows: RowsFlag = None,
    zone: ZoneFlag = None,
    as_of: AsOfFlag = None,
    output: OutputFlag = None,
    lake: LakeFlag = None,
) -> None:
    """List the alerts of the lake as they stand, newest windows first; those that were retracted say so."""
    from cli.answers import wanted
    from query.alerts import alerts_sql, require_alerts

    if follow:
        _require_alone({"--format": form, "--limit": rows, "--tz": zone, "--as-of": as_of, "--output": output})
        with open_reader(lake) as reader:
            _check_rule(reader, rule)
            _follow(reader, rule, as_json=as_json)
        return
    wish = wanted("ndjson" if as_json and form is None else form, output, rows, zone)
    with open_reader(lake) as reader:
        wish = wish.with_known_zone(reader)
        require_alerts(reader.snapshot(as_of))
        _check_rule(reader, rule)
        wish.put(reader.ask(lambda at: wish.read(at, alerts_sql(rule)), as_of=as_of))


def lines(rows: Iterable[Mapping[str, Any]], *, as_json: bool) -> Iterable[str]:
    """Rows of the view `alerts`, a line each, for people or as JSON."""
    for row in rows:
        if as_json:
            import msgspec

            plain = {name: _moment(value) if isinstance(value, datetime) else value for name, value in row.items()}
            yield msgspec.json.encode(plain).decode()
        else:
            quiet = " (quiet)" if row["quiet"] else ""
            window = f"[{_moment(row['window_start'])}, {_moment(row['window_end'])})"
            yield f"{row['state']}{quiet} {row['severity']} {row['rule']} {window} {row['message']}"


def _moment(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="milliseconds").removesuffix(".000")


def _require_alone(others: Mapping[str, object]) -> None:
    from dataflow.errors import ConfigError

    for name, value in others.items():
        if value is not None:
            raise ConfigError(name, value, "is for a list; with --follow, leave it out")


def _check_rule(reader: "LakeReader", rule: str | None) -> None:
    from dataflow.errors import ConfigError
    from dataflow.spelling import suggest
    from query.definition import lake_definition

    known = [each.name for each in lake_definition(reader).alerts]
    if rule is not None and rule not in known:
        raise ConfigError("--rule", rule, f"the lake's pipeline has no such rule{suggest(rule, known)}")


def _follow(reader: "LakeReader", rule: str | None, *, as_json: bool) -> None:
    """All that stand now, oldest first, then each that changes, once per commit that was seen."""
    from query.alerts import alerts_sql, changed_since, require_alerts, rows_of

    snapshot = reader.snapshot()
    require_alerts(snapshot)
    try:
        _say(lines(reader.ask(lambda at: rows_of(at, alerts_sql(rule))), as_json=as_json))
        while True:
            time.sleep(LOOK_S)
            before, snapshot = snapshot, reader.snapshot()
            if snapshot.id != before.id:
                ids = changed_since(snapshot, before.id)
                _say(lines(rows_of(snapshot, alerts_sql(rule, ids)) if ids else [], as_json=as_json))
    except KeyboardInterrupt:
        return


def _say(texts: Iterable[str]) -> None:
    try:
        for text in texts:
            print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
