"""Pytest's hooks where two processes share the tests (`pytest -n 2`): what stays together, what is begun first."""

import pytest

TOGETHER = ("tests/connect", "tests/flink", "tests/installed", "tests/page", "tests/proof/audit")
"""Folders whose tests share what takes long to start, and so stay in one process; elsewhere those of a file do."""

FIRST = (
    "tests/chaos/test_chaos.py",
    "tests/e2e/test_readme_in_order.py",
    "tests/page",
    "tests/connect",
    "tests/flink",
    "tests/spark",
    "tests/installed",
    "tests/e2e",
    "tests/test_security.py",
)
"""What takes longest, in the order in which it is begun: who is done last must not let the other wait long."""


def piece(nodeid: str) -> str:
    """The folder or file whose tests one process runs in one go."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def rank(nodeid: str) -> int:
    """Smaller is begun earlier; all that is not in FIRST has the same."""
    begins = (at for at, place in enumerate(FIRST) if nodeid.startswith((f"{place}/", f"{place}::")))
    return next(begins, len(FIRST))


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """A process takes the next piece when it is nearly done with the one before; within it tests keep their order."""
    from xdist.scheduler import LoadScopeScheduling

    # by default, what has the most tests would come first
    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = piece
    return scheduler


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process of several the longest come first; a run of one keeps the order of the tree."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: rank(item.nodeid))
