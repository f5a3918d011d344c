"""Flink's jars: those that a job of ours needs are named, each with its version."""

import xml.etree.ElementTree as ElementTree

from flink.cluster.jars import HERE, JARS, flink_jars

POM = (HERE / "pom.xml").read_text()


def test_in_the_tree_they_lie_beside_their_pom() -> None:
    assert JARS == HERE / "lib"
    assert flink_jars().pom == HERE / "pom.xml"
    assert flink_jars().folder == JARS


def test_what_no_job_starts_without_is_named_and_pinned() -> None:
    root = ElementTree.fromstring(POM)
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    named = {
        str(each.findtext("m:artifactId", namespaces=space)): str(each.findtext("m:version", namespaces=space))
        for each in root.iterfind(".//m:dependencies/m:dependency", space)
    }
    # each of these was missed once by a job, which said so in words of its own
    assert named.keys() >= {
        "flink-cep",
        "flink-sql-connector-kafka",
        "flink-sql-parquet",
        "hadoop-client-runtime",
        "zstd-jni",
    }
    properties = {each.tag.partition("}")[2]: each.text for each in root.iterfind("m:properties/*", space)}
    assert {f"${{{name}}}" for name in properties} == set(named.values())
    assert all(str(version)[0].isdigit() for version in properties.values())
    assert "<repositor" not in POM
