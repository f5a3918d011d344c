"""The files that the wheel ships are what the sources give, small, and ask for nothing from outside."""

import filecmp
import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.packaging.placing import files
from tests.page.npm import PAGE
from tests.page.served import ROOT

BUILT = ROOT / "serve" / "page"
LIMIT_BYTES = 60_000


def built_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.browser
@pytest.mark.timeout(600)
def test_the_sources_give_the_same_bytes_again(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no npm; sh deploy/browser.sh installs it, or says how")
        pytest.skip("no npm; sh deploy/browser.sh installs it, or says how")
    # a folder of another name, so that no path gets into the files
    subprocess.run(["sh", "deploy/page.sh", str(tmp_path / "again")], cwd=ROOT, check=True, timeout=500)
    names = built_files(BUILT)
    assert built_files(tmp_path / "again") == names
    same, differing, missing = filecmp.cmpfiles(BUILT, tmp_path / "again", names, shallow=False)
    assert (differing, missing) == ([], []), "run make page and commit serve/page"
    assert len(same) >= 5


def test_the_page_is_small() -> None:
    shown = [name for name in built_files(BUILT) if not name.endswith(".txt")]
    assert sum(len(gzip.compress((BUILT / name).read_bytes(), 9)) for name in shown) < LIMIT_BYTES


def test_the_wheel_has_the_page_and_the_board() -> None:
    placed = {path.relative_to(ROOT).as_posix() for path in files(ROOT)}
    assert {f"serve/page/{name}" for name in built_files(BUILT)} <= placed
    assert "pipelines/boards/ads.toml" in placed
    assert not [name for name in placed if "node_modules" in name]


def test_every_package_has_its_exact_version_and_no_address() -> None:
    named = json.loads((PAGE / "package.json").read_text())
    versions = [*named["dependencies"].values(), *named["devDependencies"].values()]
    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    locked = (PAGE / "package-lock.json").read_text()
    assert '"resolved"' not in locked
    assert "://" not in locked
    assert all("integrity" in each for name, each in json.loads(locked)["packages"].items() if name)


def test_the_licences_of_what_is_bundled_are_told() -> None:
    told = (BUILT / "assets" / "LICENSES.txt").read_text()
    assert {"lit", "uplot"} <= set(told.splitlines())
    assert "Copyright" in told
