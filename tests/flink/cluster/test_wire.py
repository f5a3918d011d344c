"""JSON over HTTP, and of Java's stack traces what they are about."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dataflow.errors import ConfigError
from flink.cluster.errors import Refused, Unreachable
from flink.cluster.wire import MOST_CAUSES, Wire, causes, first_trace
from runtime.ports import free_ports

REFUSAL = """<Exception on server side:
org.apache.flink.table.gateway.api.utils.SqlGatewayException: org.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed to fetchResults.
\tat org.apache.flink.table.gateway.rest.handler.statement.FetchResultsHandler.handleRequest(FetchResultsHandler.java:91)
Caused by: org.apache.flink.table.api.ValidationException: Unable to create a source for reading table 'src'.

Table options are:

'connector'='kafka'
\tat org.apache.flink.table.factories.FactoryUtil.createDynamicTableSource(FactoryUtil.java:228)
\t... 5 more
Caused by: org.apache.flink.table.api.ValidationException: Could not find any factory for identifier 'nope'.
"""  # noqa: E501  # as Flink writes it


class Answers(BaseHTTPRequestHandler):
    """Says what was asked, or what a path of its own is for."""

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = {"method": self.command, "path": self.path, "body": self.rfile.read(length).decode()}
        status, said = {
            "/refused": (500, json.dumps({"errors": ["Internal server error.", REFUSAL]})),
            "/plain": (404, "nobody here"),
            "/empty": (202, ""),
            "/page": (200, "<html>"),
        }.get(self.path, (200, json.dumps(asked)))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(said.encode())

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Wire(f"http://127.0.0.1:{server.server_port}/", "--rest", "JobManager", "start it")
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_asked_arrives_and_is_answered(wire: Wire) -> None:
    assert wire.get("/a?b=c") == {"method": "GET", "path": "/a?b=c", "body": ""}
    assert wire.post("/a", {"x": 1}) == {"method": "POST", "path": "/a", "body": '{"x": 1}'}
    assert (wire.patch("/a")["method"], wire.delete("/a")["method"]) == ("PATCH", "DELETE")
    assert wire.patch("/empty") == {}


def test_a_refusal_is_told_by_its_causes(wire: Wire) -> None:
    with pytest.raises(Refused) as refused:
        wire.get("/refused")
    assert refused.value.status == 500
    assert refused.value.causes == (
        "ValidationException: Unable to create a source for reading table 'src'",
        "ValidationException: Could not find any factory for identifier 'nope'",
    )
    assert str(refused.value) == f"JobManager at {wire.url} says: " + ": ".join(refused.value.causes)
    with pytest.raises(Refused, match="says: nobody here"):
        wire.get("/plain")


def test_nobody_there_and_somebody_else_are_told_with_the_way_out(wire: Wire) -> None:
    with pytest.raises(Unreachable, match=r"no JobManager answers at .*: start it"):
        wire.get("/page")
    nobody = Wire(f"http://127.0.0.1:{free_ports(1)[0]}", "--rest", "JobManager", "start it")
    with pytest.raises(Unreachable, match=r"no JobManager answers at http://127.*refused.*: start it"):
        nobody.get("/")


@pytest.mark.parametrize("url", ["127.0.0.1:8081", "ftp://x", "http://", ""])
def test_what_is_no_address_is_refused_by_the_name_of_its_flag(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^--rest = "):
        Wire(url, "--rest", "JobManager", "start it")


@pytest.mark.parametrize(
    ("stack", "told"),
    [
        ("", ()),
        ("no exception here\n\tat a.b.C(D.java:1)", ()),
        ("java.lang.RuntimeException", ("RuntimeException",)),
        ("java.lang.RuntimeException: x\nCaused by: java.lang.RuntimeException: x", ("RuntimeException: x",)),
        ("a.b.AException: a.b.BException: c", ("BException: c",)),
        ("x.OuterException: Recovery is suppressed by Y\nCaused by: x.InnerError: why.", ("InnerError: why",)),
        ("x.A0Error: it\nCaused by: java.lang.NoSuchError: a.b.C", ("A0Error: it", "NoSuchError: a.b.C")),
    ],
)  # fmt: skip
def test_causes_are_the_exceptions_without_places_and_repeats(stack: str, told: tuple[str, ...]) -> None:
    assert causes(stack) == told


def test_of_a_log_the_first_stack_trace_counts() -> None:
    first = "a.b.AException: x\n\tat a.b.C(D.java:1)\nCaused by: a.b.BError: y\n\t... 3 more"
    log = f"12:00 INFO  begins\n12:01 ERROR Main: it fails\n{first}\n12:02 WARN  ends\na.b.CException: z\n"
    assert first_trace(log) == first
    assert first_trace("12:00 INFO  all is well") == ""


def test_of_many_causes_the_innermost_stay() -> None:
    stack = "\n".join(f"Caused by: a.b.CException: number {number};" for number in range(9))
    assert causes(stack) == tuple(f"CException: number {number};" for number in range(9 - MOST_CAUSES, 9))
