"""`tidemill lateness` as a user runs it."""

import json
from datetime import timedelta

from tests.cli.started import Tidemill
from tests.query.lakes import T0, LakeMaker, clicks, ledger


def later(lake: LakeMaker) -> None:
    """A window is shown as closed, and then gains a row."""
    lake.commit({"ledger": [ledger("p", 2, 3, T0 + timedelta(minutes=5))]})
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)], "ledger": [ledger("p", 3, 4, T0)]})


def test_corrections_are_told_per_rollup_and_window(tidemill: Tidemill, lake: LakeMaker) -> None:
    later(lake)
    code, out, err = tidemill("lateness", "--rollup", "ad_clicks_1m")
    assert (code, err) == (0, "")
    assert "clicks 2 +1" in out


def test_json_holds_every_window_of_a_key(tidemill: Tidemill, lake: LakeMaker) -> None:
    later(lake)
    told = json.loads(tidemill("lateness", "--json", "--key", "ad_id=a")[1])
    assert told[0]["windows"][0]["rows_added"] == 1
    other = json.loads(tidemill("lateness", "--json", "--key", "ad_id=b")[1])
    assert other[0]["windows"] == []


def test_a_limit_of_0_shows_rollups_without_windows(tidemill: Tidemill, lake: LakeMaker) -> None:
    later(lake)
    assert "clicks 2 +1" not in tidemill("lateness", "--limit", "0")[1]


def test_a_key_that_is_no_pair_is_told_with_the_form(tidemill: Tidemill) -> None:
    for wrong in ("ad_id", "=a"):
        code, _, err = tidemill("lateness", "--key", wrong)
        assert code == 2
        assert f"--key = {wrong!r}: write COLUMN=VALUE, like ad_id=ad-7" in err
