"""What the tests of safe SQL share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.query.lakes import T0, LakeMaker, clicks, ledger
from tests.serve.sql.asking import Asking


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    """A small lake to commit into."""
    with LakeMaker(tmp_path / "lake") as maker:
        maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2, "1.5")], "ledger": [ledger("p", 0, 2, T0)]})
        yield maker


@pytest.fixture
def asking(lake: LakeMaker) -> Iterator[Asking]:
    """A pool of its own over that lake."""
    with Asking(lake.folder) as asked:
        yield asked
