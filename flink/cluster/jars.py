"""Apache Flink's jars, brought by Maven once per change of the pom: into lib/ beside it, or a cache of the user."""

import os
from pathlib import Path

from dataflow.root import INSTALLED, cache_folder
from runtime.maven import Jars

HERE = Path(__file__).resolve().parent
_CACHE = cache_folder(os.environ) if INSTALLED else None
JARS = (HERE if _CACHE is None else Path(_CACHE) / "flink") / "lib"


def flink_jars(folder: Path = JARS) -> Jars:
    """Flink, its SQL gateway, the Kafka connector and the formats: about 240 MB, in `folder` once they are fetched."""
    return Jars(HERE / "pom.xml", folder, "Flink", "Flink's jars")
