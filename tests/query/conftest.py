"""What the tests of the reading side share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.query.lakes import LakeMaker


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    """An empty lake to commit into."""
    with LakeMaker(tmp_path / "lake") as maker:
        yield maker
