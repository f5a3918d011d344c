"""The jar of the Java functions, as Flink has them."""

import os
from pathlib import Path

from dataflow.root import INSTALLED, cache_folder
from runtime.java_project import JavaProject

SOURCES = Path(__file__).resolve().parent / "java"
_CACHE = cache_folder(os.environ) if INSTALLED else None
CACHE = (SOURCES.parents[2] / ".run" if _CACHE is None else Path(_CACHE)) / "flink"
"""Where jars are kept."""


def project() -> JavaProject:
    """The functions' sources."""
    return JavaProject(SOURCES, "contract-1.jar", "tidemill-contract", "the function that judges records in Flink")


def jar_name() -> str:
    """The name of the jar of these sources: another one after each change of them."""
    return project().jar_name


def contract_jar(folder: Path = CACHE) -> Path:
    """The jar in `folder`, as `JavaProject.jar` gives it."""
    return project().jar(folder)


def run_maven(folder: Path, *goals: str) -> str:
    """As `JavaProject.run_maven`."""
    return project().run_maven(folder, *goals)


def judging_sources() -> tuple[Path, ...]:
    """The sources that judge records and know no engine: those of any function that does it elsewhere."""
    folder = SOURCES / "src/main/java/tidemill/contract"
    return tuple(each for each in sorted(folder.glob("*.java")) if "org.apache.flink" not in each.read_text())
