"""Starts a command once what it needs is there: a broker, a topic, a file. For process lists that start all at once."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

PAUSE_S = 0.25


def topics(broker: str) -> set[str] | None:
    """Names of all topics; None while no broker answers at `broker` (host:port)."""
    try:
        return set(AdminClient({"bootstrap.servers": broker, "log_level": 0}).list_topics(timeout=1).topics)
    except KafkaException:
        return None


def missing(broker: str | None, topic: str | None, file: Path | None) -> str | None:
    """What is not there yet, in words; None when all is."""
    if file is not None and not file.exists():
        return f"the file {file}"
    if broker is None:
        return None
    names = topics(broker)
    if names is None:
        return f"a broker at {broker}"
    return f"the topic {topic}" if topic is not None and topic not in names else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Wait, then become the command. Returns 1 when the time is up."""
    parser = argparse.ArgumentParser(prog="python -m deploy.wait", description=__doc__)
    parser.add_argument("--broker", help="host:port that must answer")
    parser.add_argument("--topic", help="topic that must exist there")
    parser.add_argument("--file", type=Path, help="file that must exist")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    deadline = time.monotonic() + options.seconds
    while (lacking := missing(options.broker, options.topic, options.file)) is not None:
        if time.monotonic() > deadline:
            print(f"waited {options.seconds:g} s for {lacking}, in vain", file=sys.stderr)
            return 1
        time.sleep(PAUSE_S)
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    sys.exit(main())
