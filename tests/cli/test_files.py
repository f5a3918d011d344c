"""`tidemill files` as a user runs it."""

import json
from pathlib import Path

import duckdb

from tests.cli.started import Tidemill
from tests.query.lakes import LakeMaker, clicks

TABLE = "ad_clicks_1m_delta"


def test_the_files_are_named_a_line_each_or_read_by_a_select_as_query_reads_them(
    tidemill: Tidemill, lake: LakeMaker
) -> None:
    before = lake.catalog.head().id
    lake.commit({TABLE: [clicks("b", 1, 3, "0.25")]})
    for as_of, count in ((), 2), (("--as-of", str(before)), 1):
        code, out, err = tidemill("files", TABLE, *as_of)
        assert (code, err) == (0, "")
        paths = out.splitlines()
        assert [Path(path).parent for path in paths] == [lake.folder / "main" / TABLE] * count
        _, asked, _ = tidemill("query", f"SELECT ad_id, clicks, spend FROM {TABLE}", "--format", "ndjson", *as_of)
        wanted = sorted(
            (each["ad_id"], each["clicks"], str(each["spend"])) for each in map(json.loads, asked.splitlines())
        )
        code, sql, err = tidemill("files", TABLE, "--format", "sql", *as_of)
        assert (code, err) == (0, "")
        for source in (f"({sql})", f"read_parquet({paths})"):
            found = duckdb.execute(f"SELECT ad_id, clicks, spend::DOUBLE::VARCHAR FROM {source}").fetchall()
            assert sorted(found) == [(ad, n, str(float(spend))) for ad, n, spend in wanted]


def test_a_wrong_form_or_table_is_refused(tidemill: Tidemill) -> None:
    assert tidemill("files", TABLE, "--format", "csv") == (
        2, "", "error: --format = 'csv': choose one of paths, sql\n",
    )  # fmt: skip
    code, out, err = tidemill("files", "ad_clicks_1m")
    assert (code, out) == (1, "")
    assert "is a view" in err
