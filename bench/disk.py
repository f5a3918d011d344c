"""What events cost on disk: a paced run of the shipped pipeline, compacted, and its tables in bytes per record."""

import argparse
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.commands import TIDEMILL
from bench.measure import MIB, BenchError, Usage, run_child
from bench.results import write
from query.reader import LakeReader
from sinks.lake.catalog.reader import CatalogReader
from sinks.lake.catalog.sqlite import CATALOG_NAME

ROOT = Path(__file__).resolve().parent.parent
COUNTS = "SELECT sum(read)::BIGINT, sum(accepted)::BIGINT, count(DISTINCT epoch)::BIGINT FROM ledger WHERE read > 0"


@dataclass(frozen=True, slots=True)
class Table:
    """One table after a compaction: its live rows and the bytes of its live files."""

    name: str
    rows: int
    bytes: int

    @property
    def row_bytes(self) -> float:
        """Bytes per row; 0 of an empty table."""
        return self.bytes / self.rows if self.rows else 0.0


def play(folder: Path, *, rate: float, seconds: float, partitions: int) -> Usage:
    """Run the generator paced into a lake under `folder` and compact it; what the run cost, its compactor included."""
    places = ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
    command = [TIDEMILL, "run", "--source", "generator", "--bounded", "--quiet", *places]
    command += ["--generator-rate", str(rate), "--generator-seconds", str(seconds)]
    command += ["--generator-partitions", str(partitions)]
    usage = run_child(command, log=folder / "run.log", cwd=ROOT)
    run_child([TIDEMILL, "compact", "--grace", "0s", *places[:2]], log=folder / "compact.log", cwd=ROOT)
    return usage


def tables(lake: Path) -> list[Table]:
    """The lake's tables by name, as its newest snapshot has them."""
    with LakeReader(lake) as reader:
        snapshot = reader.snapshot()
        found = {name: snapshot.files(name) for name in sorted(snapshot.tables)}
    return [
        Table(name, sum(each.record_count for each in files), sum(each.file_size_bytes for each in files))
        for name, files in found.items()
    ]


def size_bytes(paths: Iterable[Path]) -> int:
    """Bytes of all files under these folders, or of these files."""
    whole = [path for place in paths for path in ([place] if place.is_file() else place.rglob("*"))]
    return sum(path.stat().st_size for path in whole if path.is_file())


def as_markdown(found: Iterable[Table], records: int) -> str:
    """One line a table."""
    lines = ["| table | rows | bytes | bytes per row | bytes per record read |", "| --- | ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {table.name} | {table.rows:,} | {table.bytes:,} | {table.row_bytes:.1f} | {table.bytes / records:.1f} |"
        for table in found
    ]
    return "\n".join(lines) + "\n"


def figures(folder: Path, found: Iterable[Table]) -> dict[str, object]:
    """What was read, and what stands on disk for it."""
    with LakeReader(folder / "lake") as reader:
        (counts,) = reader.query(COUNTS).to_pylist()
    with CatalogReader(folder / "lake") as kept:
        snapshots = len(kept.snapshots())
    read, accepted, commits = (int(value) for value in counts.values())
    catalog = size_bytes((folder / "lake").glob(f"{CATALOG_NAME}*"))
    recovery = size_bytes([folder / "recovery"])
    return {
        "records": read,
        "accepted": accepted,
        "commits": commits,
        "snapshots": snapshots,
        "tables": [asdict(table) for table in found],
        "catalog_bytes": catalog,
        "catalog_bytes_per_snapshot": round(catalog / snapshots, 1),
        "recovery_bytes": recovery,
        "recovery_bytes_per_accepted": round(recovery / accepted, 1),
    }


def facts_of(told: Mapping[str, object], arguments: argparse.Namespace) -> dict[str, object]:
    """The lines above the table."""
    return {
        "load": f"{arguments.rate:,.0f} events/s, {arguments.seconds:.0f} s, {arguments.partitions} source partitions",
        "pipeline": "pipelines/ads.py, all rollups, the table events on, 500 ads in 40 campaigns, 20,000 users",
        "measured": "live files after one compaction, as the newest snapshot lists them",
        "records read": f"{told['records']:,}, in {told['commits']:,} commits",
        "catalog": f"{told['catalog_bytes']:,} bytes, {told['catalog_bytes_per_snapshot']} per snapshot",
        "recovery folder": f"{told['recovery_bytes']:,} bytes, {told['recovery_bytes_per_accepted']} per remembered id",
        "peak memory of the run and its compactor": f"{told['peak_rss_mib']} MiB",
        "cores in use, making the records included": told["cores"],
    }


def main() -> None:
    """Play the load, write bench/results/disk.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5_000)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--partitions", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemill-disk-") as temporary:
        folder = Path(temporary)
        usage = play(folder, rate=arguments.rate, seconds=arguments.seconds, partitions=arguments.partitions)
        found = tables(folder / "lake")
        told = {
            **figures(folder, found),
            "peak_rss_mib": round(usage.peak_rss_bytes / MIB, 1),
            "cores": round(usage.cpu_s / usage.wall_s, 3),
        }
        if not found or not told["records"]:
            raise BenchError("the run read nothing")
    body = as_markdown(found, int(str(told["records"])))
    write("disk", "What events cost on disk", facts_of(told, arguments), body, told)


if __name__ == "__main__":
    main()
