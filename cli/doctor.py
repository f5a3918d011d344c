"""`tidemill doctor`: what is wrong, what will be, and why a window has not closed."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import SOURCE, Given, takes
from cli.terminal import show_json

if TYPE_CHECKING:
    from doctor.finding import Finding


@takes(*SOURCE, "group", "lake", "recovery", "events", "generator_partitions")
def doctor(
    given: Given,
    as_json: Annotated[bool, typer.Option("--json", help="A list of findings as JSON.")] = False,
) -> None:
    """Examine pipeline file, source, windows, recovery folder, lake, disks and clocks. Changes nothing.

    Ends with exit code 0 if all is well, 1 if there is a warning, 2 if there is an error.
    """
    from dataflow import logs
    from dataflow.errors import ConfigError
    from doctor.examination import diagnose
    from doctor.finding import error, worst
    from runtime.settings import load_settings

    logs.configure("auto", "critical")
    try:
        settings = load_settings(given)
        findings = diagnose(settings, lambda: datetime.now(UTC))
    except ConfigError as problem:
        findings = [error("settings", str(problem), "tidemill config show prints every setting and its origin")]
    if as_json:
        show_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            _show(finding)
    raise typer.Exit(int(worst(findings)))


_COLOURS = ("green", "yellow", "red")


def _show(finding: "Finding") -> None:
    word = finding.severity.name.lower()
    shown = typer.style(word, fg=_COLOURS[finding.severity]) if sys.stdout.isatty() else word
    indent = " " * 9
    message = finding.message.replace("\n", f"\n{indent}")
    typer.echo(f"{shown}{' ' * (9 - len(word))}{finding.check}: {message}")
    if finding.fix is not None:
        typer.echo(f"{indent}-> {finding.fix}")
