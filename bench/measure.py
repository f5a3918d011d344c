"""Child processes measured: wall time, CPU time and peak memory, in turns, with medians."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.memory import PeakMemory

MIB = 1024 * 1024
FEWEST_ROUNDS = 5


class BenchError(Exception):
    """A measured command failed; the message holds the end of its output."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one child cost. CPU and memory include its own children."""

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    output: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured run over `events` events. `steady_per_s` leaves out start and stop where that is known."""

    events: int
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    steady_per_s: float | None = None

    @property
    def events_per_s(self) -> float:
        """Events over the whole life of the process, start and stop included."""
        return self.events / self.wall_s

    @property
    def cpu_s_per_million(self) -> float:
        """CPU seconds, user and system, per million events."""
        return self.cpu_s / self.events * 1e6


@dataclass(frozen=True, slots=True)
class Summary:
    """Medians over the runs of one contender; the range of its rates beside them."""

    name: str
    runs: int
    events: int
    events_per_s: float
    events_per_s_min: float
    events_per_s_max: float
    steady_per_s: float | None
    cpu_s_per_million: float
    peak_rss_mib: float


def run_child(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Usage:
    """Run `command` to its end. Its standard output is returned, its standard error goes to `log`.

    Raises BenchError with the end of the log when it does not exit with 0.
    """
    with log.open("wb") as errors:
        started = time.perf_counter()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
        assert child.stdout is not None
        with PeakMemory(child.pid) as memory:
            output = child.stdout.read().decode()
            # wait4 instead of Popen.wait: it alone gives this child's own resource usage
            _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - started
    child.stdout.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        tail = log.read_text(errors="replace")[-2000:] + output[-500:]
        raise BenchError(f"{' '.join(command)} ended with {child.returncode}:\n{tail}")
    unit = 1 if sys.platform == "darwin" else 1024
    peak_rss_bytes = memory.peak_bytes or usage.ru_maxrss * unit
    return Usage(wall_s, usage.ru_utime + usage.ru_stime, peak_rss_bytes, output)


def as_installed() -> dict[str, str]:
    """The environment of a command that starts as an installed one does, whose modules are compiled and kept."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def in_turns(contenders: Mapping[str, Callable[[int], Sample]], rounds: int = FEWEST_ROUNDS) -> dict[str, list[Sample]]:
    """Run every contender `rounds` times, one after the other, the order turned round every other round.

    What drifts on a shared machine then falls on all of them alike. Fewer than five rounds are refused.
    """
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"{rounds} rounds give no median worth stating; use at least {FEWEST_ROUNDS}")
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for turn in range(rounds):
        names = list(contenders)[:: 1 if turn % 2 == 0 else -1]
        for name in names:
            sample = contenders[name](turn)
            samples[name].append(sample)
            print(f"round {turn + 1}/{rounds}  {name:<28} {sample.events_per_s:>12,.0f} events/s", file=sys.stderr)
    return samples


def summarise(name: str, samples: Sequence[Sample]) -> Summary:
    """Medians of one contender's samples."""
    rates = [sample.events_per_s for sample in samples]
    steady = [sample.steady_per_s for sample in samples if sample.steady_per_s is not None]
    return Summary(
        name=name,
        runs=len(samples),
        events=samples[0].events,
        events_per_s=statistics.median(rates),
        events_per_s_min=min(rates),
        events_per_s_max=max(rates),
        steady_per_s=statistics.median(steady) if steady else None,
        cpu_s_per_million=statistics.median(sample.cpu_s_per_million for sample in samples),
        peak_rss_mib=max(sample.peak_rss_bytes for sample in samples) / MIB,
    )


def as_markdown(summaries: Iterable[Summary]) -> str:
    """One line a contender, as a Markdown table."""
    lines = [
        "| what | events/s (median) | min - max | steady events/s | CPU s per million | peak MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines.extend(
        f"| {s.name} | {s.events_per_s:,.0f} | {s.events_per_s_min:,.0f} - {s.events_per_s_max:,.0f} | "
        f"{f'{s.steady_per_s:,.0f}' if s.steady_per_s is not None else ''} | "
        f"{s.cpu_s_per_million:.2f} | {s.peak_rss_mib:,.0f} |"
        for s in summaries
    )
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the figures were made."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str

    def __str__(self) -> str:
        return f"{self.processor}, {self.cores} cores, {self.memory_gib:.0f} GiB, {self.system}, Python {self.python}"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def machine() -> Machine:
    """Describe the machine that measures, as far as it tells."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return Machine(_processor(), cores, memory, f"{platform.system()} {platform.release()}", platform.python_version())


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
