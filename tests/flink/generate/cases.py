"""Cases as folders: a pipeline file, options, what comes of them; `python -m tests.flink.generate.cases` renews it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataflow.errors import TidemillError
from dataflow.pipeline.load import load
from flink.generate.generate import generate
from flink.generate.options import Handover, Options

HERE = Path(__file__).parent / "cases"
NAMES = sorted(folder.name for folder in HERE.iterdir() if (folder / "options.json").is_file())
INPUTS = {"pipeline.py", "options.json", "ads.csv", "sizes.csv", "event.avsc"}
REFUSED = "refused.txt"


def options_of(folder: Path) -> Options:
    """The options of a case: JSON knows neither tuples nor numbers as keys."""
    told: dict[str, Any] = json.loads((folder / "options.json").read_text())
    for key in ("topics", "rollups", "alerts"):
        if key in told:
            told[key] = tuple(told[key])
    for key in ("start", "end"):
        if isinstance(told.get(key), dict):
            told[key] = {int(partition): offset for partition, offset in told[key].items()}
    if "handover" in told:
        told["handover"] = Handover(
            **{
                name: {int(partition): number for partition, number in each.items()} if isinstance(each, dict) else each
                for name, each in told["handover"].items()
            }
        )
    return Options(**told)


def made(name: str) -> Mapping[str, str]:
    """All files that come of a case, or the refusal as a file of its own."""
    folder = HERE / name
    plan = load(str(folder / "pipeline.py"))
    try:
        return generate(plan, options_of(folder)).files
    except TidemillError as error:
        return {REFUSED: f"{error}\n"}


def expected(name: str) -> Mapping[str, str]:
    """The files that stand in the case's folder: those that matter there."""
    return {path.name: path.read_text() for path in sorted((HERE / name).iterdir()) if path.name not in INPUTS}


def renew() -> None:
    """Write what comes today over what stands there, whose difference is to be read."""
    for name in NAMES:
        files = made(name)
        known = expected(name).keys() or {REFUSED if REFUSED in files else "job.sql"}
        for each in known:
            (HERE / name / each).write_text(files[each])


if __name__ == "__main__":
    renew()
