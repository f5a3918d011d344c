"""`tidemill report`: the three standing questions."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.lakes import AsOfFlag, FormatFlag, LakeFlag, OutputFlag, open_reader, put

if TYPE_CHECKING:
    from datetime import datetime

    from query.reader import LakeSnapshot
    from query.reports import Answer

app = typer.Typer(
    help="Answer a standing question: clicks per ad, top campaigns, revenue per hour.", no_args_is_help=True
)

AtFlag = Annotated[
    str,
    typer.Option(
        "--at",
        help="Ask as if it were this UTC time: now, latest (the newest event in the lake) or a time.",
        metavar="now|latest|TIME",
    ),
]
LimitFlag = Annotated[int | None, typer.Option("--limit", min=1, help="Most rows to show.", metavar="ROWS")]


@app.command("clicks_per_ad")
def clicks_per_ad(
    minutes: Annotated[int, typer.Option("--minutes", min=1, help="How many minutes, the running one included.")] = 5,
    limit: LimitFlag = None,
    at: AtFlag = "now",
    form: FormatFlag = None,
    as_of: AsOfFlag = None,
    output: OutputFlag = None,
    lake: LakeFlag = None,
) -> None:
    """Clicks and spend per ad in the last minutes."""

    def ask(snapshot: "LakeSnapshot", now: "datetime") -> "Answer":
        from query import reports

        return reports.clicks_per_ad(snapshot, now, minutes=minutes, at=at, limit=limit)

    _show(ask, form, as_of, output, lake)


@app.command("top_campaigns")
def top_campaigns(
    day: Annotated[str, typer.Option("--day", help="today, yesterday or YYYY-MM-DD, in UTC.")] = "today",
    limit: LimitFlag = None,
    at: AtFlag = "now",
    form: FormatFlag = None,
    as_of: AsOfFlag = None,
    output: OutputFlag = None,
    lake: LakeFlag = None,
) -> None:
    """What each campaign brought on one day, highest revenue first."""

    def ask(snapshot: "LakeSnapshot", now: "datetime") -> "Answer":
        from query import reports

        return reports.top_campaigns(snapshot, now, day=day, at=at, limit=limit)

    _show(ask, form, as_of, output, lake)


@app.command("revenue_per_hour")
def revenue_per_hour(
    hours: Annotated[int, typer.Option("--hours", min=1, help="How many hours, the running one included.")] = 24,
    limit: LimitFlag = None,
    at: AtFlag = "now",
    form: FormatFlag = None,
    as_of: AsOfFlag = None,
    output: OutputFlag = None,
    lake: LakeFlag = None,
) -> None:
    """Revenue and events per hour, newest first."""

    def ask(snapshot: "LakeSnapshot", now: "datetime") -> "Answer":
        from query import reports

        return reports.revenue_per_hour(snapshot, now, hours=hours, at=at, limit=limit)

    _show(ask, form, as_of, output, lake)


def _show(
    ask: Callable[["LakeSnapshot", "datetime"], "Answer"],
    form: str | None,
    as_of: str | None,
    output: Path | None,
    lake: Path | None,
) -> None:
    import sys
    from datetime import UTC, datetime

    from query.formats import require_format

    require_format(form or "table", terminal=output is None and sys.stdout.isatty())
    with open_reader(lake) as reader:
        answer = reader.ask(lambda snapshot: ask(snapshot, datetime.now(UTC)), as_of=as_of)
    # The range goes to standard error, so that what is piped on stays data.
    typer.echo(f"{answer.report}: {answer.note}", err=True)
    if answer.table.num_rows or form is not None or output is not None:
        put(answer.table, form, output)
