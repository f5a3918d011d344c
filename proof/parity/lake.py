"""What our own engine makes of pinned offsets: a bounded run into a lake of its own, read as any reader does."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from dataflow.errors import TidemillError
from dataflow.pipeline.names import ALERTS
from dataflow.pipeline.plan import Plan
from dataflow.sources.ranged import SourceRange, write_ranges
from dataflow.sql import quoted
from proof.dump import contents
from proof.held_alerts import held_alerts
from proof.parity.layout import Tables, layouts
from proof.parity.records import Pins
from proof.standing import NEARLY, certain
from query.reader import LakeReader
from runtime.exit_code import in_words
from runtime.program import this_command

_QUIET = ("--metrics-port", "0", "--log-level", "warning", "--compact-every", "0s", "--no-events")


def run_lake(plan: Plan, pins: Pins, flags: Sequence[str], folder: Path) -> Tables:
    """Run the pipeline over the pinned offsets in a process of its own, below `folder`, and read all its tables.

    `flags` name the pipeline and the brokers. Raises TidemillError when the run fails; its own words stand on standard
    error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ranges = {pins.source_partition(number): SourceRange(start, end) for number, (start, end) in pins.ranges.items()}
    write_ranges(folder / "ranges.json", ranges)
    places = ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
    more = ["--ranges", str(folder / "ranges.json"), "--bounded", "--final", *_QUIET]
    code = subprocess.run(
        this_command(["run", *flags, "--topic", pins.topic, *places, *more]), stdout=sys.stderr, check=False
    ).returncode
    if code:
        raise TidemillError(f"tidemill run {in_words(code)}; its own message stands above")
    return lake_tables(plan, folder / "lake")


def lake_tables(plan: Plan, lake: Path) -> Tables:
    """Every table of a lake in the columns of its layout, and the alerts that stand, where the pipeline has rules."""
    found: dict[str, pa.Table] = {}
    with LakeReader(lake) as reader:
        snapshot = reader.snapshot()
        queries = contents(snapshot)
        for name, layout in layouts(plan).items():
            columns = ", ".join(quoted(column.name) for column in layout.columns)
            found[name] = snapshot.query(f"SELECT {columns} FROM ({queries[name]})").cast(layout.schema)
        if plan.alerts:
            found[ALERTS] = held_alerts(snapshot, plan, [rule.name for rule in certain(plan, NEARLY)])
    return found
