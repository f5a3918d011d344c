"""What records cost by the form of their file, read and decoded: CPU time side by side in one process, in turns.

python -m bench.files
"""

import argparse
import gzip
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.measure import FEWEST_ROUNDS
from bench.results import write
from dataflow.decode.decoder import Decoder, decoder_for
from dataflow.decode.poll import decode_poll
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan
from dataflow.sources.files.source import FilesSource
from dataflow.sources.generator.adstream import AdStream
from dataflow.sources.generator.source import GeneratorSource

PIPELINE = "pipelines/ads.py"
RECORDS_PER_POLL = 50_000
POLL_BYTES = 64 << 20
FIRST_MS = 1_764_000_000_000

PLAIN, GZIP, ZSTD, PARQUET, PIPED = "ndjson", "ndjson.gz", "ndjson.zst", "parquet", "zcat, ndjson"
WIDE = "wide.parquet"
"""Parquet with amounts as bytes, as Arrow writes them; DuckDB and Spark write integers, as PARQUET has them."""
FORMS = (PLAIN, GZIP, ZSTD, PARQUET, WIDE, PIPED)
LEAST_TIMES = {PARQUET: (PLAIN, 3.0), GZIP: (PIPED, 1.0), ZSTD: (PIPED, 1.0)}
"""What each form is to be so many times as fast as."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Median CPU of one form; how many times as fast it is as another, and should be at least; the file's bytes."""

    form: str
    rounds: int
    cpu_s_per_million: float
    beside: str | None
    times: float | None
    least_times: float | None
    size_mib: float


def fill(folder: Path, records: int, plan: Plan) -> int:
    """The same records in every form, each in a folder of its own; how many of the stream's are events."""
    stream = AdStream(partitions=1, start_ms=FIRST_MS)
    source = GeneratorSource(stream, now_ms=lambda: FIRST_MS, paced=False, total=records)
    reader, decoder = source.open("generator/0", None, None), decoder_for(plan, of_kafka=False)
    for form in (PLAIN, GZIP, ZSTD, PARQUET, WIDE):
        (folder / form).mkdir()
    plain = folder / PLAIN / f"ads.{PLAIN}"
    events = []
    with plain.open("wb") as lines:
        while not reader.finished:
            poll = reader.poll(RECORDS_PER_POLL, POLL_BYTES)
            assert poll is not None, "a generator that is not paced has its records at once"
            decoded = decode_poll(decoder, poll)
            lines.write(b"\n".join([*poll.values(decoded.events_at).to_pylist(), b""]))
            events.append(decoded.events)
    text = plain.read_bytes()
    (folder / GZIP / f"ads.{GZIP}").write_bytes(gzip.compress(text, 6))
    packed = pa.CompressedOutputStream(pa.OSFile(str(folder / ZSTD / f"ads.{ZSTD}"), "wb"), "zstd")
    packed.write(text)
    packed.close()
    table = pa.Table.from_batches(events)
    at = table.schema.get_field_index(plan.event.event_time.name)
    times = table.column(at).cast(pa.timestamp("ms", "UTC"))
    table = table.set_column(at, table.schema.names[at], times)
    write_table: Any = pq.write_table
    write_table(table, folder / PARQUET / f"ads.{PARQUET}", store_decimal_as_integer=True)
    write_table(table, folder / WIDE / f"ads.{WIDE}")
    return table.num_rows


def read(folder: Path, plan: Plan, decoder: Decoder) -> int:
    """Read and decode the one file of a folder; how many events it has."""
    source = FilesSource(folder, plan.event)
    (partition,) = source.partitions()
    reader = source.open(partition, None, None)
    events = 0
    while not reader.finished:
        poll = reader.poll(RECORDS_PER_POLL, POLL_BYTES)
        if poll is not None:
            events += decode_poll(decoder, poll).events.num_rows
    reader.close()
    return events


def unpack(folder: Path) -> None:
    """What `zcat` does in front of a reader of plain lines."""
    with subprocess.Popen(["zcat", str(folder / GZIP / f"ads.{GZIP}")], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        while child.stdout.read(1 << 20):
            pass
    if child.returncode:
        raise RuntimeError(f"zcat ended with exit code {child.returncode}; is gzip installed?")


def measure(folder: Path, plan: Plan, rounds: int, records: int) -> list[Cost]:
    """Read every form, in turns."""
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"{rounds} rounds give no median worth stating; use at least {FEWEST_ROUNDS}")
    decoder = decoder_for(plan, of_kafka=False)
    taken: dict[str, list[float]] = {form: [] for form in FORMS}
    for turn in range(rounds + 1):
        for form in FORMS[:: 1 if turn % 2 == 0 else -1]:
            spent = _cpu_s(partial(_read_form, folder, form, plan, decoder, records))
            if turn:  # the first compiles and warms the disk
                taken[form].append(spent)
    medians = {form: statistics.median(spent) / records * 1e6 for form, spent in taken.items()}
    costs = []
    for form in FORMS:
        beside, least = LEAST_TIMES.get(form, (None, None))
        times = None if beside is None else medians[beside] / medians[form]
        file = folder / form / f"ads.{form}"
        size_mib = file.stat().st_size / 2**20 if file.exists() else 0.0
        costs.append(Cost(form, rounds, medians[form], beside, times, least, size_mib))
    return costs


def _read_form(folder: Path, form: str, plan: Plan, decoder: Decoder, records: int) -> None:
    if form == PIPED:
        unpack(folder)
    events = read(folder / (PLAIN if form == PIPED else form), plan, decoder)
    if events != records:
        raise RuntimeError(f"{form} gave {events:,} events of {records:,}")


def _cpu_s(work: Callable[[], None]) -> float:
    """CPU of this process and of the children that it has waited for."""
    begun, children = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    below = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    return time.process_time() - begun + below


def as_markdown(costs: Sequence[Cost]) -> str:
    """One line a form, as a Markdown table."""
    lines = [
        "| form | CPU s per million (median) | times as fast | at least | size MiB |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for each in costs:
        times = "" if each.times is None else f"{each.times:.2f} as {each.beside}"
        least = "" if each.least_times is None else f"{each.least_times:g}"
        size = f"{each.size_mib:.0f}" if each.size_mib else ""
        lines.append(f"| {each.form} | {each.cpu_s_per_million:.3f} | {times} | {least} | {size} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=1_000_000)
    chosen = parser.parse_args()
    plan = load(PIPELINE)
    with tempfile.TemporaryDirectory(prefix="tidemill-files-") as folder:
        events = fill(Path(folder), chosen.records, plan)
        costs = measure(Path(folder), plan, chosen.rounds, events)
    facts = {
        "files": f"{events:,} events of the shipped pipeline, one file of each form, read and decoded to columns",
        "rounds": f"{chosen.rounds} in turns, after one that does not count",
        "wide.parquet": "amounts as bytes, as Arrow writes them; DuckDB and Spark write integers, as in parquet",
        "zcat, ndjson": "the CPU of zcat and of reading its output, the plain file",
        "load when it ended": f"{os.getloadavg()[0]:.1f} (1 minute)",
    }
    write("files", "Records by the form of their file", facts, as_markdown(costs), [asdict(each) for each in costs])


if __name__ == "__main__":
    main()
