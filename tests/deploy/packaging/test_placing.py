"""A small tree becomes a package; one that would not work there is refused."""

from pathlib import Path

import pytest

from deploy.packaging.placing import CODE, LEFT_OUT, Unfit, place

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A file in every folder, and what must stay at home."""
    root = tmp_path / "tree"
    for folder in (*CODE, "tidemill", "pipelines/reports"):
        (root / folder).mkdir(parents=True)
        (root / folder / "a.py").write_text("from dataflow.b import c\n" if folder in CODE else "")
    (root / "run.py").write_text("from cli.main import main\n")
    (root / "tidemill" / "run.py").write_text("from run import main\n")
    (root / "pipelines" / "reports" / "r.sql").write_text("SELECT 1")
    for left in ("cli/__pycache__/a.pyc", "deploy/kafka/lib/kafka.jar", "deploy/tests.sh", "bench/b.py", "cli/.x"):
        (root / left).parent.mkdir(parents=True, exist_ok=True)
        (root / left).write_text("")
    return root


def test_folders_are_placed_below_one_package_with_their_imports_moved(tree: Path, tmp_path: Path) -> None:
    place(tree, tmp_path / "tidemill")
    placed = {str(path.relative_to(tmp_path / "tidemill")) for path in (tmp_path / "tidemill").rglob("*.*")}
    code = {f"{folder}/a.py" for folder in CODE}
    assert placed == {*code, "a.py", "run.py", "pipelines/reports/a.py", "pipelines/reports/r.sql"}
    assert (tmp_path / "tidemill" / "sinks" / "a.py").read_text() == "from tidemill.dataflow.b import c\n"
    assert (tmp_path / "tidemill" / "run.py").read_text() == "from tidemill.cli.main import main\n"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import dataflow\n", "line 1: write `import dataflow as ...`"),
        ("from tests.x import y\n", "line 1: imports tests.x"),
        ("x = 1\nload('query.reader')\n", "line 2: names a module in 'query.reader'"),
    ],
)
def test_a_tree_that_would_not_work_there_is_refused_with_file_and_line(
    tree: Path, tmp_path: Path, code: str, why: str
) -> None:
    (tree / "query" / "a.py").write_text(code)
    with pytest.raises(Unfit) as refused:
        place(tree, tmp_path / "tidemill")
    assert f"query/a.py, {why}" in str(refused.value)


def test_an_example_that_imports_a_folder_of_the_tree_is_refused(tree: Path, tmp_path: Path) -> None:
    (tree / "pipelines" / "old.py").write_text("from pipelines.ads import pipeline\n")
    with pytest.raises(Unfit, match=r"pipelines/old\.py, line 1: imports pipelines\.ads"):
        place(tree, tmp_path / "tidemill")


def test_what_is_left_out_is_in_the_tree() -> None:
    assert [name for name in LEFT_OUT if not (ROOT / name).exists() and not name.endswith("/lib")] == []
