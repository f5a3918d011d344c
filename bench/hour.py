"""Memory of a run that reads as fast as it can for an hour: what it holds at its end more than near its beginning.

python -m bench.hour
"""

import argparse
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.commands import TIDEMILL
from bench.measure import MIB, BenchError
from bench.memory import resident_bytes
from bench.results import write

LOOK_S = 1.0
END_S = 120.0
Looks = Sequence[tuple[float, int]]
"""(seconds since the start, resident bytes of the process and its children)."""


def grown_mib(looks: Looks) -> float:
    """The median of the last quarter less that of the second one; the first is left out, in which caches fill."""
    if len(looks) < 8:
        raise BenchError(f"{len(looks)} looks at its memory do not show whether it grows; run it longer")
    quarter = len(looks) // 4
    early = statistics.median(held for _, held in looks[quarter : 2 * quarter])
    late = statistics.median(held for _, held in looks[-quarter:])
    return (late - early) / MIB


def watch(
    child: "subprocess.Popen[bytes]",
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
) -> list[tuple[float, int]]:
    """Look every second until so many have passed. Raises BenchError where the process ends before."""
    began = clock()
    looks = []
    while (passed := clock() - began) < seconds:
        if child.poll() is not None:
            raise BenchError(f"the run ended by itself after {passed:.0f} s, with {child.returncode}")
        looks.append((passed, resident_bytes(child.pid)))
        rest(LOOK_S)
    return looks


def main() -> None:
    """Measure and write bench/results/hour.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3_600)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemill-hour-") as folder:
        command = [TIDEMILL, "run", "--source", "generator", "--generator-unpaced", "--no-events"]
        command += ["--lake", f"{folder}/lake", "--recovery", f"{folder}/recovery", "--log-level", "error"]
        with (Path(folder) / "log").open("wb") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                looks = watch(child, given.seconds)
            finally:
                child.send_signal(signal.SIGTERM)
                child.wait(END_S)
    grown = grown_mib(looks)
    minutes = [(at, held) for at, held in looks if int(at) % 60 == 0]
    told = {
        "run": f"the ads pipeline over the built-in stream of ads, as fast as it goes, for {given.seconds:,.0f} s",
        "memory": "resident, of the process and its compactor, looked at every second",
        "grown": f"{grown:,.1f} MiB, from the median of the second quarter to that of the last",
        "most": f"{max(held for _, held in looks) / MIB:,.0f} MiB",
        "load when it ended": f"{os.getloadavg()[0]:.1f} (1 minute)",
    }
    table = "| minute | MiB |\n| ---: | ---: |\n"
    table += "".join(f"| {at / 60:.0f} | {held / MIB:,.0f} |\n" for at, held in minutes)
    figures = {"grown_mib": grown, "looks": [[round(at), held] for at, held in minutes]}
    write("hour", "Memory over an hour", told, table, figures)


if __name__ == "__main__":
    main()
