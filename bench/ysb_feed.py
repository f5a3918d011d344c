"""The Yahoo Streaming Benchmark's events: views, clicks and purchases of 1,000 ads, ten for each of 100 campaigns.

python -m bench.ysb_feed writes bench/ysb_ads.csv, the dimension file.
"""

import random
from collections.abc import Iterator
from pathlib import Path

CAMPAIGNS, ADS = 100, 10
ADS_FILE = Path(__file__).resolve().parent / "ysb_ads.csv"
START_MS, SPAN_MS = 1_764_000_000_000, 600_000
KINDS = ("view", "click", "purchase")
_TYPES = ("banner", "modal", "sponsored-search", "mail", "mobile")
_ID = "{0:08x}-0000-4000-8000-{0:012x}"


def ad_id(number: int) -> str:
    """In the form of a UUID, as the benchmark has them."""
    return _ID.format(number)


def ads_csv() -> str:
    """ad_id, campaign_id."""
    lines = [f"{ad_id(ad)},campaign-{ad // ADS:02d}\n" for ad in range(CAMPAIGNS * ADS)]
    return "".join(["ad_id,campaign_id\n", *lines])


def events(count: int) -> Iterator[bytes]:
    """`count` events in the order of their times, a third of them views; the same each time."""
    chance = random.Random(0)
    for number in range(count):
        at_ms = START_MS + number * SPAN_MS // count
        user, page = int(chance.random() * 100_000), int(chance.random() * 100_000)
        yield (
            f'{{"user_id":"{_ID.format(user)}","page_id":"{_ID.format(page)}",'
            f'"ad_id":"{ad_id(int(chance.random() * CAMPAIGNS * ADS))}","ad_type":"{_TYPES[number % 5]}",'
            f'"event_type":"{KINDS[int(chance.random() * 3)]}","event_time":{at_ms},"ip_address":"1.2.3.4"}}'
        ).encode()


def main() -> None:
    """Write the dimension file."""
    ADS_FILE.write_text(ads_csv(), encoding="utf-8")


if __name__ == "__main__":
    main()
