"""The server's reader follows the lake by itself."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from query.recent import Limits
from serve.reader import open_reader
from tests.query.lakes import LakeMaker, clicks


def test_it_follows_a_lake_that_comes_later(tmp_path: Path) -> None:
    with open_reader(tmp_path / "lake", Limits(), lambda: datetime.now(UTC)) as reader:
        reader.follow()
        assert reader.held().rows == 0
        with LakeMaker(tmp_path / "lake") as lake:
            lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
            for _ in range(2_000):
                # what it weighs is known once the round that took it in is over
                if reader.held().rows and reader.held().size_bytes:
                    break
                threading.Event().wait(0.005)
            assert reader.held().rows == 1
            assert reader.held().size_bytes > 0
