"""A lake that has seen some life, and the programs that read it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from query.reader import LakeReader
from tests.connect.ads_lake import make_lake
from tests.connect.environment import Readers


@pytest.fixture(scope="package")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Merged files with time travel into them, fresh files, a field that came later, what is deleted still there."""
    return make_lake(tmp_path_factory.mktemp("connect") / "ads")


@pytest.fixture(scope="package")
def truth(lake: Path) -> Iterator[LakeReader]:
    """What `tidemill query` reads with."""
    with LakeReader(lake) as reader:
        yield reader


@pytest.fixture(scope="package")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Readers:
    return Readers(tmp_path_factory.mktemp("home"))
