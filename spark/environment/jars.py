"""The jars by which Spark reads Kafka, brought by Maven once per change of the pom."""

import os
from pathlib import Path

from dataflow.root import INSTALLED, cache_folder
from runtime.maven import Jars

HERE = Path(__file__).resolve().parent
_CACHE = cache_folder(os.environ) if INSTALLED else None
JARS = (HERE if _CACHE is None else Path(_CACHE) / "spark") / "lib"


def spark_jars(folder: Path = JARS) -> Jars:
    """The Kafka source and Kafka's client: about 11 MB, in `folder` once they are fetched."""
    return Jars(HERE / "pom.xml", folder, "Spark", "Spark's Kafka source")
