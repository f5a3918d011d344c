"""`make bench`: every measurement in order, then bench/RESULTS.md and the plots.

python -m bench.all [--quick] [--only RESULT ...]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.measure import BenchError
from bench.parts import BY_RESULT, PARTS, Part
from bench.report import RESULTS, ROOT

Run = Callable[[Sequence[str], Path], int]
"""Runs a command with its results in a folder; gives its exit code."""


def run(command: Sequence[str], results: Path) -> int:
    """As a process of its own, whose output is shown."""
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "BENCH_RESULTS": str(results)}, check=False).returncode


def chosen(only: Sequence[str], without: Sequence[str]) -> list[Part]:
    """All parts, or those named, in order, but for those left out. Raises BenchError for a name that none has."""
    if unknown := sorted({*only, *without} - BY_RESULT.keys()):
        raise BenchError(f"no part is called {', '.join(unknown)}; choose of {', '.join(BY_RESULT)}")
    return [part for part in PARTS if (not only or part.result in only) and part.result not in without]


def play(parts: Sequence[Part], results: Path, *, quick: bool, run: Run = run) -> list[Part]:
    """Run each part; those that failed. One that fails does not end the others."""
    failed = []
    for at, part in enumerate(parts, start=1):
        arguments = part.quick if quick else part.arguments
        print(f"== {at} of {len(parts)}: {part.module} {' '.join(arguments)}", file=sys.stderr, flush=True)
        began_s = time.monotonic()
        if run([sys.executable, "-m", part.module, *arguments], results):
            failed.append(part)
        print(f"== {time.monotonic() - began_s:,.0f} s", file=sys.stderr, flush=True)
    return failed


def busy(load: float, cores: int) -> str | None:
    """What is wrong with a machine that has other work to do, if it has."""
    if load <= cores / 2:
        return None
    return f"the machine has other work to do (load {load:.1f} on {cores} cores): its figures will be worth nothing"


def main() -> None:
    """Ends with exit code 1 when a part has failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small inputs, into a folder that is removed: a trial")
    parser.add_argument("--only", nargs="*", default=[], metavar="RESULT")
    parser.add_argument("--without", nargs="*", default=[], metavar="RESULT")
    given = parser.parse_args()
    try:
        parts = chosen(given.only, given.without)
    except BenchError as error:
        parser.error(str(error))
    if warning := busy(os.getloadavg()[0], os.cpu_count() or 1):
        print(f"warning: {warning}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="tidemill-trial-") as folder:
        results = Path(folder) if given.quick else RESULTS
        failed = play(parts, results, quick=given.quick)
        report = [sys.executable, "-m", "bench.report"]
        if given.quick:
            report += ["--results", str(results), "--to", str(results / "report")]
        reported = run(report, results)
    for part in failed:
        print(f"failed: {part.command}{f'; it needs {part.needs}' if part.needs else ''}", file=sys.stderr)
    raise SystemExit(1 if failed or reported else 0)


if __name__ == "__main__":
    main()
