"""Commits to the consumer group: a refusal is told once, with the way out, and so is its end."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from dataflow.sources.kafka.group import GroupCommits

Lines = list[dict[str, Any]]


@pytest.fixture
def lines() -> Iterator[Any]:
    with capture_logs() as captured:
        yield captured


def test_another_member_is_told_once_until_a_commit_is_taken_again(lines: Lines) -> None:
    commits = GroupCommits("our-group")
    for _ in range(5):
        commits(KafkaError(KafkaError.UNKNOWN_MEMBER_ID), [])
    (line,) = lines
    assert (line["log_level"], line["group"]) == ("warning", "our-group")
    assert "the data is not affected" in line["means"]
    assert line["fix"] == "end the other member, or give this pipeline a group of its own (setting `group`)"
    for _ in range(3):
        commits(None, [])
    (_, line) = lines
    assert line["log_level"] == "info"
    commits(KafkaError(KafkaError.UNKNOWN_MEMBER_ID), [])
    assert len(lines) == 3


def test_a_missing_right_names_the_right(lines: Lines) -> None:
    commits = GroupCommits("our-group")
    commits(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED), [])
    (line,) = lines
    assert "READ right on the group" in line["fix"]


def test_what_heals_by_itself_is_not_told(lines: Lines) -> None:
    commits = GroupCommits("our-group")
    for code in (KafkaError._TRANSPORT, KafkaError._DESTROY, KafkaError.NOT_COORDINATOR, KafkaError.REQUEST_TIMED_OUT):
        commits(KafkaError(code), [])
    commits(None, [])
    assert lines == []
