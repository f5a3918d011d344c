"""The command lines that are measured, and the topic they work on."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

TIDEMILL = str(Path(sys.executable).with_name("tidemill"))


def produce(brokers: str, topic: str, *, count: int, rate: int | None = None) -> list[str]:
    """Write `count` made-up ad events to `topic`, `rate` a second or as fast as it goes."""
    command = [TIDEMILL, "produce", "--brokers", brokers, "--topic", topic, "--count", str(count)]
    return command if rate is None else [*command, "--rate", str(rate)]


def run(brokers: str, topic: str, folder: Path, *, bounded: bool, tidemill: str = TIDEMILL) -> list[str]:
    """Run the shipped pipeline on `topic`, all its rollups and the ledger on, the events table off.

    The lake and the recovery store are made fresh in `folder`. `tidemill`: the command, of this checkout or another.
    """
    command = [tidemill, "run", "--source", "kafka", "--brokers", brokers, "--topic", topic, "--no-events"]
    command += ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
    return [*command, "--bounded"] if bounded else command


def bare_consume(brokers: str, topic: str) -> list[str]:
    """Consume all of `topic` and touch each value, nothing else."""
    return [sys.executable, "-m", "bench.bare_consume", "--brokers", brokers, "--topic", topic]


def knows_flag(command: str, flag: str) -> bool:
    """Whether this checkout's `tidemill COMMAND` has a flag, by its help."""
    told = subprocess.run([TIDEMILL, command, "--help"], capture_output=True, text=True, check=True).stdout
    return flag in told.split()


def create_topic(
    brokers: str,
    topic: str,
    *,
    partitions: int,
    timestamps: str = "CreateTime",
    config: Mapping[str, str] | None = None,
) -> None:
    """Make `topic`; its records stay whatever their timestamps say. `timestamps`: CreateTime or LogAppendTime."""
    whole = {"retention.ms": "-1", "message.timestamp.type": timestamps, **(config or {})}
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    for future in admin.create_topics([NewTopic(topic, partitions, 1, config=whole)]).values():
        future.result(timeout=30)
