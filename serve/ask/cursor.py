"""Where an answer ended, as a text that its reader hands back: the snapshot and the last row."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import NoReturn

import msgspec

from serve.problem import Problem, wrong_parameter

_MOST = 4_096


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`question` is a digest of all that was asked beside it, `token` that of the snapshot it goes on in.

    `last`: the texts by which rows are ordered, of the last row sent. `at_ms`: the clock when the first page was asked.
    """

    question: str
    snapshot: int
    token: str
    at_ms: int
    rows: int
    last: list[str | None]

    def written(self) -> str:
        """As a text for a query string."""
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    def require_same(self, question: str) -> None:
        """Raise Problem where it was handed back with another question."""
        if self.question != question:
            _refuse(
                "goes with other parameters; leave it out to begin anew, or repeat all parameters of the first page"
            )

    def require_here(self, token: str) -> None:
        """Raise Problem where the snapshot of that number is not the one that it began in."""
        if self.token != token:
            raise Problem(
                410,
                "snapshot-expired",
                "the snapshot is not kept any more",
                f"the lake was replaced since the first page: snapshot {self.snapshot} is another one now",
                "ask again without cursor",
            )


def read_cursor(written: str | None) -> Cursor | None:
    """The cursor of a text. Raises Problem for what none of ours can be."""
    if written is None:
        return None
    if len(written) > _MOST or not written.isascii():
        _refuse("is no cursor of an answer")
    try:
        text = urlsafe_b64decode(written + "=" * (-len(written) % 4))
        cursor = msgspec.json.decode(text, type=Cursor)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        _refuse("is no cursor of an answer")
    # beyond these SQLite and the calendar know no numbers
    if not (0 <= cursor.snapshot < 2**62 and 0 <= cursor.rows < 2**40 and abs(cursor.at_ms) < 2**47):
        _refuse("is no cursor of an answer")
    return cursor


def digest(*parts: object) -> str:
    """A short text that differs where the parts do."""
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def _refuse(why: str) -> NoReturn:
    raise wrong_parameter("cursor", None, f"{why}; take it from `next` of the answer before")
