"""One who follows alerts: each change once, in order, whatever is cut, and a word where that cannot be."""

import asyncio
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from serve.api.server import Server
from serve.feed import alert_log
from serve.feed.alert_log import AlertLog
from serve.feed.alert_viewer import AlertViewer, id_of, place_of
from tests.query.lakes import LakeMaker
from tests.serve.feed.watching import Event, Watch, server_of
from tests.serve.served_lake import alert, fill, with_rules


def follow(server: Server, last_id: str | None = None, **asked: Any) -> Watch:
    def wants(told: dict[str, Any]) -> bool:
        return all(told[name] == value for name, value in asked.items())

    log = AlertLog(server.lake, 60.0)
    viewer = AlertViewer(log, server.feed_lane, lambda: server.feed.is_closed, wants, last_id)
    server.feed.follow(viewer)
    return Watch(viewer)


def changed(event: Event) -> tuple[str, int]:
    return event.data["alert_id"], event.data["change"]


def alerts_in(watch: Watch) -> list[tuple[str, int]]:
    return [changed(event) for event in watch.events if event.kind == "alert"]


def key(row: dict[str, Any]) -> tuple[str, int]:
    return row["alert_id"], row["change"]


@pytest.mark.parametrize("written", ["7", f"7-{'a' * 32}-3"])
def test_an_id_is_a_place_and_back(written: str) -> None:
    place = place_of(written)
    assert place is not None
    assert id_of(place) == written


@pytest.mark.parametrize("written", ["", "x", "7-", "7-abc-1", f"7-{'a' * 32}", f"7-{'A' * 32}-1", "-7", "1" * 19])
def test_what_is_no_id_is_no_place(written: str) -> None:
    assert place_of(written) is None


def test_who_comes_anew_gets_what_comes_next_and_an_id_at_once(ruled: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(ruled.folder) as server:
            watch = follow(server)
            assert await watch.reached(4) == "4"
            rows = [alert("x", 6), alert("y", 6)]
            ruled.commit({"alert_changes": rows})
            last = max(map(key, rows))
            await watch.until(lambda event: event.kind == "alert" and changed(event) == last)
            assert alerts_in(watch) == sorted(map(key, rows))
            assert [event.id for event in watch.events[1:]] == [f"5-{name}-1" for name, _ in alerts_in(watch)]

    asyncio.run(play())


def test_an_event_has_the_row_as_it_is_asked_for_with_its_commit(ruled: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(ruled.folder) as server:
            watch = follow(server, "3", state="raised")
            event = await watch.until(lambda event: event.kind == "alert")
            row = {**alert("b", 5), "window_start": "2026-01-01T12:05:00Z", "window_end": "2026-01-01T12:06:00Z"}
            assert event.data == {**row, "quiet": False, "snapshot": 4}

    asyncio.run(play())


def test_whether_an_alert_is_quiet_is_told_with_it(ruled: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(ruled.folder) as server:
            watch = follow(server, "2", rule="busy")
            await watch.until(lambda event: event.kind == "alert" and event.data["snapshot"] == 4)
            told = [event.data for event in watch.events if event.kind == "alert"]
            found = {(each["key"], each["window_start"][14:16]): each["quiet"] for each in told}
            assert found['{"ad_id": "a"}', "01"] is False
            assert found['{"ad_id": "a"}', "02"] is True

    asyncio.run(play())


def test_what_nobody_wants_moves_the_id_on(ruled: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(ruled.folder) as server:
            watch = follow(server, "2", severity="critical")
            id_ = await watch.reached(4)
            assert alerts_in(watch) == []
            assert id_.count("-") == 2

    asyncio.run(play())


def test_a_strange_id_or_one_of_another_lake_is_told_and_the_rest_goes_on(ruled: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(ruled.folder) as server:
            for strange in ("nonsense", "99", f"4-{'0' * 32}-1", f"3-{alert('b', 5)['alert_id']}-1"):
                watch = follow(server, strange)
                assert (await watch.until(lambda event: event.kind == "reset")).data == {"snapshot": 4}
                assert await watch.reached(4) == "4"
                assert alerts_in(watch) == []

    asyncio.run(play())


def test_a_lake_that_takes_the_place_of_another_is_told_and_followed(ruled: LakeMaker, tmp_path: Path) -> None:
    async def play() -> None:
        async with server_of(ruled.folder) as server:
            watch = follow(server, "2")
            await watch.until(lambda event: event.kind == "alert" and event.data["snapshot"] == 4)
            shutil.move(ruled.folder, tmp_path / "away")
            await watch.until(lambda event: event.kind == "problem")
            with LakeMaker(ruled.folder, with_rules()) as other:
                fill(other)
                await watch.until(lambda event: event.kind == "reset")
                other.commit({"alert_changes": [alert("z", 7)]})
                await watch.until(lambda event: event.kind == "alert" and changed(event) == key(alert("z", 7)))

    asyncio.run(play())


@pytest.mark.parametrize("seed", range(6))
def test_however_often_it_is_cut_a_client_gets_each_change_once_and_in_order(
    ruled: LakeMaker, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Commits, compaction left out, and connections that end within a piece, in a random order."""
    draw = random.Random(seed)
    monkeypatch.setattr(alert_log, "MOST", 3)
    written: list[tuple[str, int]] = []
    got: list[tuple[str, int]] = []

    def commit(number: int) -> None:
        rows = [alert(f"k{number}-{at}", at) for at in range(draw.randrange(0, 8))]
        ruled.commit({"alert_changes": rows, "late_events": []})
        written.extend(sorted(map(key, rows)))

    async def play() -> None:
        last_id = "4"
        async with server_of(ruled.folder) as server:
            for number in range(8):
                if draw.random() < 0.7:
                    commit(number)
                watch = follow(server, last_id)
                if draw.random() < 0.7:
                    commit(100 + number)
                left = draw.randrange(0, 12) if number < 7 else 10**6
                while left and len(got) < len(written):
                    before = len(watch.events)
                    await watch.until(
                        lambda event, known=tuple(watch.events): event.kind == "alert" and event not in known
                    )
                    for event in watch.events[before:][:left]:
                        if event.kind == "alert":
                            got.append(changed(event))
                            left -= 1
                        assert event.kind != "reset"
                        last_id = event.id or last_id
                server.feed.leave(watch.viewer)
            assert got == written

    asyncio.run(play())
