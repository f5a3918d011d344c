"""A run with a rule over pairs goes on with other numbers of workers, and its alerts are those of one query."""

from pathlib import Path
from unittest.mock import patch

import pytest

from bench import pair_rescale

pytestmark = pytest.mark.timeout(600)


def test_alerts_are_exact_after_each_change_of_the_number_of_workers(tmp_path: Path) -> None:
    with patch.object(pair_rescale, "CLICKS", 300):
        steps = pair_rescale.measured(tmp_path, keys=2_000)
    assert [each["workers"] for each in steps] == [1, 2, 1]
    assert 0 < steps[0]["alerts"] < steps[1]["alerts"] < steps[2]["alerts"]


def test_an_alert_that_is_missing_ends_it(tmp_path: Path) -> None:
    with (
        patch.object(pair_rescale, "CLICKS", 20),
        patch.object(pair_rescale, "raised", lambda folder: []),
        pytest.raises(SystemExit, match="step 0, -w 1: the alerts are not those of one query"),
    ):
        pair_rescale.measured(tmp_path, keys=200)
