"""Behind Landlock only the folders that were named can be read, and nothing can be written, not even there."""

from pathlib import Path

from tests.serve.sql.inside.behind import behind

CODE = """
privileges.prctl(38, 1)
inside, outside = Path(sys.argv[1]), Path(sys.argv[2])
print(landlock.restrict([inside, inside.parent / "not-there"]).startswith("version"))
print(tried(lambda: (inside / "a").read_text()))
print(tried(lambda: os.listdir(inside)))
print(tried(lambda: (inside / "b").write_text("x")))
print(tried(lambda: (inside / "a").unlink()))
print(tried(lambda: outside.read_text()))
print(tried(lambda: os.listdir("/")))
print(tried(lambda: os.mkdir(outside.parent / "new")))
"""


def test_only_the_folders_are_read_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("data")
    (tmp_path / "out").write_text("secret")
    assert behind(CODE, str(tmp_path / "in"), str(tmp_path / "out")) == [
        *("True", "data", "['a']"),
        *(["PermissionError"] * 5),
    ]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "in", "out"]


def test_no_connection_is_made() -> None:
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
privileges.prctl(38, 1)
landlock.restrict([])
print(tried(lambda: socket.create_connection(server.getsockname(), 5)))
print(tried(lambda: socket.create_server(("127.0.0.1", 0))))
"""
    assert behind(code) == ["PermissionError"] * 2
