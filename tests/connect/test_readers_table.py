"""The tables of docs/connect.md name the versions that the tests run."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

from tests.test_docs import table

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "connect.md").read_text()
TESTED = table(PAGE, "reader", "version", "it is right", "where it goes wrong")
BY_HAND = table(PAGE, "reader", "version", "what was seen", "why there is no test")


def pinned() -> dict[str, str]:
    """Version of each package that the readers' environment is made of."""
    lines = (ROOT / "requirements-readers.txt").read_text().splitlines()
    found = dict(line.split("==") for line in lines if not line.startswith("#"))
    found |= json.loads((ROOT / "deploy" / "readers" / "package.json").read_text())["dependencies"]
    names = {"m": "http://maven.apache.org/POM/4.0.0"}
    for each in ElementTree.parse(ROOT / "deploy" / "readers" / "pom.xml").findall(".//m:dependency", names):
        found[each.findtext("m:artifactId", "", names)] = each.findtext("m:version", "", names)
    return found


def test_the_versions_of_tested_readers_are_those_that_are_installed() -> None:
    there = pinned()
    assert len(TESTED) > 10
    assert {name.strip("`"): version for name, version, *_ in TESTED} == {
        name.strip("`"): there[name.strip("`")] for name, *_ in TESTED
    }


def test_a_reader_without_a_test_is_not_installed() -> None:
    by_hand = {name for names, *_ in BY_HAND for name in re.findall(r"`([\w-]+)`", names)}
    assert len(by_hand) > 3
    assert by_hand & pinned().keys() == set()
