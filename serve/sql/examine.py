"""Which walls stand around SQL on this machine, as a finding beside those of `tidemill doctor`."""

from collections.abc import Sequence

from doctor.finding import Finding, error, ok, warning
from serve.sql.wall import Standing

CHECK = "sql.walls"

_FIX = (
    "docs/sql-safety.md says what stands in their place; a newer kernel, or fewer restrictions by the container, "
    "give them back; serve_sql = false takes no SQL"
)


def walls_finding(standing: Sequence[Standing]) -> Finding:
    """All stand, or which are missing and what the system said of each."""
    details = {each.wall.name: {"is_up": each.is_up, "note": each.note} for each in standing}
    missing = [each for each in standing if not each.is_up]
    if not missing:
        return ok(CHECK, f"SQL is asked in processes behind {len(standing)} walls, and all stand", walls=details)
    named = ", ".join(f"{each.wall.name} ({each.note})" for each in missing)
    return warning(
        CHECK, f"of {len(standing)} walls around SQL {len(missing)} cannot be had here: {named}", _FIX, walls=details
    )


def no_pool_finding(problem: Exception) -> Finding:
    """SQL cannot be asked at all."""
    return error(CHECK, f"SQL cannot be answered: {problem}", "mend that, or set serve_sql = false")
