"""Apache Kafka's jars, brought by Maven once per change of the pom: into deploy/kafka/lib, or a cache of the user."""

import os
from pathlib import Path

from dataflow.root import INSTALLED, cache_folder
from runtime.maven import Jars

HERE = Path(__file__).resolve().parent / "kafka"
_CACHE = cache_folder(os.environ) if INSTALLED else None
JARS = (HERE if _CACHE is None else Path(_CACHE) / "kafka") / "lib"


def missing_tools(jars: Path = JARS) -> str | None:
    """One sentence that names what this machine lacks to run Kafka, and the fix; None when all is there."""
    return _jars(jars).missing_tools()


def fetch_jars(jars: Path = JARS) -> Path:
    """Make sure `jars` holds what the pom asks for, and return it. Safe when several processes call it at once.

    Raises TidemillError with the fix when Java or Maven is missing or Maven fails.
    """
    return _jars(jars).fetch()


def _jars(folder: Path) -> Jars:
    return Jars(HERE / "pom.xml", folder, "Kafka 4", "Kafka's jars")
