"""What the tests of the server share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.query.lakes import LakeMaker
from tests.serve.served_lake import fill, serving


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    """A lake with one commit; more can be made."""
    with LakeMaker(tmp_path / "lake") as maker:
        fill(maker)
        yield maker


@pytest.fixture
def client(lake: LakeMaker) -> Iterator[TestClient]:
    """A client of a server over that lake."""
    with serving(lake.folder) as served:
        yield served
