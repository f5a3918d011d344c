"""The walls of the system, raised one after the other, each noted as it stands."""

from pathlib import Path

from tests.serve.sql.inside.behind import behind

CODE = """
import resource
from serve.sql.inside.walls import Walls
from serve.sql.orders import Birth
from serve.sql.place import place_of
walls = Walls()
walls.leave_network()
walls.before_engine(Birth(place_of(Path(sys.argv[1]), ["main/"]), os.getppid(), 1, 100_000_000))
walls.after_engine(100_000_000)
print(sorted(name for name, (up, _) in walls.noted.items() if not up))
print(resource.getrlimit(resource.RLIMIT_FSIZE), resource.getrlimit(resource.RLIMIT_CORE))
print(tried(lambda: len(bytearray(50_000_000))))
print(tried(lambda: len(bytearray(150_000_000))))
"""


def test_all_stand_and_memory_is_what_was_granted(tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    assert behind(CODE, str(tmp_path)) == ["[]", "(0, 0) (0, 0)", "50000000", "MemoryError"]


def test_a_wall_that_the_system_does_not_have_is_noted_with_what_it_said() -> None:
    code = """
from serve.sql import wall
from serve.sql.inside.walls import Walls
walls = Walls()
walls._raise(wall.DISK, lambda: libc.syscall(9999))
print(walls.noted)
"""
    assert behind(code) == ["{'disk': (False, '[Errno 38] Function not implemented')}"]
