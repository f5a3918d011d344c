"""The flags that choose a part of the source, and the selection that they make."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from proof.audit.selection import Selection

PartitionFlag = Annotated[
    str | None, typer.Option("--partition", help="Only this source partition, like ads/3.", metavar="NAME")
]
FromFlag = Annotated[int | None, typer.Option("--from", help="Only offsets from this one on.", metavar="OFFSET")]
ToFlag = Annotated[int | None, typer.Option("--to", help="Only offsets below this one.", metavar="OFFSET")]
SinceFlag = Annotated[
    str | None, typer.Option("--since", help="Only what was committed at this UTC time or later.", metavar="TIME")
]
UntilFlag = Annotated[
    str | None, typer.Option("--until", help="Only what was committed before this UTC time.", metavar="TIME")
]


def selected(
    partition: str | None, start: int | None, end: int | None, since: str | None, until: str | None
) -> "Selection":
    """The selection of these flags. Raises ConfigError for a time that is none, and where nothing can lie in it."""
    from dataflow.errors import ConfigError
    from proof.audit.selection import Selection
    from query.moment import parse_time

    first = None if since is None else parse_time(since)
    last = None if until is None else parse_time(until)
    if start is not None and end is not None and end <= start:
        raise ConfigError("--to", end, f"there is no offset from {start} on and below {end}; write a greater one")
    if first is not None and last is not None and last <= first:
        raise ConfigError("--until", until, f"there is no time from {since} on and before it; write a later one")
    return Selection(partition, start, end, first, last)
