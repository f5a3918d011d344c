"""The page of licences lists what an installation brings, and calls it as each package's own metadata does."""

import re
from importlib.metadata import distribution

from packaging.requirements import Requirement

from tests.installed.installation import ROOT

PAGE = (ROOT / "docs" / "licences.md").read_text()
CLASSIFIERS = {
    "MIT License": {"MIT"},
    "Apache Software License": {"Apache-2.0"},
    "BSD License": {"BSD-2-Clause", "BSD-3-Clause"},
    "ISC License (ISCL)": {"ISC"},
}
TEXTS = {"3-Clause BSD License": "BSD-3-Clause"}
UNTOLD = {"bytewax": "Apache License"}
"""Packages whose metadata names no licence, with the head of the text that they carry."""


def brought() -> set[str]:
    """Every package that comes with an installation, by its name on the index."""
    found: set[str] = set()
    rest = ["tidemill"]
    while rest:
        for line in distribution(rest.pop()).requires or []:
            requirement = Requirement(line)
            name = requirement.name.lower().replace("_", "-")
            if name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                found.add(name)
                rest.append(name)
    return found


def test_every_package_that_is_brought_is_listed_with_its_licence() -> None:
    listed = dict(re.findall(r"^\| `([\w-]+)` \| (.+?) \|", PAGE, re.MULTILINE))
    assert listed.keys() == brought()
    assert list(listed) == sorted(listed)
    for name, licence in listed.items():
        told = distribution(name)
        if "License-Expression" in told.metadata:
            assert licence == told.metadata["License-Expression"], name
        elif name in UNTOLD:
            (written,) = [path for path in told.files or [] if path.name == "LICENSE"]
            assert UNTOLD[name] in written.read_text().splitlines()[0]
        else:
            classified = [
                each.rpartition(" :: ")[2]
                for each in told.metadata.get_all("Classifier") or []
                if each.startswith("License ::")
            ]
            short = "".join(told.metadata.get_all("License") or [])
            named = {TEXTS.get(short, short)}.union(*(CLASSIFIERS[each] for each in classified))
            assert licence in named, name
