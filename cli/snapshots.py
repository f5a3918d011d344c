"""`tidemill snapshots`: what time travel can reach."""

from typing import Annotated

import typer

from cli.answer_flags import FormatFlag, OutputFlag
from cli.lakes import LakeFlag, open_reader


def snapshots(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, newest first.")] = 20,
    form: FormatFlag = None,
    output: OutputFlag = None,
    lake: LakeFlag = None,
) -> None:
    """List snapshots, newest first: id, time, rows added per table, offsets read per source partition."""
    import pyarrow as pa

    from cli.answers import wanted
    from query.snapshots import list_snapshots

    wish = wanted(form, output)
    with open_reader(lake) as reader:
        lines = list_snapshots(reader, limit=limit)
    texts = [
        {
            "snapshot": line.id,
            "time": line.time.replace(tzinfo=None),
            "rows": ", ".join(f"{name} +{count}" for name, count in sorted(line.rows.items())),
            "offsets": ", ".join(f"{name} [{a}, {b})" for name, (a, b) in sorted(line.offsets.items())),
            "changes": line.changes,
        }
        for line in lines
    ]
    schema = pa.schema(
        [
            ("snapshot", pa.int64()),
            ("time", pa.timestamp("us")),
            *((n, pa.string()) for n in ("rows", "offsets", "changes")),
        ]
    )
    wish.put(pa.Table.from_pylist(texts, schema))
