"""What the tests of the server share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.query.lakes import LakeMaker
from tests.serve.served_lake import alert, fill, serving, with_rules


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


@pytest.fixture
def ruled(tmp_path: Path) -> Iterator[LakeMaker]:
    """A lake whose pipeline has two alert rules, with four alerts: one is quiet, and one was retracted."""
    with LakeMaker(tmp_path / "ruled", with_rules()) as maker:
        fill(maker)
        maker.commit({"alert_changes": [alert("a", 1), alert("a", 2), alert("top", 1, rule="dear")]})
        maker.commit({"alert_changes": [alert("b", 5), alert("top", 1, 2, rule="dear")]})
        yield maker


@pytest.fixture
def alert_client(ruled: LakeMaker) -> Iterator[TestClient]:
    """A client of a server over that lake."""
    with serving(ruled.folder) as served:
        yield served
