"""What stands beside the figures of fetching without librdkafka."""

from bench.direct import DIRECT, PLAIN, ratios
from bench.measure import Summary
from bench.throughput import BARE


def test_the_direct_way_is_held_against_each_other_one() -> None:
    summaries = {
        BARE: Summary(BARE, 5, 100, 100.0, 90.0, 110.0, 150.0, 2.0, 100.0),
        PLAIN: Summary(PLAIN, 5, 100, 200.0, 190.0, 210.0, None, 1.0, 300.0),
        DIRECT: Summary(DIRECT, 5, 100, 300.0, 290.0, 310.0, 600.0, 0.5, 300.0),
    }
    assert ratios(summaries) == {
        f"CPU of one event, {BARE}": "2.00 us",
        f"CPU of one event, {PLAIN}": "1.00 us",
        f"CPU of one event, {DIRECT}": "0.50 us",
        f"rate against {BARE}": "3.00, start and stop included",
        f"rate against {BARE}, while running": "4.00",
        f"rate against {PLAIN}": "1.50, start and stop included",
    }
