"""The doctor's findings over HTTP."""

from starlette.testclient import TestClient

from doctor.finding import Finding, ok, warning
from tests.query.lakes import LakeMaker
from tests.serve.served_lake import serving


def test_findings_are_told_and_made_once_for_many_who_ask(lake: LakeMaker) -> None:
    made = []

    def examine() -> list[Finding]:
        made.append(1)
        return [ok("lake", "is fine", snapshot=2), warning("source", "is slow", "wait")]

    with serving(lake.folder, examine=examine) as client:
        for _ in range(3):
            told = client.get("/api/v1/doctor").json()
    assert told["findings"][1] == {
        "level": "warning", "subject": "source", "message": "is slow", "fix": "wait", "details": {},
    }  # fmt: skip
    assert len(made) == 1


def test_a_server_without_an_examination_says_so(client: TestClient) -> None:
    assert client.get("/api/v1/doctor").status_code == 501
    assert client.get("/api/v1/doctor?x=1").status_code == 400


def test_the_walls_around_sql_are_told_where_the_server_takes_some(lake: LakeMaker) -> None:
    with serving(lake.folder, examine=lambda: [], sql=True, sql_children=1) as client:
        (found,) = client.get("/api/v1/doctor").json()["findings"]
    assert (found["subject"], found["level"] in ("ok", "warning")) == ("sql.walls", True)
    assert found["details"]["walls"]["statement"] == {"is_up": True, "note": ""}
