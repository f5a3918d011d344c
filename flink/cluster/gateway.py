"""Flink's SQL gateway by its REST interface: sessions, statements, and what they answer."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from flink.cluster.errors import FlinkError, Refused
from flink.cluster.wire import Wire

STATEMENT_SECONDS = 300.0
"""The first statement of a cold gateway takes ten."""
_POLL_SECONDS = 0.05
_HINT = "`tidemill flink up` starts a cluster, --gateway names another one"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave. `job` is the id of the job that it submitted, if it did."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    job: str | None = None


class Session:
    """Tables, views, functions and settings live in it; open until `Gateway.session` ends."""

    def __init__(self, wire: Wire, handle: str) -> None:
        self._wire = wire
        self._path = f"/v1/sessions/{handle}"

    def run(self, statement: str, timeout_seconds: float = STATEMENT_SECONDS) -> Answer:
        """Run one statement to its end, which for a job is its submission. Raises FlinkError with Flink's own words."""
        try:
            return self._run(statement, timeout_seconds)
        except Refused as error:
            told = ": ".join(error.causes) or str(error)
            raise FlinkError(f"Flink refuses `{_brief(statement)}`: {told}") from None

    def _run(self, statement: str, timeout_seconds: float) -> Answer:
        operation = self._wire.post(f"{self._path}/statements", {"statement": statement})["operationHandle"]
        path = f"{self._path}/operations/{operation}"
        deadline = time.monotonic() + timeout_seconds
        while self._wire.get(f"{path}/status")["status"] in ("INITIALIZED", "PENDING", "RUNNING"):
            if time.monotonic() > deadline:
                raise FlinkError(f"Flink has no answer to `{_brief(statement)}` after {timeout_seconds:.0f} s")
            time.sleep(_POLL_SECONDS)
        return self._result(path)

    def _result(self, path: str) -> Answer:
        columns: tuple[str, ...] = ()
        rows: list[tuple[Any, ...]] = []
        job: str | None = None
        token: str | None = f"{path}/result/0?rowFormat=JSON"
        while token is not None:
            page = self._wire.get(token[token.index("/v1/") :])
            job = page.get("jobID", job)
            results = page.get("results")
            if results:
                columns = tuple(column["name"] for column in results["columns"])
                rows += [tuple(row["fields"]) for row in results["data"]]
            if page["resultType"] == "NOT_READY":
                time.sleep(_POLL_SECONDS)
            elif page["resultType"] == "EOS" or not page.get("isQueryResult", True):
                break
            token = page.get("nextResultUri")
        return Answer(columns, tuple(rows), job)


class Gateway:
    """The gateway at one address; nothing is asked before a method is called."""

    def __init__(self, url: str) -> None:
        """Raises ConfigError when it is no address."""
        self._wire = Wire(url, "--gateway", "SQL gateway", _HINT)
        self.url = self._wire.url

    def version(self) -> str:
        """Flink's version, like 2.3.0. Raises Unreachable where nobody answers."""
        return str(self._wire.get("/v1/info")["version"])

    @contextmanager
    def session(self, settings: Mapping[str, str] | None = None) -> Iterator[Session]:
        """A fresh session with these settings; jobs that it submitted go on after it."""
        handle = self._wire.post("/v1/sessions", {"properties": dict(settings or {})})["sessionHandle"]
        try:
            yield Session(self._wire, handle)
        finally:
            # it closes by itself when idle, and an error before is the one to tell
            with suppress(FlinkError):
                self._wire.delete(f"/v1/sessions/{handle}")

    def run(self, statements: Sequence[str], settings: Mapping[str, str] | None = None) -> list[Answer]:
        """Run statements in a session of their own, in order; the first that fails ends it with FlinkError."""
        with self.session(settings) as session:
            return [session.run(statement) for statement in statements]


def _brief(statement: str) -> str:
    words = " ".join(statement.split())
    return words if len(words) <= 80 else f"{words[:77]}..."
