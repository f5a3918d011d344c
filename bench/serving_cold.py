"""A process that has never seen the lake: how long until it has answered? `python -m bench.serving_cold LAKE TIME`.

Prints JSON: seconds from the opening of a reader that stays to each report's answer, its first question included.
"""

import json
import sys
import time
from datetime import datetime
from pathlib import Path

from bench.serving_reports import NAMES, ask
from query.recent import RecentReader


def main() -> None:
    lake, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
    seconds = {}
    started = time.perf_counter()
    with RecentReader(lake, clock=lambda: now) as reader:
        reader.follow()
        for name in NAMES:
            ask(reader.snapshot(), name, now)
            seconds[name] = time.perf_counter() - started
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
