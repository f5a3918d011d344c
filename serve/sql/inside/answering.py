"""Answers questions, one at a time, over the snapshot that this process was told last."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dataflow.errors import QueryError, SnapshotExpired, SqlRefused
from query.duck import duckdb
from query.ends import LedgerEnds
from query.engine import Engine
from query.guard import read_statement, require_reading
from query.resolve import Resolved, Resolver
from query.shared_work import SharedWork
from query.snapshot import LakeSnapshot, Means
from serve.sql import frames
from serve.sql.inside.policy import require_allowed
from serve.sql.orders import Birth, Order
from serve.sql.weight import weight_bytes
from sinks.lake.catalog.layout import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

INTERRUPT_S = 0.02
BATCH_ROWS = 2_048
_SHARE = 0.8
"""How much of the granted memory the engine counts for itself: what it does not count needs the rest."""

_LONGEST_MESSAGE = 8_000

_NOTHING = Resolved(Snapshot(0, datetime.fromtimestamp(0, UTC), 0), {}, {}, {})
_WARM = """
SELECT i, sum(i)::DECIMAL(38, 6) AS d, i::VARCHAR AS t, [i] AS l, {'a': i} AS s, now() AS z, i::UHUGEINT AS u,
       MAP {'x': 'x'::ENUM('x')} AS m, NULL AS n
FROM range(9) t(i) WHERE i >= $least GROUP BY ALL ORDER BY i
"""

Send = Callable[[bytes, bytes | memoryview], None]


class Moved(Exception):
    """Files of the snapshot have been removed since: who told it has to look them up anew."""


class NoCatalog(Resolver):
    """Stands where others have the catalog, which is out of reach here."""

    def resolve_again(self, known: Resolved) -> Resolved:
        """Raises Moved."""
        raise Moved


class Answering:
    """Answers with frames by `send`: data, then one end that says how it ended.

    `answer` is for one thread; `stop` may come from any other, at any time.
    """

    def __init__(self, birth: Birth, send: Send) -> None:
        self._send = send
        engine = Engine(birth.place.lake, threads=birth.threads, settings=_settings(birth))
        self._means = Means(engine, NoCatalog(birth.place.lake), LedgerEnds(), SharedWork())
        self._snapshot: LakeSnapshot | None = None
        self._tables: frozenset[str] = frozenset()
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()
        self._stopped, self._idle = threading.Event(), threading.Event()
        self._idle.set()

    def tell(self, resolved: Resolved) -> None:
        """The snapshot that the next questions are about."""
        self._tables = frozenset(
            name.lower()
            for name in (*resolved.tables, *resolved.views, *(each.name for each in resolved.others.values()))
        )
        if resolved.others:
            parser = self._means.engine.parser()
            others = {}
            for key, other in resolved.others.items():
                try:
                    if other.sql:
                        self._look(parser, other.sql, resolved)
                    others[key] = other
                except QueryError as error:
                    others[key] = other._replace(sql="", unreadable=str(error))
            resolved = resolved._replace(others=others)
        self._snapshot = LakeSnapshot(self._means, resolved)

    def warm(self) -> None:
        """Answer a question as others are answered, to nobody, so that all that they need is there when they come."""
        self.tell(_NOTHING)
        self._answer(Order(_WARM, {"least": 1}, 2, 1_000), lambda kind, body: None)
        self._snapshot, self._cursor = None, None

    def begin(self) -> None:
        """A question has come; from here on `stop` means it."""
        self._stopped.clear()
        self._idle.clear()

    def answer(self, order: Order) -> None:
        """Answer one question; raises nothing but what tells that nobody listens any more."""
        try:
            end = self._answer(order, self._send)
        except Moved:
            end = {"error": "moved"}
        except MemoryError:
            end = {"error": "memory", "message": "out of memory"}
        except RecursionError:
            end = {"error": "refused", "message": "the question is nested too deeply; write it flatter"}
        except QueryError as error:
            end = self._told(error)
        except Exception as error:
            # whatever it is, this process is not as it should be
            end = {"error": "broken", "message": f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]}
        finally:
            with self._lock:
                self._cursor = None
            self._idle.set()
        self._send(frames.END, json.dumps(end).encode())

    def stop(self) -> None:
        """Have the question let go of what it is at, until it has."""
        self._stopped.set()
        while not self._idle.wait(INTERRUPT_S):
            # it may be closed just now, when the answer is whole
            with self._lock, suppress(duckdb.ConnectionException):
                if self._cursor is not None:
                    self._cursor.interrupt()

    def _begun(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with self._lock:
            self._cursor = cursor

    def _answer(self, order: Order, send: Send) -> dict[str, object]:
        import pyarrow as pa

        snapshot = self._snapshot
        assert snapshot is not None
        parser = self._means.engine.parser()
        try:
            self._look(parser, order.sql, snapshot.resolved)
        finally:
            parser.close()
        batches = snapshot.batches(
            order.sql, parameters=order.parameters, limit=order.rows + 1, batch_rows=BATCH_ROWS, begun=self._begun
        )
        sink = _Sink(send)
        given = Given(order)
        first = next(batches)
        with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), first.schema) as writer:
            table: pa.Table | None = first
            while table is not None:
                if self._stopped.is_set():
                    return {"error": "stopped"}
                writer.write_table(given.part(table))
                table = None if given.cut else next(batches, None)
        sink.flush_rest()
        return {"rows": given.rows, "cut": given.cut}

    def _look(self, parser: duckdb.DuckDBPyConnection, sql: str, resolved: Resolved) -> None:
        try:
            statement = read_statement(parser, sql)
            require_allowed(statement, self._tables, (each.schema for each in resolved.others.values()))
            require_reading(statement)
        except QueryError as error:
            if isinstance(error.__cause__, duckdb.Error):
                raise
            raise SqlRefused(str(error)) from error

    def _told(self, error: QueryError) -> dict[str, object]:
        cause = error.__cause__
        message = str(error)[:_LONGEST_MESSAGE]
        if self._stopped.is_set() or isinstance(cause, duckdb.InterruptException):
            return {"error": "stopped"}
        if isinstance(error, SnapshotExpired) or isinstance(cause, duckdb.IOException):
            return {"error": "moved", "message": message}
        if isinstance(cause, duckdb.OutOfMemoryException | MemoryError):
            return {"error": "memory", "message": message}
        if isinstance(cause, duckdb.FatalException | duckdb.InternalException):
            return {"error": "broken", "message": message}
        return {"error": "refused" if isinstance(error, SqlRefused) else "query", "message": message}


class Given:
    """How much of an answer has been given, and why no more is."""

    def __init__(self, order: Order) -> None:
        self._most_rows, self._room_bytes = order.rows, order.bytes
        self.rows = 0
        self.cut: str | None = None

    def part(self, table: "pa.Table") -> "pa.Table":
        """As much of the next rows as may still be given."""
        if self.rows + table.num_rows > self._most_rows:
            self.cut = "rows"
            table = table.slice(0, self._most_rows - self.rows)
        weight = weight_bytes(table)
        if weight > self._room_bytes:
            self.cut = "bytes"
            table = self._fitting(table)
            weight = weight_bytes(table)
        self.rows += table.num_rows
        self._room_bytes -= weight
        return table

    def _fitting(self, table: "pa.Table") -> "pa.Table":
        fits, too_many = 0, table.num_rows
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            if weight_bytes(table.slice(0, middle)) <= self._room_bytes:
                fits = middle
            else:
                too_many = middle
        return table.slice(0, fits)


class _Sink:
    """What Arrow writes a stream to: passed on in frames."""

    closed = False

    def __init__(self, send: Send) -> None:
        self._send = send
        self._rest = bytearray()

    def write(self, data: "bytes | memoryview") -> int:
        self._rest += data
        while len(self._rest) >= frames.DATA_BYTES:
            self._send(frames.DATA, bytes(self._rest[: frames.DATA_BYTES]))
            del self._rest[: frames.DATA_BYTES]
        return len(data)

    def flush(self) -> None:
        """What is left goes at the end."""

    def flush_rest(self) -> None:
        if self._rest:
            self._send(frames.DATA, bytes(self._rest))
            self._rest.clear()


def _settings(birth: Birth) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": f"{int(birth.memory_bytes * _SHARE)}B",
        # nothing is put aside on a disk, and fewer threads wait
        "temp_directory": "",
        "async_threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_unsigned_extensions": False,
        "allow_persistent_secrets": False,
    }
