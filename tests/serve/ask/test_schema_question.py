"""What there is to ask."""

from starlette.testclient import TestClient


def test_tables_and_rollups_are_told_with_their_columns(client: TestClient) -> None:
    told = client.get("/api/v1/schema").json()
    tables = {each["name"]: each for each in told["tables"]}
    assert (tables["dead_letters"]["kind"], tables["dead_letters"]["rows"]) == ("table", 3)
    rollup = tables["ad_clicks_1m"]
    assert (rollup["kind"], rollup["keys"], rollup["rows"]) == ("rollup", ["ad_id"], None)
    assert rollup["columns"][0] == {"name": "ad_id", "type": "VARCHAR"}
    assert [(each["name"], each["kind"], each["additive"]) for each in rollup["aggregates"]] == [
        ("clicks", "count", True),
        ("spend", "sum", True),
    ]
    assert rollup["window"] == {
        "kind": "tumble", "size_ms": 60_000, "slide_ms": 60_000, "offset_ms": 0, "text": "tumble 1m",
    }  # fmt: skip
    assert told["pipeline"]["name"] == "ads"
    assert told["pipeline"]["event_time"] == "event_time"
    assert told["snapshot"]["id"] == 2
