"""A catalog whose file is damaged is told, whatever its damage, and a copy that is put in its place is served."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from query.recent.follower import Follower
from serve.feed.watcher import Watcher
from sinks.lake.catalog.sqlite import CATALOG_NAME
from tests.query.lakes import LakeMaker
from tests.serve.served_lake import fill, serving

PAGE = 4096
PATHS = ["status", "schema", "reports", "reports/ad_clicks_1m?last=1d", "ledger", "snapshots", "late/windows", "boards"]


def renamed(whole: bytes) -> bytes:
    """SQLite cannot even name what is damaged."""
    name = b"sqlite_autoindex_ducklake_data_file_1"
    assert name in whole
    return whole.replace(name, name.replace(b"data", b"\xfaata"))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda whole: whole[: len(whole) // 2],
    "zeros within": lambda whole: whole[: 2 * PAGE] + bytes(10 * PAGE) + whole[12 * PAGE :],
    "another file": lambda _: b"hello, " * 10_000,
    "names that are no text": renamed,
}


def put(data: bytes, catalog: Path) -> None:
    """As a file of its own, in one step."""
    new = catalog.with_name("new")
    new.write_bytes(data)
    new.rename(catalog)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """The catalog of a lake that nobody writes."""
    maker = LakeMaker(tmp_path / "lake")
    fill(maker)
    maker.catalog.close()
    return maker.folder / CATALOG_NAME


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_catalog_is_told_and_a_copy_in_its_place_is_served(catalog: Path, damage: str) -> None:
    whole = catalog.read_bytes()
    with serving(catalog.parent) as client:
        put(DAMAGES[damage](whole), catalog)
        for path in PATHS:
            problem = client.get(f"/api/v1/{path}").json()
            assert (problem["status"], problem["type"]) == (503, "urn:tidemill:problem:lake-foreign"), (path, problem)
            assert "restore the lake from a backup" in problem["detail"] or "doctor" in problem["hint"]
        assert client.get("/readyz").status_code == 503
        put(whole, catalog)
        assert {client.get(f"/api/v1/{path}").status_code for path in PATHS} == {200}


@pytest.mark.parametrize("damage", DAMAGES)
def test_who_follows_the_catalog_goes_on_with_the_copy(catalog: Path, damage: str) -> None:
    whole = catalog.read_bytes()
    put(DAMAGES[damage](whole), catalog)
    tended, told = threading.Event(), threading.Event()

    def tend() -> bool:
        tended.set()
        return False

    follower, watcher = Follower(catalog.parent, lambda: True, tend), Watcher(catalog.parent, told.set)
    follower.start()
    watcher.start()
    try:
        # each has looked, in vain
        follower._thread.join(1)
        assert follower._thread.is_alive()
        assert watcher._thread.is_alive()
        tended.clear()
        told.clear()
        put(whole, catalog)
        assert tended.wait(30)
        assert told.wait(30)
    finally:
        follower.stop()
        watcher.stop()
