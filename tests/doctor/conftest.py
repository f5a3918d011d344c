"""What the tests of the doctor share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doctor.examined import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A pipeline with an empty lake, to be filled and examined."""
    made = World(tmp_path)
    yield made
    made.writer.close()
