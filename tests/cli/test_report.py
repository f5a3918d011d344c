"""`tidemill report` as a user runs it."""

from tests.cli.started import Tidemill


def test_report_says_its_range_beside_the_rows(tidemill: Tidemill) -> None:
    code, out, err = tidemill("report", "clicks_per_ad", "--minutes", "2", "--at", "latest", "--format", "csv")
    assert (code, out) == (0, "ad_id,clicks,spend\na,2,1.500000\n")
    assert "2026-01-01 11:59 to 12:01 UTC" in err
    code, out, err = tidemill("report", "clicks_per_ad", "--minutes", "2")
    assert (code, out) == (0, "")
    assert "tidemill report clicks_per_ad --minutes 2 --at latest" in err
    assert tidemill("report", "top_campaigns", "--at", "latest")[0] == 0
    assert tidemill("report", "revenue_per_hour", "--hours", "2", "--at", "latest")[0] == 0
