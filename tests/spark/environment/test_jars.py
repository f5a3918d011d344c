"""The jars by which Spark reads Kafka: each with its version, none that Spark has itself."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from spark.environment.jars import HERE, JARS, spark_jars

ROOT = Path(__file__).parents[3]


def test_in_the_tree_they_lie_beside_their_pom() -> None:
    assert (JARS, spark_jars().pom, spark_jars().folder) == (HERE / "lib", HERE / "pom.xml", JARS)


def test_one_version_of_spark_is_named_everywhere() -> None:
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    poms = (HERE / "pom.xml", ROOT / "spark" / "contract" / "java" / "pom.xml")
    named = {ElementTree.parse(pom).findtext("m:properties/m:spark.version", namespaces=space) for pom in poms}
    [version] = named
    assert f"pyspark=={version}\n" in (ROOT / "requirements-spark.txt").read_text()
    assert f"spark-sql-kafka-0-10_2.13:{version} " in (ROOT / "spark" / "generate" / "readme.py").read_text()
    assert f"pyspark=={version} " in (ROOT / "spark" / "environment" / "submit.py").read_text()


def test_what_spark_has_itself_is_not_brought_again() -> None:
    root = ElementTree.parse(HERE / "pom.xml").getroot()
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    found = {
        each.findtext("m:artifactId", namespaces=space): each.find("m:exclusions", space) is not None
        for each in root.iterfind("m:dependencies/m:dependency", space)
    }
    # the last one needs nothing besides
    assert found == {
        "spark-sql-kafka-0-10_2.13": True,
        "spark-token-provider-kafka-0-10_2.13": True,
        "kafka-clients": True,
        "commons-pool2": False,
    }
