"""The description of the API."""

from starlette.testclient import TestClient

from serve.api.described import responses


def test_every_parameter_and_answer_is_described(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for told in methods.values():
            assert told["summary"], path
            assert "200" in told["responses"] or "204" in told["responses"]
            assert all(each["description"] and each["schema"] for each in told.get("parameters", []))
            assert "application/problem+json" in str(told["responses"]["default"])


def test_tables_are_described_in_all_forms_and_documents_in_json_alone() -> None:
    assert len(responses(400, table=True)["200"]["content"]) == 5
    assert [*responses(400)["200"]["content"]] == ["application/json"]
    assert "content" not in responses(304)["304"]
