"""The tree's folders below one package `tidemill`, as a wheel holds them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from deploy.packaging.imports import NotMovable, left_behind, moved

PACKAGE = "tidemill"
CODE = (
    "dataflow",
    "sinks",
    "query",
    "runtime",
    "proof",
    "doctor",
    "starter",
    "emit",
    "serve",
    "flink",
    "spark",
    "cli",
    "deploy",
)
ENTRY = "run.py"
EXAMPLES = "pipelines"
OWN = (*CODE, Path(ENTRY).stem)
"""What the wheel's code imports of its own."""

AT_HOME = (*OWN, EXAMPLES, "bench", "tests")
"""Names at the top of the tree; none of them may be looked for at the top of an installation."""

IN_TEXTS = tuple(name for name in AT_HOME if name != "spark")
"""Those of them that a text may name: Apache Spark's own settings and files are called `spark.` as well."""

LEFT_OUT = (
    *(
        "deploy/packaging",
        "deploy/kafka/lib",
        "deploy/registry/lib",
        "deploy/connect/lib",
        "flink/cluster/lib",
        "spark/environment/lib",
    ),
    *(f"deploy/{name}.sh" for name in ("bootstrap", "browser", "check", "page", "tests")),
    *(f"deploy/{name}" for name in ("container", "grafana", "kubernetes", "prometheus", "readers", "systemd")),
)
"""What builds and tests the tree, what is brought by using it, and what other programs read."""


class Unfit(Exception):
    """The tree cannot be placed: files and lines that would look for a package where it is not."""


def place(root: Path, target: Path) -> None:
    """Write the package `tidemill` of the tree `root` into the folder `target`. Raises Unfit.

    Code has its imports moved; its texts, the examples and all other files are copied as they are.
    """
    wrong = []
    for source in files(root):
        code = source.read_bytes()
        inside = source.relative_to(root)
        if source.suffix == ".py":
            try:
                code = moved(code, OWN, PACKAGE)
                mistakes = left_behind(code, AT_HOME, IN_TEXTS)
            except NotMovable as problem:
                mistakes = [str(problem)]
            wrong += [f"{inside}, {mistake}" for mistake in mistakes]
        placed = target / home(inside)
        placed.parent.mkdir(parents=True, exist_ok=True)
        placed.write_bytes(code)
        shutil.copymode(source, placed)
    if wrong:
        raise Unfit("a wheel of this tree would look for modules where they are not:\n  " + "\n  ".join(wrong))


def home(inside: Path) -> Path:
    """Where in `tidemill` a file of the tree goes."""
    return inside.relative_to(PACKAGE) if inside.parts[0] == PACKAGE else inside


def files(root: Path) -> Iterator[Path]:
    """The tree's files that go into the wheel. Where two would go to one place, the code comes after its stand-in."""
    for folder in (PACKAGE, *CODE, EXAMPLES):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not _left_out(path.relative_to(root)):
                yield path
    yield root / ENTRY


def _left_out(inside: Path) -> bool:
    made = any(part.startswith(".") or part in ("__pycache__", "target") for part in inside.parts)
    return made or any(inside.is_relative_to(each) for each in LEFT_OUT)
