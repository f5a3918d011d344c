"""Schemathesis against the description of the API, over a real server: whatever is asked, nothing fails inside."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serve.api.ask_routes import PREFIX
from serve.ask.ways import WAYS
from tests.query.lakes import LakeMaker
from tests.serve.process import running
from tests.serve.served_lake import alert, fill, with_rules

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OF_ITSELF = {503, 504}
"""What a server may say of itself without a fault of its own: it is busy, or the time is over."""


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What is described, by method and path."""
    with LakeMaker(tmp_path_factory.mktemp("described") / "lake", with_rules()) as lake:
        fill(lake)
        lake.commit({"alert_changes": [alert("a", 1), alert("b", 2), alert("top", 1, rule="dear")]})
        with running(lake.folder, "--source", "generator", "--serve-sql-timeout", "2s") as (process, url):
            described = schemathesis.openapi.from_url(f"{url}/openapi.json")
            results: Any = described.get_all_operations()
            found = [result.ok() for result in results]
            yield {f"{each.method.upper()} {each.path}": each for each in found}
            # whatever was asked, it is still the same process
            assert process.poll() is None


def test_the_paths_that_are_tried_are_those_of_the_description(operations: dict[str, Any]) -> None:
    assert operations.keys() - {"GET /api/v1/stream", "GET /api/v1/alerts/feed"} == set(TRIED)


TRIED = [
    *(f"GET {PREFIX}/{path}" for path in [*WAYS, "reports/{name}", "boards/{name}", "doctor"]),
    *(f"POST {PREFIX}/query", f"DELETE {PREFIX}/query/{{id}}", "GET /livez", "GET /readyz", "GET /metrics"),
]


@pytest.mark.parametrize("tried", TRIED)
def test_nothing_that_is_asked_fails_inside(operations: dict[str, Any], tried: str) -> None:
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operations[tried].as_strategy())
    def ask(case: Any) -> None:
        response = case.call(timeout=60)
        assert response.status_code < 500 or response.status_code in OF_ITSELF, response.text
        if response.status_code not in OF_ITSELF:
            case.validate_response(response, checks=CHECKS)

    ask()
