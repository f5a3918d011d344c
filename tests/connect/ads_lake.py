"""A lake of the shipped pipeline as a year leaves it: several runs, a compaction, a field that came later."""

import json
import os
import random
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_MS = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)
EVENTS = 600
"""Of each run, over ten minutes of event time."""

ADS = ("ad-0000", "ad-0001", "ad-0002", "ad-0003", "ad-0004", "ad-0005", "ad-0006", "=1+1")
"""The last one is a text that looks like a formula."""

_FIELD = "    revenue: Money | None = None\n"
_LATER = "    country: str | None = None\n"


def make_lake(folder: Path) -> Path:
    """Two runs of many commits each, merged by a compaction, and one more with a field `country`."""
    (folder / "data").mkdir(parents=True)
    (folder / "pipelines").mkdir()
    shutil.copytree(ROOT / "pipelines" / "dimensions", folder / "pipelines" / "dimensions")
    shutil.copytree(ROOT / "pipelines" / "reports", folder / "pipelines" / "reports")
    declared = (ROOT / "pipelines" / "ads.py").read_text()
    assert _FIELD in declared
    for turn in range(3):
        more = _LATER if turn == 2 else ""
        (folder / "pipelines" / "ads.py").write_text(declared.replace(_FIELD, _FIELD + more))
        _write_events(folder / "data" / f"part-{turn}.ndjson", turn)
        _tidemill(
            folder,
            "run",
            "--bounded",
            "--batch-records",
            "50",
            "--epoch-ms",
            "10",
            "--source",
            "files",
            "--input",
            f"{folder}/data",
        )
        if turn == 1:
            _tidemill(folder, "compact", "--grace", "0s", "--retain", "30d")
    return folder / "lake"


def _write_events(path: Path, turn: int) -> None:
    """Every kind of record: with and without money, duplicates, late ones, some that are none."""
    draw = random.Random(turn)
    lines = []
    for at in range(EVENTS):
        back_ms = draw.choice([0, 0, 0, 0, 500, 3_000, 400_000])
        event = {
            "event_id": f"{turn}-{at - 1 if at % 29 == 28 else at}",
            "event_time": START_MS + turn * 600_000 + at * 1000 - back_ms,
            "event_type": draw.choice(["impression", "impression", "click", "click", "conversion"]),
            "ad_id": draw.choice(ADS),
            "user_id": f"u-{draw.randrange(50)}" if at % 7 else None,
            "cost": draw.randrange(1, 100_000) / 1000,
            "revenue": draw.randrange(1, 100_000) / 100 if at % 3 == 0 else None,
        }
        if turn == 2:
            event["country"] = draw.choice(["NL", "DE", None])
        lines.append("{" if at % 97 == 96 else json.dumps(event))
    path.write_text("".join(f"{line}\n" for line in lines))


def _tidemill(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", "import run\nrun.main()", *arguments, "--lake", f"{folder}/lake"]
    if arguments[0] == "run":
        command += ["--pipeline", f"{folder}/pipelines/ads.py", "--recovery", f"{folder}/recovery", "--quiet"]
    environment = {**os.environ, "TZ": "UTC", "TIDEMILL_COMPACT_EVERY": "0s"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout
