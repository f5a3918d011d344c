"""Runs over several topics, by list and by pattern: what joins, what may go, and what every other command says."""

import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from dataflow.errors import TidemillError
from query.reader import LakeReader
from tests.chaos.subject import ROOT, TIDEMILL
from tests.e2e.test_formats import CLICKS
from tests.e2e.test_other_source import EVENT, Folder, refused
from tests.kafka_fixture import create_topic, delete_topic, produce

SECTION = (ROOT / "docs" / "inputs.md").read_text().partition("\n## Several topics\n")[2].partition("\n## ")[0]
BY_LIST, BY_PATTERN = re.findall(r"^tidemill (.*)$", SECTION, re.MULTILINE)

PIPELINE = """
from pydantic import BaseModel

from tidemill import EventTime, KafkaTopic, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import tumble


class Event(BaseModel):
    event_id: str
    event_time: EventTime
    event_type: str
    of_topic: KafkaTopic


pipeline = Pipeline(
    name="several",
    event=Event,
    rollups=[Rollup("hourly", keys=["of_topic", "event_type"], window=tumble("1h"), aggregates={"n": agg.count()})],
)
"""

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "several.py").write_text(PIPELINE)
    return Folder(tmp_path)


def named(number: int) -> str:
    """A family of topics for each test."""
    return f"fam{number}-{os.getpid()}"


def fill(kafka: str, topic: str, count: int, *, partitions: int = 1) -> None:
    create_topic(kafka, topic, partitions)
    for number in range(partitions):
        produce(
            kafka, topic, [EVENT % b"%s-%d-%d" % (topic.encode(), number, n) for n in range(count)], partition=number
        )


def counted(folder: Folder) -> dict[str, int]:
    """Events per topic, as the records said it."""
    with LakeReader(folder.path / "lake") as reader:
        rows = reader.query("SELECT of_topic AS topic, sum(n)::BIGINT AS n FROM hourly GROUP BY ALL").to_pylist()
    return {row["topic"]: row["n"] for row in rows}


def test_a_list_is_read_as_one_and_one_more_needs_to_be_added(kafka: str, folder: Folder) -> None:
    a, b, c = (f"{named(1)}-{each}" for each in "abc")
    fill(kafka, a, 3, partitions=2)
    fill(kafka, b, 4)
    fill(kafka, c, 5)
    on = ("--brokers", kafka, "--pipeline", "several.py", "--topic")
    folder.run(*on, f"{a},{b}", "--workers", "2")
    assert folder.read() == {f"{a}/0": 3, f"{a}/1": 3, f"{b}/0": 4}
    assert counted(folder) == {a: 6, b: 4}
    told = folder.run(*on, f"{a},{b},{c}", code=2)
    refused(told, "error: topic = ", f"nothing of topic {c}", "--add-source")
    assert f"nothing of topic {c}" in folder.command("check", *on, f"{a},{c}", code=2)
    folder.run(*on, f"{a},{b},{c}", "--add-source")
    produce(kafka, c, [EVENT % b"more"])
    folder.run(*on, f"{a},{b},{c}")
    assert counted(folder) == {a: 6, b: 4, c: 6}
    # one alone goes on, the others rest
    produce(kafka, a, [EVENT % b"again"])
    folder.run(*on, a)
    assert counted(folder) == {a: 7, b: 4, c: 6}
    every = (*on, f"{a},{b},{c}")
    assert "proven" in folder.command("audit", *every)
    assert "equals the replay" in folder.command("replay", "--check", *every)
    found = json.loads(folder.command("doctor", "--json", *every))
    assert {each["message"].split()[1] for each in found if each["check"] == "source"} == {a, b, c}
    folder.command("recover", "--from-lake", *every)
    folder.run(*every)
    assert counted(folder) == {a: 7, b: 4, c: 6}
    refused(folder.run(*on, f"{a},{named(1)}-none", code=3), "has no topic", "did you mean")


def test_the_commands_of_the_page_read_a_list_and_a_pattern(kafka: str, folder: Folder) -> None:
    (folder.path / "clicks.py").write_text(CLICKS)
    mine = f"{named(0)}-"
    # the broker is of all tests: a beginning of their own keeps topics apart
    names = [mine + each for each in ("clicks", "views", "ads-north", "ads-south")]
    for count, name in enumerate(names, 1):
        create_topic(kafka, name)
        produce(kafka, name, [b'{"page":"/"}'] * count, keys=[b"u1"] * count, timestamps_ms=[1_764_000_000_000] * count)
    for command, lake, topics in ((BY_LIST, "lake", names[:2]), (BY_PATTERN, "ads-lake", names[2:])):
        ours = command.replace("clicks,views", ",".join(names[:2])).replace("^ads-", f"^{mine}ads-")
        assert ours != command
        folder.command(*shlex.split(ours), "--brokers", kafka)
        with LakeReader(folder.path / lake) as reader:
            rows = reader.query("SELECT came_from, sum(n)::BIGINT AS n FROM pages GROUP BY ALL").to_pylist()
        assert {row["came_from"]: row["n"] for row in rows} == {name: names.index(name) + 1 for name in topics}


def test_topics_that_match_are_taken_up_while_a_run_is_on(kafka: str, folder: Folder) -> None:
    family = named(2)
    fill(kafka, f"{family}-a", 3)
    fill(kafka, f"other-{family}", 9)
    flags = ["--brokers", kafka, "--pipeline", "several.py", "--topic", f"^{family}-.*"]
    live = started(folder, *flags)
    try:
        await_read(folder, {f"{family}-a/0": 3}, live)
        fill(kafka, f"{family}-b", 4)
        await_read(folder, {f"{family}-a/0": 3, f"{family}-b/0": 4}, live)
    finally:
        live.send_signal(signal.SIGTERM)
        assert live.wait(60) == 0
    # what matches needs no flag, whenever it came
    fill(kafka, f"{family}-c", 2)
    folder.run(*flags)
    assert counted(folder) == {f"{family}-a": 3, f"{family}-b": 4, f"{family}-c": 2}
    assert "proven" in folder.command("audit", *flags)
    told = folder.run(*flags[:-1], f"^{family}-.*,^other-{family}", code=2)
    refused(told, f"nothing of topic other-{family}", "--add-source")
    refused(folder.run(*flags[:-1], f"^none-{family}", code=3), "has no topic that matches")


def started(folder: Folder, *flags: str) -> "subprocess.Popen[bytes]":
    """A run that goes on until it is ended; what it says is in run.err."""
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TIDEMILL_COMPACT_EVERY": "0s"}
    with (folder.path / "run.err").open("wb") as errors:
        return subprocess.Popen([*TIDEMILL, "run", *flags], cwd=folder.path, env=environ, stderr=errors)


def await_read(
    folder: Folder, expected: dict[str, int], live: "subprocess.Popen[bytes]", *, lake: str = "lake"
) -> None:
    deadline = time.monotonic() + 120
    found: dict[str, int] = {}
    while found != expected:
        said = (folder.path / "run.err").read_text()
        assert live.poll() is None, said
        assert time.monotonic() < deadline, (found, said)
        time.sleep(0.2)
        found = read_so_far(folder.path / lake)


def read_so_far(lake: Path) -> dict[str, int]:
    """Records read per source partition; none while the lake is being made."""
    try:
        with LakeReader(lake) as reader:
            sql = 'SELECT "partition", sum(read)::BIGINT AS n FROM ledger GROUP BY ALL'
            return {row["partition"]: row["n"] for row in reader.query(sql).to_pylist()}
    except TidemillError:
        return {}


@pytest.mark.parametrize("by", ["list", "pattern"])
def test_a_topic_that_was_read_to_its_end_may_go_and_another_may_not(kafka: str, folder: Folder, by: str) -> None:
    family = named(3 if by == "list" else 4)
    a, b = f"{family}-a", f"{family}-b"
    fill(kafka, a, 3)
    fill(kafka, b, 4)
    flags = ("--brokers", kafka, "--pipeline", "several.py", "--topic", f"{a},{b}" if by == "list" else f"^{family}-.*")
    folder.run(*flags)
    delete_topic(kafka, a)
    produce(kafka, b, [EVENT % b"more"])
    folder.run(*flags)
    assert counted(folder) == {a: 3, b: 5}
    # read without reaching its end, as far as the lake knows
    fill(kafka, c := f"{family}-c", 6)
    mine = ("--lake", "other", "--recovery", "other-r")
    fill(kafka, d := f"{family}-d", 1)
    chosen = f"{c},{d}" if by == "list" else f"^{family}-[cd]"
    live = started(folder, *flags[:-1], chosen, *mine)
    await_read(folder, {f"{c}/0": 6, f"{d}/0": 1}, live, lake="other")
    live.kill()
    live.wait()
    delete_topic(kafka, c)
    told = folder.run(*flags[:-1], chosen, *mine, code=3)
    refused(told, f"has no topic '{c}'" if by == "list" else "the topic is gone, and was not read to its end")
