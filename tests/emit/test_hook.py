"""A webhook that fails, hangs, redirects and refuses: alerts come in order, at least once, or lie in the lake."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from emit.hook import Clocks, HookTarget
from emit.http_post import Answer, post
from emit.position import Position
from emit.record import Record
from emit.trouble import DeliveryTrouble
from query.reader import LakeReader
from tests.emit.lakes import ledger_of, made_lake
from tests.hook_server import CLOSE, HANG, HookServer, hook_server

KEY = b"0123456789abcdef"


def changes(*snapshots: int) -> Iterator[Record]:
    return iter(
        [
            Record("", json.dumps({"n": number}), snapshot, f"a{number}.1", "many", f"a{number}", 1)
            for number, snapshot in enumerate(snapshots)
        ]
    )


class Waits:
    """Waits that take no time and are remembered; `ends` at the n-th."""

    def __init__(self, ends: int = 10**9) -> None:
        self.waited: list[float] = []
        self.ends = ends

    def __call__(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return len(self.waited) >= self.ends


def hook_target(folder: Path, hook: HookServer, waits: Waits, tries: int = 4) -> HookTarget:
    def asked(body: bytes, headers: dict[str, str]) -> Answer:
        return partial(post, hook.url)(body, headers, 0.5)

    seconds = iter(range(0, 10**6, 10))
    clocks = Clocks(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: float(next(seconds)), waits)
    return HookTarget("pager", asked, KEY, tries, ledger_of(folder), clocks)


def dead(folder: Path) -> list[tuple[object, ...]]:
    with LakeReader(folder / "lake") as reader:
        sql = "SELECT webhook_id, alert_id, change, rule, tries, status, reason, body FROM webhook_dead_letters"
        return [tuple(row.values()) for row in reader.query(sql).to_pylist()]


def test_alerts_are_posted_in_order_signed_and_tried_again_with_the_same_id(tmp_path: Path) -> None:
    made_lake(tmp_path)
    waits = Waits()
    answers = [503, CLOSE, 204, 204, 429, 200]
    with hook_server(lambda n: answers[n]) as hook:
        of = hook_target(tmp_path, hook, waits)
        assert of.open() is None
        assert of.publish(changes(3, 3, 4), Position(5, "t")) == 3
        of.close()
    assert [each.headers["webhook-id"] for each in hook.got] == ["a0.1", "a0.1", "a0.1", "a1.1", "a2.1", "a2.1"]
    assert [json.loads(each.body)["n"] for each in hook.taken] == [0, 1, 2]
    assert waits.waited == [0.5, 1.0, 0.5]
    for each in hook.got:
        told = f"{each.headers['webhook-id']}.{each.headers['webhook-timestamp']}.".encode() + each.body
        wanted = base64.b64encode(hmac.digest(KEY, told, hashlib.sha256)).decode()
        assert each.headers["webhook-signature"] == f"v1,{wanted}"
    assert of.open() == Position(5, "t")
    assert dead(tmp_path) == []


@pytest.mark.parametrize(("answer", "tries"), [(400, 1), (410, 1), (301, 1), (500, 4), (HANG, 4)])
def test_what_is_not_taken_lies_in_the_lake_and_the_next_is_posted(tmp_path: Path, answer: int, tries: int) -> None:
    made_lake(tmp_path)
    with hook_server(lambda n: answer if n < tries else 204) as hook:
        of = hook_target(tmp_path, hook, Waits())
        assert of.publish(changes(3, 4), Position(5, "t")) == 2
    assert [each.path for each in hook.got] == ["/"] * (tries + 1)
    ((letter, *rest),) = [dead(tmp_path)]
    assert rest == []
    status = None if answer == HANG else answer
    assert letter[:6] == ("a0.1", "a0", 1, "many", tries, status)
    assert letter[7] == '{"n": 0}'
    assert of.open() == Position(5, "t")


def test_a_run_that_ends_meanwhile_posts_the_rest_at_the_next_start(tmp_path: Path) -> None:
    made_lake(tmp_path)
    with hook_server(lambda n: 204 if n < 2 else 500) as hook:
        of = hook_target(tmp_path, hook, Waits(ends=1))
        with pytest.raises(DeliveryTrouble, match=r"a2\.1"):
            of.publish(changes(3, 3, 4), Position(5, "t"))
        # the commit that was posted whole is remembered
        assert of.open() == Position(3, "")
        hook.answers = lambda _: 204
        of.publish(iter(list(changes(3, 3, 4))[2:]), Position(5, "t"))
    assert [each.headers["webhook-id"] for each in hook.taken] == ["a0.1", "a1.1", "a2.1"]
