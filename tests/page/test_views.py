"""The views beside the boards: pipeline, dead letters, SQL."""

import json
from pathlib import Path

import pyarrow as pa

from query.reader import LakeReader
from tests.page.look import Look
from tests.page.served import Server


def test_a_reason_leads_to_its_raw_records(look: Look, served: Server) -> None:
    look.open("/?view=ads")
    look["reasons"].get_by_role("link").filter(has_text="wrong_type").click()
    look.until(lambda: look.query.get("reason") == ["wrong_type"], "the reason is in the address")
    look["record"].first.wait_for()
    look["record"].first.locator("summary").click()
    shown = look["raw"].first.inner_text()
    raw = served.get("dead-letters?reason=wrong_type&limit=50")["rows"]
    with LakeReader(served.lake) as reader:
        values = reader.query("SELECT value FROM dead_letters WHERE reason = 'wrong_type'").column("value").to_pylist()
    compact = json.dumps(json.loads(shown))
    assert compact in {json.dumps(json.loads(row["value"])) for row in raw}
    assert compact in {json.dumps(json.loads(value)) for value in values}
    assert {text.split("\n")[0] for text in look["record"].all_inner_texts()} == {"wrong_type"}


def test_more_records_come_page_by_page(look: Look, served: Server) -> None:
    look.open("/?view=dead-letters")
    look["more"].click()
    look.until(lambda: look["record"].count() == 100, "a second page has come")
    assert len(set(look.tab.locator(".records .where").all_inner_texts())) == 100


def test_the_pipeline_tab_tells_where_each_partition_is_and_why_windows_are_open(look: Look, served: Server) -> None:
    look.open("/?view=pipeline")
    shown = [row[0] for row in look.rows("partitions")]
    assert shown == [each["partition"] for each in served.get("status")["partitions"]]
    windows = look["open-windows"].inner_text()
    for rollup in ("ad_clicks_1m", "campaign_1m", "revenue_1h", "clicks_5m"):
        assert rollup in windows
    assert "not final" in windows
    assert "makes it final with an event of" in windows
    look["pipeline-doctor"].get_by_test_id("findings").wait_for()
    look["pipeline-snapshots"].get_by_role("link").first.click()
    look.until(lambda: "as_of" in look.query, "a commit can be looked at")


def test_sql_runs_and_its_answer_can_be_downloaded(look: Look, served: Server, tmp_path: Path) -> None:
    snapshot = served.get("status")["snapshot"]["id"]
    look.open(f"/?view=sql&as_of={snapshot}")
    look["sql-text"].fill("SELECT reason, count(*) AS records FROM dead_letters GROUP BY reason ORDER BY reason")
    look["sql-run"].click()
    look["sql-table"].wait_for()
    with LakeReader(served.lake) as reader:
        counted = reader.snapshot(snapshot).query(
            "SELECT reason, count(*) AS records FROM dead_letters GROUP BY reason ORDER BY reason"
        )
    rows = [(row["reason"], row["records"]) for row in counted.to_pylist()]
    assert [(reason, int(records.replace(",", ""))) for reason, records in look.rows("sql-table")] == rows
    assert look.query["sql"][0].startswith("SELECT reason")
    for name in ("csv", "arrow"):
        with look.tab.expect_download() as download:
            look[f"download-{name}"].click()
        download.value.save_as(tmp_path / name)
        assert download.value.suggested_filename == f"tidemill.{name}"
    lines = (tmp_path / "csv").read_text().split()
    assert lines == ["reason,records", *(f"{reason},{records}" for reason, records in rows)]
    with pa.ipc.open_stream((tmp_path / "arrow").read_bytes()) as stream:
        assert [tuple(row.values()) for row in stream.read_all().to_pylist()] == rows


def test_numbers_beyond_all_digits_are_shown_as_they_are(look: Look) -> None:
    look.open("/?view=sql")
    look["sql-text"].fill(
        "SELECT 1e300::DOUBLE AS huge, -6.5e21::DOUBLE AS less, 1e-9::DOUBLE AS tiny, 1.5::DOUBLE AS x"
    )
    look["sql-run"].click()
    look["sql-table"].wait_for()
    assert look.rows("sql-table") == [["1e+300", "-6.5e+21", "1e-9", "1.5"]]


def test_sql_that_takes_long_can_be_cancelled(look: Look) -> None:
    look.open("/?view=sql")
    look["sql-text"].fill(
        "SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE hash(a.range, b.range) % 7 = 1"
    )
    look["sql-text"].press("Control+Enter")
    look["sql-cancel"].click()
    look.until(lambda: "Cancelled after" in look["sql-answer"].inner_text(), "the question has ended")
    look["sql-text"].fill("SELECT 1 AS one")
    look["sql-run"].click()
    look.until(lambda: look["sql-table"].count() and look.rows("sql-table") == [["1"]], "the next one runs")


def test_what_sql_is_refused_is_told_with_a_hint(look: Look) -> None:
    look.open("/?view=sql")
    look["sql-text"].fill("DROP TABLE events")
    look["sql-run"].click()
    look["problem"].wait_for()
    assert "SELECT" in look["problem"].inner_text()


def test_the_schema_leads_into_the_question(look: Look) -> None:
    look.open("/?view=sql")
    look["sql-text"].fill("")
    look["schema"].get_by_role("button", name="put revenue_1h into the question").click()
    assert look["sql-text"].input_value() == "revenue_1h"
