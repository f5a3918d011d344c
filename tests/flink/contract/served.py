"""A schema registry of a few lines on 127.0.0.1, for functions that ask one by HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dataflow.formats.frame import SchemaKey
from dataflow.formats.schemas import RegisteredSchema


class Served:
    """Answers by path; what is not known is the registry's own 404. `asked`: every path, in order.

    `troubles` are answers of another kind, as status and body, that come first.
    """

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.troubles: list[tuple[int, bytes]] = []
        self.url = ""

    def add(self, number: int | str, text: str, kind: str = "AVRO", references: Any = ()) -> None:
        """A schema by number or GUID. `references`: (name, text) in the order in which each is known before its use."""
        told = []
        for at, (name, other) in enumerate(references):
            subject = f"{number}/{name} é"
            self.answers[f"/subjects/{_escaped(subject)}/versions/{at + 1}"] = {"schema": other}
            told.append({"name": name, "subject": subject, "version": at + 1})
        answer = {"schema": text, "references": told} | ({} if kind == "AVRO" else {"schemaType": kind})
        self.answers[f"/schemas/{'ids' if isinstance(number, int) else 'guids'}/{number}"] = answer

    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        """The same, as decoders ask."""
        found = self.answers.get(f"/schemas/{key.kind}s/{key.value}")
        if found is None:
            return None
        paths = [f"/subjects/{_escaped(each['subject'])}/versions/{each['version']}" for each in found["references"]]
        names = [each["name"] for each in found["references"]]
        texts = [self.answers[path]["schema"] for path in paths]
        return RegisteredSchema(found.get("schemaType", "AVRO"), found["schema"], dict(zip(names, texts, strict=True)))


def _escaped(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


@contextmanager
def served() -> Iterator[Served]:
    """One that answers as long as this lasts."""
    registry = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            registry.asked.append(self.path)
            status, body = 200, json.dumps(registry.answers.get(self.path)).encode()
            if registry.troubles:
                status, body = registry.troubles.pop(0)
            elif self.path not in registry.answers:
                status, body = 404, b'{"error_code": 40403, "message": "Schema not found"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
