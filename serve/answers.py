"""Answers as bytes: each made once for all who ask the same of the same state, and kept while there is room."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
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
_FORMAT = "1"
"""Of answers; a change of their form makes them differ from those that a client has kept."""


class Answered(NamedTuple):
    """What is sent. `tag`: without quotes; `body` None where the client has it already."""

    status: int
    body: bytes | None
    tag: str
    headers: Mapping[str, str]


class Wanted(NamedTuple):
    """How a client wants it: `known` are the tags that it has, `by_columns` is JSON's other shape."""

    form: Form
    by_columns: bool = False
    gzip: bool = False
    known: tuple[str, ...] = ()


class Answers:
    """Makes and keeps answers; for any number of threads."""

    def __init__(self, lake: ServedLake, timeout_s: float) -> None:
        self._lake = lake
        self.timeout_s = timeout_s
        self._work = SharedWork(patience_s=timeout_s)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Answered] = OrderedDict()
        self._bytes = 0

    def of(self, identity: object, question: Question, wanted: Wanted) -> Answered:
        """The answer to a question that `identity` tells from others. Raises TidemillError or Problem."""
        at = self._lake.at(question.as_of)
        form = wanted.form
        facts = (_FORMAT, identity, at.token, question.facts(at), form.name, wanted.by_columns, wanted.gzip)
        digest = blake2b(repr(facts).encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()
        tag = f"{at.snapshot.id}-{digest}"
        headers = snapshot_headers(at)
        if tag in wanted.known or "*" in wanted.known:
            return Answered(304, None, tag, headers)
        with self._lock:
            kept = self._kept.get(tag)
            if kept is not None:
                self._kept.move_to_end(tag)
                return kept
        return self._work.do(tag, lambda: self._make(question, wanted, at, tag, headers))

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


def snapshot_of(at: LakeAt) -> dict[str, object]:
    """What JSON says of the snapshot that was asked."""
    return {"id": at.snapshot.id, "time": iso(at.snapshot.time)}


def snapshot_headers(at: LakeAt) -> dict[str, str]:
    """The same for forms that have no place for it."""
    return {"X-Snapshot-Id": str(at.snapshot.id), "X-Snapshot-Time": iso(at.snapshot.time)}
