"""Files for browsers: the page, and the description of the API as a page of its own."""

import mimetypes
from gzip import compress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from serve.api.server import Server
from serve.etag import known_tags
from serve.problem import Problem

_SERVE = Path(__file__).resolve().parents[1]
PAGE, DOCS = _SERVE / "page", _SERVE / "static"


class _File(NamedTuple):
    body: bytes
    packed: bytes
    tag: str
    media_type: str


def add_page_routes(app: FastAPI, server: Server) -> None:
    """Add them. Files are read once, when the server starts: they come with its version."""
    page, docs = _files(PAGE), _files(DOCS)

    async def index(request: Request) -> Response:
        if "index.html" not in page:
            return RedirectResponse("/docs", 307)
        return _sent(request, page["index.html"])

    async def asset(request: Request, path: str) -> Response:
        return _sent(request, _found(page, f"assets/{path}"))

    async def docs_page(request: Request) -> Response:
        return _sent(request, _found(docs, "docs.html"))

    async def docs_asset(request: Request, path: str) -> Response:
        return _sent(request, _found(docs, path))

    app.add_api_route("/", index, methods=["GET"], include_in_schema=False)
    app.add_api_route("/assets/{path:path}", asset, methods=["GET"], include_in_schema=False)
    app.add_api_route("/docs", docs_page, methods=["GET"], include_in_schema=False)
    app.add_api_route("/docs/{path:path}", docs_asset, methods=["GET"], include_in_schema=False)


def _files(folder: Path) -> dict[str, _File]:
    """The files of a folder by their path in it: nothing else can be asked for, whatever a request says."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file():
            body = path.read_bytes()
            media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            if media_type.startswith("text/") or media_type.endswith("javascript"):
                media_type += "; charset=utf-8"
            tag = blake2b(body, digest_size=9).hexdigest()
            found[path.relative_to(folder).as_posix()] = _File(body, compress(body, 9, mtime=0), tag, media_type)
    return found


def _found(files: dict[str, _File], path: str) -> _File:
    if path not in files:
        raise Problem(404, "no-such-path", "there is nothing at this path", path[:200], "see /docs for what there is")
    return files[path]


def _sent(request: Request, file: _File) -> Response:
    packs = "gzip" in request.headers.get("accept-encoding", "") and len(file.packed) < len(file.body)
    tag = file.tag + ("-gzip" if packs else "")
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
    if tag in known_tags(request.headers.getlist("if-none-match")):
        return Response(status_code=304, headers=headers)
    if packs:
        headers["Content-Encoding"] = "gzip"
    return Response(file.packed if packs else file.body, headers={**headers, "Content-Type": file.media_type})
