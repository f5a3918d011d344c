"""Lakes to be damaged, copied from two that are made once."""

from pathlib import Path

import pytest

from tests.proof.audited import Audited


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Audited]:
    """A lake as written (False) and compacted (True)."""
    written = Audited(tmp_path_factory.mktemp("written"))
    compacted = written.copy(tmp_path_factory.mktemp("compacted"))
    compacted.compact()
    return {False: written, True: compacted}


@pytest.fixture
def lake(templates: dict[bool, Audited], tmp_path: Path) -> Audited:
    """A lake as the pipeline wrote it."""
    return templates[False].copy(tmp_path)


@pytest.fixture
def compacted(templates: dict[bool, Audited], tmp_path: Path) -> Audited:
    """The same lake after a compaction."""
    return templates[True].copy(tmp_path)
