"""What a test on a real Spark needs."""

import os

import pytest

from spark.contract.build import contract_jar
from spark.environment.errors import SparkMissing
from spark.environment.jars import spark_jars
from spark.environment.submit import Spark
from tests.kafka_fixture import require_kafka_tools


def require_spark() -> None:
    """As require_kafka_tools, and there is a Python with pyspark; jars are brought and built."""
    require_kafka_tools()
    try:
        Spark().require()
    except SparkMissing as lacking:
        if os.environ.get("CI") == "true":
            pytest.fail(f"tests on a real Spark cannot run: {lacking}")
        pytest.skip(f"left out, it needs a real Spark: {lacking}")
    spark_jars().fetch()
    contract_jar()
