"""The wheel holds one package, and none of its modules looks for the tree's folders."""

import ast
import tomllib
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any

import pytest

from deploy.packaging.imports import left_behind
from deploy.packaging.placing import AT_HOME, IN_TEXTS
from tests.installed.installation import ROOT, Installation

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
META = f"tidemill-{PROJECT['version']}.dist-info"


@pytest.fixture
def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_one_package_and_what_tells_of_it_is_all_that_is_installed(installation: Installation) -> None:
    found = {path.name for path in installation.packages.iterdir()}
    assert found == {"tidemill", META, "dependencies.pth"}


def test_no_module_looks_for_a_folder_of_the_tree(contents: dict[str, bytes]) -> None:
    modules = {name: code for name, code in contents.items() if name.endswith(".py")}
    assert len(modules) > 250
    assert {name: found for name, code in modules.items() if (found := left_behind(code, AT_HOME, IN_TEXTS))} == {}


def test_only_what_stands_before_own_names_differs_from_the_tree(contents: dict[str, bytes]) -> None:
    for name, code in contents.items():
        inside = name.removeprefix("tidemill/")
        source = ROOT / inside if (ROOT / inside).exists() else ROOT / name
        if name.startswith(META) or source.name == "py.typed":
            continue
        text = code.decode().replace("from tidemill.", "from ").replace("import tidemill.", "import ")
        assert text == source.read_text().replace("from tidemill.", "from "), name


def test_every_module_can_be_imported(installation: Installation, tmp_path: Path) -> None:
    program = """
import importlib, pkgutil, sys, tidemill
for each in pkgutil.walk_packages(tidemill.__path__, "tidemill."):
    # the program of a Spark job is for Spark's own Python
    if not each.name.endswith(("__main__", "spark.program.job")):
        importlib.import_module(each.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
    loaded = installation.run(tmp_path, "python", "-c", program).split()
    assert {"bytewax", "tidemill", "duckdb"} <= set(loaded)
    assert not set(AT_HOME) & set(loaded)


def test_what_is_no_code_is_there_too(contents: dict[str, bytes]) -> None:
    names = contents.keys()
    assert {"tidemill/py.typed", "tidemill/deploy/kafka/pom.xml", "tidemill/deploy/kafka/log4j2.properties"} <= names
    shipped = {
        f"tidemill/{path.relative_to(ROOT)}" for path in (ROOT / "pipelines").rglob("*.*") if path.suffix != ".pyc"
    }
    assert len(shipped) > 10
    assert shipped <= names
    assert not [name for name in names if "/lib/" in name or "packaging" in name or name.endswith(".sh")]


def test_it_tells_its_licence_and_entry(installation: Installation) -> None:
    told = PathDistribution(installation.packages / META)
    assert told.metadata["License-Expression"] == "Apache-2.0"
    for name in told.metadata.get_all("License-File") or []:
        assert (installation.packages / META / "licenses" / name).read_text() == (ROOT / name).read_text()
    assert [(each.name, each.value) for each in told.entry_points] == [("tidemill", "tidemill.run:main")]
    assert sorted(told.requires or []) == sorted(
        requirement.replace(">=0.16,<0.29", "<0.29,>=0.16") for requirement in PROJECT["dependencies"]
    )


def test_the_package_of_the_tree_and_of_the_wheel_have_the_same_names(contents: dict[str, bytes]) -> None:
    def names(code: bytes) -> object:
        (found,) = (
            node.value
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__all__"
        )
        return ast.literal_eval(found)

    for name in ("__init__.py", "aggregates.py", "windows.py"):
        assert names(contents[f"tidemill/{name}"]) == names((ROOT / "tidemill" / name).read_bytes())
