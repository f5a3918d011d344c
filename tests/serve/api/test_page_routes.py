"""Files for browsers."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from serve.api.page_routes import DOCS, PAGE


def test_the_description_is_a_page_of_its_own_that_asks_nobody_else(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        assert link.startswith("/")
        assert client.get(link).status_code == 200
    for path in DOCS.iterdir():
        assert not re.search(r"https?://", path.read_text())
        assert " style=" not in path.read_text()
        assert "<script>" not in path.read_text()


def test_files_have_tags_and_are_packed(client: TestClient) -> None:
    answer = client.get("/docs/docs.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    again = client.get("/docs/docs.js", headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get("/docs/docs.js", headers={"Accept-Encoding": "identity"})
    assert plain.headers["etag"] != answer.headers["etag"]
    assert plain.text == answer.text == (DOCS / "docs.js").read_text()


@pytest.mark.parametrize(
    "path", ["/docs/../app.py", "/docs/%2e%2e/app.py", "/docs/none.js", "/assets/", "/assets/../app.py"]
)
def test_no_other_file_is_sent(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_is_there_or_the_description_instead(client: TestClient) -> None:
    answer = client.get("/")
    if (PAGE / "index.html").exists():
        assert answer.text == (PAGE / "index.html").read_text()
    else:
        assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


def test_what_is_served_comes_with_the_wheel() -> None:
    assert DOCS.is_relative_to(Path(__file__).parents[3] / "serve")
