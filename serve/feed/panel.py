"""One distinct panel: a question asked again at every commit, once for all who watch it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple

from serve.answers import Answers, snapshot_of
from serve.ask.question import Document, Question
from serve.figures import Figures
from serve.forms import ENCODER, JSON, table_of
from serve.lake import LakeAt, ServedLake
from serve.problem import Problem, problem_of
from serve.workers import Lane

CLOCK_S = 1.0
"""How often a panel looks at the clock while nothing is committed: a range may move on, a window become final."""


class Seen(NamedTuple):
    """What a look came to. `event`: its name; `data`: its JSON object; `digest` differs where the content does.

    `token` and `lake` tell the snapshot and the lake it is of, `id` is the snapshot's; -1 without a lake.
    """

    event: str
    data: bytes
    digest: bytes
    token: str
    lake: str
    id: int
    facts: object


class Panel:
    """`version` counts changes of its content, 0 before the first look. `key` tells its question from all others.

    `by_clock`: that change came without a commit. For use in one event loop; looks are made in `lane`.
    """

    def __init__(
        self,
        question: Question,
        lake: ServedLake,
        answers: Answers,
        lane: Lane,
        figures: Figures,
        changed: Callable[["Panel", bool], None],
        key: object = None,
    ) -> None:
        self.question = question
        self.key = key
        self.viewers = 0
        self.version = 0
        self.by_clock = False
        self.seen: Seen | None = None
        self._lake, self._answers, self._lane, self._figures = lake, answers, lane, figures
        self._changed = changed
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._events: dict[str, bytes] = {}
        self._marks: dict[str, str] = {}

    def mark(self, name: str) -> str:
        """Tells this content under this name from any other, in any server, by 12 hexadecimal digits."""
        assert self.seen is not None
        made = self._marks.get(name)
        if made is None:
            facts = repr((name, self.key, self.seen.event)).encode("utf-8", "surrogatepass") + self.seen.digest
            made = self._marks[name] = blake2b(facts, digest_size=6).hexdigest()
        return made

    def event(self, name: str) -> bytes:
        """Its content as an event for a viewer that calls it `name`; made once for all who do."""
        assert self.seen is not None
        made = self._events.get(name)
        if made is None:
            data = b'{"panel":' + ENCODER.encode(name) + b"," + self.seen.data[1:]
            made = self._events[name] = event_of(self.seen.event, data)
        return made

    def start(self) -> None:
        """Look now and at every commit from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Nobody watches it any more."""
        if self._task is not None:
            self._task.cancel()

    def commit(self) -> None:
        """There is a newer snapshot. While a look takes long, those between are left out."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            await self._look()
            with suppress(TimeoutError):
                # not wait_for, which loses a cancellation that comes with the end of what it waits for
                async with asyncio.timeout(CLOCK_S):
                    await self._wake.wait()

    async def _look(self) -> None:
        before = self.seen
        with self._figures.panel_seconds.time():
            try:
                seen = await self._lane.run(lambda: self._ask(before), self._answers.timeout_s)
            except Exception as error:
                seen = _of_problem(problem_of(error), before)
        if seen is not before:
            self.seen = seen
            self._events.clear()
            self._marks.clear()
        is_new = False
        if before is None or seen.digest != before.digest or seen.lake != before.lake:
            self.version += 1
            self.by_clock = before is not None and before.token == seen.token
            is_new = True
        self._changed(self, is_new)

    def _ask(self, before: Seen | None) -> Seen:
        at = self._lake.at(self.question.as_of)
        facts = self.question.facts(at)
        if before is not None and before.event == "panel" and (before.token, before.facts) == (at.token, facts):
            return before
        try:
            return self._see(at, facts)
        except Exception as error:
            return _of_problem(problem_of(error), before, at, facts)

    def _see(self, at: LakeAt, facts: object) -> Seen:
        found = self._answers.found(self.question, at, JSON, has_pages=False)
        if isinstance(found, Document):
            content, note = ENCODER.encode({"value": found.content}), None
        else:
            table = table_of(found, by_columns=True)
            note = table.pop("note")
            del table["next"]
            content = ENCODER.encode({**table, "rows": table.pop("count")})
        head = ENCODER.encode({"snapshot": snapshot_of(at), "note": note})
        data = head[:-1] + b"," + content[1:]
        return Seen("panel", data, _digest(content), at.token, lake_mark(at), at.snapshot.id, facts)


def event_of(event: str, data: bytes) -> bytes:
    """One event as the standard has it; `data` is one line."""
    return b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"


def lake_mark(at: LakeAt) -> str:
    """Tells a lake from others that come to its place, in the ids of events."""
    return blake2b(repr(at.snapshot.resolved.lake).encode(), digest_size=4).hexdigest()


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def _of_problem(problem: Problem, before: Seen | None, at: LakeAt | None = None, facts: object = None) -> Seen:
    document = problem.document("")
    del document["request_id"]
    data = ENCODER.encode(document)
    token, lake, number = ("", "", -1) if at is None else (at.token, lake_mark(at), at.snapshot.id)
    return Seen("problem", data, _digest(data), token, lake, number, facts)
