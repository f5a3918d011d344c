"""One profile as it is shown: by the bench itself, and by the report."""

from collections.abc import Mapping
from typing import Any


def stages_table(run: Mapping[str, Any]) -> str:
    """CPU nanoseconds a record by stage, each one's part of all, and what is done once."""
    total = sum(run["stages"].values()) or 1.0
    lines = [
        f"{run['what']}, {run['records']:,} records.\n",
        "| stage | CPU ns a record | part |",
        "| --- | ---: | ---: |",
    ]
    lines += [f"| {stage} | {ns:,.0f} | {ns / total:.0%} |" for stage, ns in run["stages"].items()]
    lines.append(f"| all | {total:,.0f} | |")
    told = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in run["once_s"].items())
    return "\n".join([*lines, *([f"\nOnce, however many records there are: {told} of CPU."] if told else [])]) + "\n"
