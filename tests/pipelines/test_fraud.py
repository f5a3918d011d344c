"""The shipped rules for fraud: correct, and each finds the plainest case of what it is meant for."""

import json
from pathlib import Path

from bench.fraud import alerts_of
from dataflow.pipeline.load import load
from dataflow.sources.generator.fraud.event import Act, Event, record
from dataflow.sources.generator.fraud.stream import START_MS

FILE = Path(__file__).parents[2] / "pipelines" / "fraud.py"


class Told:
    """A stream of these acts, each heard of 20 ms later."""

    def __init__(self, *acts: Act) -> None:
        self.events = []
        for number, act in enumerate(acts):
            at_ms = START_MS + act.at_ms
            value = record(f"{number}", Act(at_ms, act.event_type, act.user, act.ad), at_ms + 20)
            self.events.append(Event(at_ms + 30, value, f"{number}", act.user, None, None))


def test_the_shipped_rules_are_correct() -> None:
    rules = [rule.name for rule in load(str(FILE)).alerts]
    plain = ["click_farm", "regular_bot", "many_ads", "instant_click", "injected_click", "lone_conversion"]
    assert rules == plain


def test_each_rule_finds_its_plain_case_and_nothing_else() -> None:
    farm = [Act(600 * at, "click", 1, 1) for at in range(5)]
    bot = [Act(200_000 + 31_000 * at, "click", 2, at) for at in range(9)]
    many = [Act(at * at * 97 % 590_000, "click", 3, 100 + at) for at in range(31)]
    instant = [Act(50_000, "impression", 4, 7), Act(50_020, "click", 4, 7)]
    injected = [Act(70_500, "click", 5, 7), Act(71_500, "conversion", 5, 7)]
    lone = [Act(90_000, "conversion", 6, 7)]
    honest = [
        *(Act(1_000 * at * at, "click", 7, 1) for at in range(4)),
        *(Act(200_000 + 31_000 * at + 900 * at * at, "click", 8, at) for at in range(9)),
        *(Act(50_000, "impression", 9, 7), Act(50_900, "click", 9, 7), Act(60_000, "conversion", 9, 7)),
    ]
    acts = sorted([*farm, *bot, *many, *instant, *injected, *lone, *honest], key=lambda act: act.at_ms)
    alerts = [each for each in alerts_of(Told(*acts), FILE) if each["state"] == "raised"]
    found = {(each["rule"], json.loads(each["key"])["user_id"]) for each in alerts}
    assert found == {
        ("click_farm", "user-00001"),
        ("regular_bot", "user-00002"),
        ("many_ads", "user-00003"),
        ("instant_click", "user-00004"),
        ("injected_click", "user-00005"),
        ("lone_conversion", "user-00006"),
    }
