"""What can go wrong with Spark."""

from dataflow.errors import TidemillError


class SparkMissing(TidemillError):
    """There is no Python with pyspark where one was looked for."""


class SparkFailed(TidemillError):
    """A job has not come to its end."""
