"""A child as the server holds it: whatever it says or does not say, it is asked no more than it can bear."""

import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataflow.errors import SqlFailed
from query.reader import LakeReader
from query.resolve import Resolved
from serve.sql import child as module
from serve.sql.child import Child
from serve.sql.orders import Birth, Order
from serve.sql.place import place_of
from tests.query.lakes import LakeMaker


@pytest.fixture
def resolved(lake: LakeMaker) -> Resolved:
    with LakeReader(lake.folder) as reader:
        return reader.snapshot().resolved


@pytest.fixture
def child(lake: LakeMaker) -> Iterator[Child]:
    made = Child()
    try:
        made.begin(birth(lake.folder))
        yield made
    finally:
        made.close()


def birth(lake: Path) -> Birth:
    return Birth(place_of(lake, ["main/"]), os.getpid(), 1, 300_000_000)


def order(sql: str) -> Order:
    return Order(sql, None, 1_000, 1_000_000)


SAY = """
import os, time
def say(kind, body, length=None):
    os.write(1, kind + (len(body) if length is None else length).to_bytes(4, "big") + body)
"""


def says(monkeypatch: pytest.MonkeyPatch, code: str) -> Child:
    """A child that runs this code instead."""
    monkeypatch.setattr(module, "_BOOT", SAY + code)
    return Child()


def test_it_inherits_nothing(child: Child) -> None:
    folder = Path(f"/proc/{child.pid}")
    assert [name for name in os.listdir(folder / "fd") if int(name) > 2] == []
    assert (folder / "environ").read_bytes() == b""
    assert os.readlink(folder / "cwd") == "/"
    assert os.getsid(child.pid) == child.pid


def test_it_is_asked_again_and_again(child: Child, resolved: Resolved) -> None:
    for _ in range(3):
        said = child.ask(resolved, order("SELECT count(*) FROM ad_clicks_1m"), 20, 1_000_000)
        assert (said.end, child.is_good) == ({"rows": 1, "cut": None}, True)


def test_processor_time_is_limited_anew_for_each_question(child: Child, resolved: Resolved) -> None:
    child.ask(resolved, order("SELECT 1"), 20, 1_000_000)
    soft, _ = resource.prlimit(child.pid, resource.RLIMIT_CPU)
    child.ask(resolved, order("SELECT 1"), 50, 1_000_000)
    more, _ = resource.prlimit(child.pid, resource.RLIMIT_CPU)
    assert 40 <= soft < 60 < 100 <= more < 120


def test_one_that_does_not_heed_is_killed(child: Child, resolved: Resolved, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_S", 0.1)
    assert child.ask(resolved, order("SELECT 1"), 20, 1_000_000).end["cut"] is None
    os.kill(child.pid, signal.SIGSTOP)
    said = child.ask(resolved, order("SELECT 1"), 0.2, 1_000_000)
    assert (said.end, said.is_late, said.code, child.is_good) == ({"error": "gone"}, True, -9, False)


def test_one_that_sends_more_than_an_answer_may_have_is_killed(child: Child, resolved: Resolved) -> None:
    said = child.ask(resolved, order("SELECT i FROM range(1000) t(i)"), 20, 100)
    assert (said.end, said.is_late, child.is_good) == ({"error": "gone"}, False, False)


@pytest.mark.parametrize(
    "code",
    [
        "say(b'E', b'nonsense')",
        "say(b'E', b'[' * 100_000)",
        "say(b'Z', b'')",
        "say(b'D', b'', 2**31)",
        "os._exit(3)",
        "os.close(1); time.sleep(60)",
        "say(b'E', b'{\"error\": \"unheard of\"}')",
    ],
)
def test_one_that_says_what_it_must_not_is_never_asked_again(
    code: str, lake: LakeMaker, resolved: Resolved, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = says(monkeypatch, f"os.read(0, 60_000); say(b'H', b''); say(b'R', b'{{}}'); os.read(0, 1); {code}")
    try:
        made.begin(birth(lake.folder))
        said = made.ask(resolved, order("SELECT 1"), 20, 1_000)
        assert said.end.get("error") not in (None, "query", "refused", "moved", "stopped")
        assert not made.is_good
    finally:
        made.close()


def test_one_that_does_not_read_does_not_hold_who_asks(
    lake: LakeMaker, resolved: Resolved, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = says(monkeypatch, "say(b'H', b''); say(b'R', b'{}'); time.sleep(60)")
    monkeypatch.setattr(module, "GRACE_S", 0.1)
    try:
        made.begin(birth(lake.folder))
        began = time.monotonic()
        said = made.ask(resolved, order("SELECT '" + "x" * 500_000 + "'"), 30, 1_000)
        assert (said.end, made.is_good) == ({"error": "gone"}, False)
        assert time.monotonic() - began < 20
    finally:
        made.close()


@pytest.mark.parametrize(("code", "why"), [
    ("say(b'H', b''); say(b'E', b'{\"error\": \"birth\", \"message\": \"no engine\"}')", "no engine"),
    ("os._exit(1)", "did not begin"),
    ("time.sleep(60)", "did not begin"),
])  # fmt: skip
def test_one_that_cannot_begin_says_why(code: str, why: str, lake: LakeMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BIRTH_S", 0.5)
    made = says(monkeypatch, code)
    try:
        with pytest.raises(SqlFailed, match=why):
            made.begin(birth(lake.folder))
    finally:
        made.close()
