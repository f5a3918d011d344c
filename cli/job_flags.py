"""What the commands about generated jobs make of their flags."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dataflow.durations import to_ms
from dataflow.errors import ConfigError

_OFFSETS = re.compile(r"(\d+):(\d+)", re.ASCII)


def topics_of(written: str) -> tuple[str, ...]:
    """The topics of the setting; ConfigError where it is a pattern."""
    topics = tuple(each.strip() for each in written.split(","))
    for topic in topics:
        if topic.startswith("^"):
            raise ConfigError("topic", written, "a job reads topics by their names; name them with commas between")
    return topics


def one_of(flag: str, value: str, known: Sequence[str]) -> Any:
    """The value; ConfigError where it is none of these."""
    if value not in known:
        raise ConfigError(flag, value, f"write {' or '.join(known)}")
    return value


def offsets_of(flag: str, written: str) -> Mapping[int, int]:
    """Offsets by partition; ConfigError where they are not written so."""
    found: dict[int, int] = {}
    for part in written.split(","):
        match = _OFFSETS.fullmatch(part.strip())
        if match is None:
            raise ConfigError(flag, written, 'write partitions and offsets, like "0:1200,1:1187"')
        if int(match[1]) in found:
            raise ConfigError(flag, written, f"partition {match[1]} stands there twice; leave one out")
        found[int(match[1])] = int(match[2])
    return found


def duration_ms(flag: str, written: str) -> int:
    """Milliseconds of a flag like 10s; ConfigError where it is no time above 0."""
    try:
        found = to_ms(written)
    except ValueError as error:
        raise ConfigError(flag, written, str(error).removeprefix(f"{written!r} is ")) from None
    if found < 1:
        raise ConfigError(flag, written, "write a time above 0")
    return found


def properties_of(pairs: Sequence[str]) -> dict[str, str]:
    """Properties of Kafka's Java clients; ConfigError for a secret."""
    from dataflow.sources.kafka.properties import is_secret

    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ConfigError("--kafka", pair, "write NAME=VALUE")
        if is_secret(name):
            fix = "a secret would stand in the files for all to read; give it to the cluster, in a JAAS file of its own"
            raise ConfigError("--kafka", name, fix)
        found[name] = value
    return found
