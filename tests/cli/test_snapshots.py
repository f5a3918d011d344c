"""`tidemill snapshots` as a user runs it."""

import json

from tests.cli.started import Tidemill
from tests.query.lakes import T0, LakeMaker, clicks, ledger


def test_the_newest_snapshot_comes_first_with_what_it_added_and_read(tidemill: Tidemill, lake: LakeMaker) -> None:
    number = lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)], "ledger": [ledger("p", 2, 4, T0)]})
    rows = json.loads(tidemill("snapshots", "--format", "json")[1])
    assert [row["snapshot"] for row in rows] == list(range(number, -1, -1))
    assert (rows[0]["rows"], rows[0]["offsets"]) == ("ad_clicks_1m_delta +1, ledger +1", "p [2, 4)")


def test_a_limit_keeps_the_newest(tidemill: Tidemill, lake: LakeMaker) -> None:
    number = lake.commit({"ledger": [ledger("p", 2, 3, T0)]})
    code, out, err = tidemill("snapshots", "--limit", "1", "--format", "csv")
    assert (code, err) == (0, "")
    assert [line.partition(",")[0] for line in out.splitlines()] == ["snapshot", str(number)]
    assert "p [2, 3)" in out
