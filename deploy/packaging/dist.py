"""`make dist`: wheel and sdist of the last commit, into dist/ once two builds and one from the sdist are equal."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


class NotReproducible(Exception):
    """Two builds of one commit differ; names the file."""


def build_last_commit(root: Path, target: Path) -> list[Path]:
    """Build wheel and sdist of the last commit of the git checkout `root`; returns their paths in `target`.

    Times inside are those of the commit, so who builds the same commit with the same Hatchling gets the same bytes.
    Raises NotReproducible, and subprocess.CalledProcessError where git or the build fails.
    """
    commit_time = _git(root, "log", "-1", "--format=%ct").decode().strip()
    with tempfile.TemporaryDirectory(prefix="tidemill-dist-") as name:
        work = Path(name)
        first = _build(_exported(root, work / "one"), work / "built-one", commit_time)
        # elsewhere, in a folder of another name: paths must not get into the files
        second = _build(_exported(root, work / "another"), work / "built-another", commit_time)
        for one, other in zip(first, second, strict=True):
            _require_equal(one, other, "two builds differ")
        (sdist,) = (path for path in first if path.suffix == ".gz")
        (wheel,) = (path for path in first if path.suffix == ".whl")
        (again,) = _build(_unpacked(sdist, work / "unpacked"), work / "built-of-sdist", commit_time, "wheel")
        _require_equal(wheel, again, "the wheel of the tree and that of the sdist differ")
        target.mkdir(exist_ok=True)
        return [Path(shutil.copy(path, target)) for path in first]


def _exported(root: Path, folder: Path) -> Path:
    """The files of the last commit, without what lies beside them."""
    folder.mkdir()
    archive = folder.with_suffix(".tar")
    archive.write_bytes(_git(root, "archive", "--format=tar", "HEAD"))
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder


def _unpacked(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as files:
        files.extractall(folder, filter="data")
    (found,) = folder.iterdir()
    return found


def _build(source: Path, target: Path, commit_time: str, *kinds: str) -> list[Path]:
    """Wheel and sdist, or only those `kinds`, sorted by name."""
    wanted = [word for kind in kinds or ("sdist", "wheel") for word in ("-t", kind)]
    command = [sys.executable, "-m", "hatchling", "build", *wanted, "-d", str(target)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": commit_time, "HATCH_QUIET": "1"}
    subprocess.run(command, cwd=source, env=environment, check=True, stdout=subprocess.DEVNULL)
    return sorted(target.iterdir())


def _require_equal(one: Path, other: Path, what: str) -> None:
    if one.name != other.name or one.read_bytes() != other.read_bytes():
        raise NotReproducible(f"{what}: {one.name}")


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=root, check=True, stdout=subprocess.PIPE).stdout


def main() -> None:
    """Build into dist/ of the working folder, and say what came out."""
    root = Path.cwd()
    if _git(root, "status", "--porcelain").strip():
        print("note: what is not committed is not in them", file=sys.stderr)
    for path in build_last_commit(root, root / "dist"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(f"{digest}  {path.relative_to(root)}")
    print("two builds of each were equal, and so was the wheel that the sdist builds")


if __name__ == "__main__":
    main()
