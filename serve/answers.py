"""Answers as bytes: each made once for all who ask the same of the same state, and kept while there is room."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from gzip import compress
from hashlib import blake2b
from typing import NamedTuple

from query.shared_work import SharedWork
from serve.ask.question import Asking, Document, Found, Question
from serve.ask.report_question import iso
from serve.forms import Form, body_of
from serve.lake import LakeAt, ServedLake

GZIP_BYTES = 1_000
"""Shorter bodies are sent as they are."""

_GZIP_LEVEL = 1
_ROOM_BYTES = 64 * 2**20
ASKED_S = 10.0
"""What was asked so lately is made again for each new snapshot, before that is shown."""
AHEAD_S = 0.2
"""So long that takes at most, by the time that each took when it was made last."""
_MOST_ASKED = 64

_FORMAT = "1"
"""Of answers; a change of their form makes them differ from those that a client has kept."""


class Answered(NamedTuple):
    """What is sent. `tag`: without quotes; `body` None where the client has it already."""

    status: int
    body: bytes | None
    tag: str
    headers: Mapping[str, str]


class Wanted(NamedTuple):
    """How a client wants it: `known` are the tags that it has, `by_columns` is JSON's other shape.

    `newest`: of no snapshot but the newest.
    """

    form: Form
    by_columns: bool = False
    gzip: bool = False
    known: tuple[str, ...] = ()
    newest: bool = False


class _Asked(NamedTuple):
    """A question that was asked at `at_s` and took `seconds` to be made when it was made last."""

    identity: object
    question: Question
    wanted: Wanted
    at_s: float
    seconds: float


class Answers:
    """Makes and keeps answers; for any number of threads."""

    def __init__(self, lake: ServedLake, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds, from any beginning."""
        self._lake = lake
        self._clock = clock
        self.timeout_s = timeout_s
        self._work = SharedWork(patience_s=timeout_s)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Answered] = OrderedDict()
        self._bytes = 0
        self._asked: OrderedDict[object, _Asked] = OrderedDict()

    def of(self, identity: object, question: Question, wanted: Wanted) -> Answered:
        """The answer to a question that `identity` tells from others. Raises TidemillError or Problem."""
        at = self._lake.at(question.as_of, newest=wanted.newest)
        tag = _tag(identity, question, wanted, at)
        if question.as_of is None and not question.is_slow:
            self._note(identity, question, wanted)
        if tag in wanted.known or "*" in wanted.known:
            return Answered(304, None, tag, snapshot_headers(at))
        return self._kept_or_made(identity, question, wanted, at, tag)

    def ahead(self, at: LakeAt) -> None:
        """Make the answers of a snapshot that is not shown yet to what was asked of those before, the latest first.

        So nobody who asks again and again waits for a commit. It takes up to AHEAD_S; what fails is told to who asks.
        """
        began_s = self._clock()
        with self._lock:
            asked = [each for each in reversed(self._asked.values()) if began_s - each.at_s <= ASKED_S]
        for each in asked:
            left_s = AHEAD_S - (self._clock() - began_s)
            if left_s <= 0:
                break
            if each.seconds > left_s:
                # a slow one keeps no quick one from its turn
                continue
            try:
                tag = _tag(each.identity, each.question, each.wanted, at)
                self._kept_or_made(each.identity, each.question, each.wanted, at, tag)
            except Exception:
                # whatever it is, who asks is told; the thread of the lake goes on
                continue

    def _note(self, identity: object, question: Question, wanted: Wanted) -> None:
        key = _key(identity, wanted)
        with self._lock:
            known = self._asked.pop(key, None)
            seconds = 0.0 if known is None else known.seconds
            self._asked[key] = _Asked(identity, question, wanted, self._clock(), seconds)
            if len(self._asked) > _MOST_ASKED:
                self._asked.popitem(last=False)

    def _kept_or_made(self, identity: object, question: Question, wanted: Wanted, at: LakeAt, tag: str) -> Answered:
        with self._lock:
            kept = self._kept.get(tag)
            if kept is not None:
                self._kept.move_to_end(tag)
                return kept
        began_s = self._clock()
        made = self._work.do(tag, lambda: self._make(question, wanted, at, tag, snapshot_headers(at)))
        with self._lock:
            asked = self._asked.get(_key(identity, wanted))
            if asked is not None:
                self._asked[_key(identity, wanted)] = asked._replace(seconds=self._clock() - began_s)
        return made

    def found(self, question: Question, at: LakeAt, form: Form, *, has_pages: bool = True) -> Found | Document:
        """The answer itself."""
        return question.answer(self._lake, at, Asking(form.way, self.timeout_s, has_pages))

    def _make(self, question: Question, wanted: Wanted, at: LakeAt, tag: str, headers: Mapping[str, str]) -> Answered:
        found = self.found(question, at, wanted.form)
        body = body_of(found, wanted.form, snapshot_of(at), by_columns=wanted.by_columns)
        headers = {**headers, "Content-Type": wanted.form.media_type}
        if isinstance(found, Found) and found.next is not None:
            headers["X-Next-Cursor"] = found.next
        if wanted.gzip and len(body) >= GZIP_BYTES:
            body = compress(body, _GZIP_LEVEL, mtime=0)
            headers["Content-Encoding"] = "gzip"
        answered = Answered(200, body, tag, headers)
        self._keep(tag, answered)
        return answered

    def _keep(self, tag: str, answered: Answered) -> None:
        size = len(answered.body or b"")
        if size > _ROOM_BYTES // 4:
            return
        with self._lock:
            if tag in self._kept:
                return
            self._kept[tag] = answered
            self._bytes += size
            while self._bytes > _ROOM_BYTES:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= len(oldest.body or b"")


def _key(identity: object, wanted: Wanted) -> object:
    return repr(identity), wanted.form.name, wanted.by_columns, wanted.gzip


def _tag(identity: object, question: Question, wanted: Wanted, at: LakeAt) -> str:
    facts = (_FORMAT, identity, at.token, question.facts(at), wanted.form.name, wanted.by_columns, wanted.gzip)
    digest = blake2b(repr(facts).encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()
    return f"{at.snapshot.id}-{digest}"


def snapshot_of(at: LakeAt) -> dict[str, object]:
    """What JSON says of the snapshot that was asked."""
    return {"id": at.snapshot.id, "time": iso(at.snapshot.time)}


def snapshot_headers(at: LakeAt) -> dict[str, str]:
    """The same for forms that have no place for it."""
    return {"X-Snapshot-Id": str(at.snapshot.id), "X-Snapshot-Time": iso(at.snapshot.time)}
