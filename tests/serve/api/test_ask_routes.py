"""Questions with GET: how they are wanted is read apart from what is asked."""

import pytest
from starlette.testclient import TestClient


def test_form_and_shape_are_no_parameters_of_a_question(client: TestClient) -> None:
    answer = client.get("/api/v1/dead-letters?shape=columns&limit=1&format=json")
    assert (answer.status_code, answer.json()["data"][2]) == (200, [4])


@pytest.mark.parametrize("query", ["shape=cells", "format=xml", "format=json&format=csv"])
def test_a_form_or_shape_that_there_is_not_is_told(client: TestClient, query: str) -> None:
    assert client.get(f"/api/v1/dead-letters?{query}").status_code == 400


def test_names_with_signs_of_paths_are_names(client: TestClient) -> None:
    for name in ("..%2F..%2Fetc", "a%2Fb", "%C3%A9", "a%20b", "%00", "clicks_per_ad%0A"):
        assert client.get(f"/api/v1/reports/{name}").status_code == 404
