"""A webhook as a target: alerts one after the other, each until it is taken or given up, and the lake remembers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from dataflow.logs import logger
from dataflow.pipeline.tables import WEBHOOK_DEAD_SCHEMA
from emit.http_post import Answer
from emit.ledger import LakeLedger
from emit.position import UNTOLD, Position
from emit.record import Record
from emit.signature import signed
from emit.trouble import DeliveryTrouble

FIRST_WAIT_S, MOST_WAIT_S = 0.5, 60.0
"""Between two tries of one alert; each time it doubles."""

REMEMBER_S = 1.0
"""So often it is remembered what was taken; after a crash, that is sent again, with the same ids."""

_AGAIN = frozenset({408, 425, 429})
"""Refusals that ask to come back."""

Post = Callable[[bytes, dict[str, str]], Answer]


@dataclass(frozen=True, slots=True)
class Clocks:
    """The wall clock, a clock that never goes back, and a wait that ends early where nothing more is to be done."""

    wall: Callable[[], datetime]
    monotonic: Callable[[], float]
    wait: Callable[[float], bool]
    """Waits so many seconds; true where the run ends meanwhile."""


class HookTarget:
    """Where alerts are posted to; see `Target`. What it does not take goes to table webhook_dead_letters."""

    def __init__(self, name: str, post: Post, key: bytes, tries: int, ledger: LakeLedger, clocks: Clocks) -> None:
        self._name = name
        self._post = post
        self._key = key
        self._tries = tries
        self._ledger = ledger
        self._clocks = clocks
        self._log = logger("emit")

    def open(self) -> Position | None:
        """As `Target` says: the lake knows."""
        return self._ledger.position()

    def publish(self, records: Iterator[Record], position: Position) -> int:
        """As `Target` says; at least once, in order."""
        dead: list[dict[str, object]] = []
        sent, taken = 0, None
        remembered_s = self._clocks.monotonic()
        for record in records:
            if taken is not None and record.snapshot > taken and self._clocks.monotonic() - remembered_s > REMEMBER_S:
                self._remember(dead, Position(taken, UNTOLD))
                dead, remembered_s = [], self._clocks.monotonic()
            letter = self._deliver(record)
            if letter is not None:
                dead.append(letter)
            sent += 1
            taken = record.snapshot
        self._remember(dead, position)
        return sent

    def close(self) -> None:
        """As `Target` says."""

    def _deliver(self, record: Record) -> dict[str, object] | None:
        """Post until it is taken; what is said of it where it is not."""
        body = (record.value or "").encode()
        wait_s = FIRST_WAIT_S
        for tried in range(1, self._tries + 1):
            headers = signed(self._key, record.id, int(self._clocks.wall().timestamp()), body)
            answer = self._post(body, dict(headers))
            if answer.status is not None and 200 <= answer.status < 300:
                return None
            refused = answer.status is not None and 300 <= answer.status < 500 and answer.status not in _AGAIN
            if refused or tried == self._tries:
                self._log.warning(
                    f"{self._name} did not take alert {record.id}: it is in table webhook_dead_letters",
                    status=answer.status,
                    reason=answer.reason,
                    tries=tried,
                )
                return self._letter(record, answer, tried)
            if self._clocks.wait(wait_s):
                raise DeliveryTrouble(f"the run ended while {self._name} did not take alert {record.id}")
            wait_s = min(2 * wait_s, MOST_WAIT_S)
        raise AssertionError("the last try ends it")

    def _letter(self, record: Record, answer: Answer, tries: int) -> dict[str, object]:
        return {
            "webhook": self._name,
            "webhook_id": record.id,
            "alert_id": record.alert_id,
            "change": record.change,
            "rule": record.rule,
            "tries": tries,
            "status": answer.status,
            "reason": answer.reason,
            "failed_at": self._clocks.wall().replace(tzinfo=None),
            "body": record.value,
        }

    def _remember(self, dead: Sequence[dict[str, object]], position: Position) -> None:
        rows = pa.Table.from_pylist(list(dead), schema=WEBHOOK_DEAD_SCHEMA) if dead else None
        self._ledger.remember(position, rows)
