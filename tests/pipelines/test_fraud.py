"""The shipped rules for fraud: correct, and each finds the plainest case of what it is meant for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.fraud import alerts_of
from dataflow.pipeline.load import load
from dataflow.sources.generator.fraud.event import Act, Event, record
from dataflow.sources.generator.fraud.stream import START_MS, FraudStream
from query.alerts import alerts_sql, rows_of
from query.reader import LakeReader

ROOT = Path(__file__).parents[2]
FILE = ROOT / "pipelines" / "fraud.py"


class Told:
    """A stream of these acts, each heard of 20 ms later; impressions, where it is said, after so many ms more."""

    def __init__(self, *acts: Act, slow_impressions_ms: int = 0) -> None:
        self.events = []
        for number, act in enumerate(acts):
            at_ms = START_MS + act.at_ms
            heard_ms = at_ms + 20 + (slow_impressions_ms if act.event_type == "impression" else 0)
            value = record(f"{number}", Act(at_ms, act.event_type, act.user, act.ad), heard_ms)
            self.events.append(Event(heard_ms + 10, value, f"{number}", act.user, None, None))


def standing(stream: Told) -> set[tuple[str, str]]:
    """Rule and user, or ad where the rule asks by ad alone, of each alert that stands."""
    alerts = [each for each in alerts_of(stream, FILE) if each["state"] == "raised"]
    keys = [(each["rule"], json.loads(each["key"])) for each in alerts]
    return {(rule, key.get("user_id") or key["ad_id"]) for rule, key in keys}


def test_the_shipped_rules_are_correct() -> None:
    rules = [rule.name for rule in load(str(FILE)).alerts]
    assert rules == [
        "click_farm",
        "farm_visit",
        "ad_spike",
        "regular_bot",
        "regular_visit",
        "many_ads",
        "instant_click",
        "injected_click",
        "lone_conversion",
        "slow_drip",
    ]


def test_each_rule_finds_its_plain_case_and_nothing_else() -> None:
    farm = [Act(600 * at, "click", 1, 1) for at in range(5)]
    visit = [Act(40_000 * at + 4_000 * at * at, "click", 10, 20) for at in range(10)]
    # one click in ten minutes, then thirteen, each of somebody else
    spike = [Act(600_000 * at, "click", 20 + at, 50) for at in range(6)]
    spike += [Act(3_600_000 + 30_000 * at, "click", 30 + at, 50) for at in range(13)]
    bot = [Act(200_000 + 31_000 * at, "click", 2, at) for at in range(9)]
    many = [Act(at * at * 97 % 590_000, "click", 3, 100 + at) for at in range(31)]
    instant = [Act(50_000, "impression", 4, 7), Act(50_020, "click", 4, 7)]
    injected = [Act(70_500, "click", 5, 7), Act(75_500, "conversion", 5, 7)]
    lone = [Act(90_000, "conversion", 6, 7)]
    drip = [Act(1_300_000 * at, "click", 11, 60) for at in range(4)]
    honest = [
        *(Act(1_000 * at * at, "click", 7, 1) for at in range(4)),
        *(Act(200_000 + 31_000 * at + 900 * at * at, "click", 8, at) for at in range(9)),
        *(Act(50_000, "impression", 9, 7), Act(50_900, "click", 9, 7), Act(60_000, "conversion", 9, 7)),
        *(Act(50_000, "impression", 12, 7), Act(1_800_000, "conversion", 12, 7)),
        *(Act(900_000 * at, "click", 13, 61) for at in range(4)),
        # what brings the watermark so far that all before is over
        Act(7_100_000, "impression", 14, 7),
    ]
    found = [*farm, *visit, *spike, *bot, *many, *instant, *injected, *lone, *drip, *honest]
    assert standing(Told(*sorted(found, key=lambda act: act.at_ms))) == {
        ("click_farm", "user-00001"),
        ("farm_visit", "user-00010"),
        ("ad_spike", "ad-0050"),
        ("regular_bot", "user-00002"),
        ("regular_visit", "user-00002"),
        ("many_ads", "user-00003"),
        ("instant_click", "user-00004"),
        ("injected_click", "user-00005"),
        ("lone_conversion", "user-00006"),
        ("slow_drip", "user-00011"),
    }


def test_a_click_that_the_server_heard_of_before_its_impression_is_instant_all_the_same() -> None:
    acts = [Act(50_000, "impression", 4, 7), Act(50_030, "click", 4, 7)]
    acts += [Act(60_000, "impression", 5, 7), Act(60_070, "click", 5, 7)]
    assert standing(Told(*acts, slow_impressions_ms=55)) == {("instant_click", "user-00004")}


@pytest.mark.kafka
def test_many_partitions_of_a_topic_have_the_alerts_of_one_file_and_an_audit_finds_no_difference(
    kafka: str, tmp_path: Path
) -> None:
    def tidemill(*arguments: str) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
        command = [sys.executable, str(ROOT / "run.py"), *arguments, "--brokers", kafka, "--topic", "fraud-rules"]
        environ = {**clean, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    tidemill("fraud", "labels", "--minutes", "30", "--partitions", "3")
    tidemill("run", "--pipeline", str(FILE), "--bounded", "--final", "--quiet")
    with LakeReader(tmp_path / "lake") as reader:
        of_topic = rows_of(reader.snapshot(), alerts_sql())
    of_file = alerts_of(FraudStream(minutes=30), FILE)
    topic, file = (
        sorted(
            (each["rule"], each["key"], each["window_start"], each["window_end"])
            for each in alerts
            if each["state"] == "raised"
        )
        for alerts in (of_topic, of_file)
    )
    assert topic == file
    silent = {"regular_visit", "slow_drip"}
    assert {rule for rule, *_ in file} >= {rule.name for rule in load(str(FILE)).alerts} - silent
    assert "proven: every record of the source" in tidemill("audit", "--pipeline", str(FILE))
