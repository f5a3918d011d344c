import duckdb
import pytest

from dataflow.errors import ConfigError
from query.zones import known_zone


def test_a_zone_is_known_in_any_case() -> None:
    with duckdb.connect() as connection:
        assert known_zone(connection, "europe/amsterdam") == "Europe/Amsterdam"
        assert known_zone(connection, "UTC") == "UTC"


@pytest.mark.parametrize(
    ("zone", "hint"), [("Europe/Amsterdm", "did you mean Europe/Amsterdam"), ("", "write one like")]
)
def test_an_unknown_zone_is_told_with_the_nearest(zone: str, hint: str) -> None:
    with duckdb.connect() as connection, pytest.raises(ConfigError, match=hint):
        known_zone(connection, zone)
