"""Pipelines and options whose files stand in golden/; `python -m tests.spark.generate.golden` writes them anew."""

from collections.abc import Mapping
from pathlib import Path

from dataflow.pipeline.load import load
from spark.generate.generate import generate
from spark.generate.options import Options
from tests.flink.parity.matrix import CASES

HERE = Path(__file__).parent / "golden"
PINNED = Options(topics=("visits",), start={0: 0, 1: 5}, end={0: 9, 1: 5})
GOLDEN = {
    "windows": ("windows", Options(topics=("visits", "more"), kafka={"security.protocol": "SSL"})),
    "dimensions": ("dimensions", PINNED),
    "expressions": ("expressions", PINNED),
    "dedup": ("dedup", PINNED),
    "stream": ("dedup", Options(**{**{name: getattr(PINNED, name) for name in PINNED.__slots__}, "form": "stream"})),
    "stream_of_sessions": ("sessions", Options(form="stream", per_batch=500)),
}
SAME = "job.py"
"""A copy of the program, in every job."""


def made(name: str) -> Mapping[str, str]:
    """The files of a case but for the program."""
    pipeline, given = GOLDEN[name]
    files = generate(load(str(CASES / f"{pipeline}.py")), given).files
    return {each: text for each, text in files.items() if each != SAME}


def expected(name: str) -> Mapping[str, str]:
    """Those that stand in the folder."""
    return {path.name: path.read_text() for path in sorted((HERE / name).iterdir())}


if __name__ == "__main__":
    for case in GOLDEN:
        (HERE / case).mkdir(parents=True, exist_ok=True)
        for file, text in made(case).items():
            (HERE / case / file).write_text(text)
