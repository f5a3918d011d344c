"""JSON over HTTP, as Flink's REST interfaces speak it, and their errors in few words."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from dataflow.errors import ConfigError
from flink.cluster.errors import Refused, Unreachable

ANSWER_SECONDS = 60
MOST_CAUSES = 3
MOST_WORDS = 600
"""Characters of one cause; Flink puts whole plans into some."""

_CLASS = r"(?:[\w$]+\.)+[\w$]*(?:Exception|Error)"
_CAUSE = re.compile(rf"^(?:.*?Exception on server side:\s*)?(?:Caused by: )?(?:{_CLASS}: )*({_CLASS})(?:: (.*))?$")
"""A line of a stack trace that names an exception, which may stand in others' names, and says what it says."""


class Wire:
    """One address; `whose` is how messages call who answers there, `fix` what to do when nobody does."""

    def __init__(self, url: str, key: str, whose: str, fix: str) -> None:
        """Raises ConfigError when the address, known as `key`, is no HTTP address."""
        if not re.match(r"https?://[^/]", url):
            raise ConfigError(key, url, "an address is like http://127.0.0.1:8081")
        self.url = url.rstrip("/")
        self._whose, self._fix = whose, fix
        # proxies of the environment are for the world outside
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def get(self, path: str) -> Any:
        """The answer to GET. Raises Unreachable and Refused."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """The answer to POST. Raises as `get`."""
        return self._call("POST", path, body)

    def patch(self, path: str) -> Any:
        """The answer to PATCH. Raises as `get`."""
        return self._call("PATCH", path, None)

    def delete(self, path: str) -> Any:
        """The answer to DELETE. Raises as `get`."""
        return self._call("DELETE", path, None)

    def _call(self, method: str, path: str, body: Mapping[str, object] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"} if data else {}, method=method
        )
        try:
            with self._open(request, timeout=ANSWER_SECONDS) as response:
                return json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            said = _said(error.read())
            told = causes(said)
            brief = ": ".join(told) or first_line(said) or f"HTTP status {error.code}"
            raise Refused(f"{self._whose} at {self.url} says: {brief}", told, error.code) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(f"no {self._whose} answers at {self.url} ({reason}): {self._fix}") from None


_EMPTY = (
    *("Failed to fetchResults", "Failed to execute the operation", "Failed to open session"),
    "Failed to execute statement",
    *("Recovery is suppressed", "Global failure triggered"),
)
"""What Flink says around the cause."""


def causes(stack: str) -> tuple[str, ...]:
    """What a Java stack trace is about: its exceptions from the outermost to the innermost, without places in code.

    Those that only say again what a later one says are left out, and of many the last ones stay.
    """
    found: list[str] = []
    for line in stack.splitlines():
        match = _CAUSE.match(line.strip())
        words = (match[2] or "")[:MOST_WORDS].rstrip(".") if match else ""
        if match is None or words.startswith(_EMPTY):
            continue
        brief = match[1].rpartition(".")[2]
        if words:
            found = [each for each in found if words not in each]
        if not any(words in each if words else each.startswith(brief) for each in found):
            found.append(f"{brief}: {words}" if words else brief)
    return tuple(found[-MOST_CAUSES:])


def first_trace(log: str) -> str:
    """The first stack trace of a log: the ones behind it are of what broke because of it."""
    kept: list[str] = []
    for line in log.splitlines():
        is_part = _CAUSE.match(line) is not None or line.startswith(("\tat ", "\t... ", "Caused by: "))
        if kept and not is_part:
            break
        if is_part:
            kept.append(line)
    return "\n".join(kept)


def first_line(text: str) -> str:
    """The first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _said(body: bytes) -> str:
    try:
        errors = json.loads(body)["errors"]
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
    return "\n".join(str(each) for each in errors if each != "Internal server error.")
