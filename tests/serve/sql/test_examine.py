"""What is found of the walls around SQL."""

from dataflow.errors import SqlFailed
from doctor.finding import Severity
from serve.sql.examine import no_pool_finding, walls_finding
from serve.sql.wall import CALLS, DISK, WALLS, Standing


def test_all_walls_standing_is_well() -> None:
    found = walls_finding([Standing(wall, True) for wall in WALLS])
    assert (found.severity, found.fix) == (Severity.OK, None)
    assert set(found.details["walls"]) == {wall.name for wall in WALLS}


def test_walls_that_are_missing_are_named_with_what_the_system_said() -> None:
    found = walls_finding([Standing(DISK, False, "Function not implemented"), Standing(CALLS, True)])
    assert found.severity is Severity.WARNING
    assert found.message == "of 2 walls around SQL 1 cannot be had here: disk (Function not implemented)"
    assert "docs/sql-safety.md" in str(found.fix)


def test_no_process_at_all_is_an_error() -> None:
    assert no_pool_finding(SqlFailed("no process")).severity is Severity.ERROR
