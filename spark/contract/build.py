"""The jar of the function that judges records in Spark."""

import os
from pathlib import Path

from dataflow.root import INSTALLED, cache_folder
from flink.contract.build import judging_sources
from runtime.java_project import JavaProject

SOURCES = Path(__file__).resolve().parent / "java"
_CACHE = cache_folder(os.environ) if INSTALLED else None
CACHE = (SOURCES.parents[2] / ".run" if _CACHE is None else Path(_CACHE)) / "spark"
"""Where jars are kept."""

FUNCTION_CLASS = "tidemill.contract.SparkEvent"
"""What a session registers."""


def project() -> JavaProject:
    """The function's own source, and those that judge, which Flink's function has, too."""
    purpose = "the function that judges records in Spark"
    return JavaProject(SOURCES, "spark-contract-1.jar", "tidemill-spark-contract", purpose, judging_sources())


def contract_jar(folder: Path = CACHE) -> Path:
    """The jar in `folder`, as `JavaProject.jar` gives it."""
    return project().jar(folder)
