"""1,024 partitions within 1,024 open files: few threads, little memory, and every record once over a kill -9."""

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.topic_filler import TopicFiller
from query.reader import LakeReader
from tests.chaos.stage import ADS, Stage
from tests.chaos.subject import ROOT
from tests.chaos.workload import Topic
from tests.e2e.recount import recount

PARTITIONS = 1_024
BACKLOG = 150_000
"""Small records, packed: so many that a run with no bound to them would have most of them fetched at a time."""
MOST_THREADS = 64
MOST_MIB = 400
LIMIT = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)); os.execv(sys.argv[1],"
    " sys.argv[1:])"
)
WITH_FEW_FILES = (sys.executable, "-c", LIMIT, sys.executable, str(ROOT / "run.py"))

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="threads and files are counted by /proc"),
]


@pytest.fixture
def stage(kafka: str, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "wide", kafka, seed=os.getpid(), kills=1, full=False)
    yield stage
    stage.close()


def used(pid: int) -> tuple[int, int, int]:
    """Threads, open files and, at its peak, resident memory (MiB) of a process."""
    folder = Path("/proc") / str(pid)
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", (folder / "status").read_text(), re.MULTILINE)
    assert peak is not None
    return len(os.listdir(folder / "task")), len(os.listdir(folder / "fd")), int(peak[1]) // 1024


def fill(topic: Topic) -> None:
    """As `tidemill produce` does it."""
    filler = TopicFiller(topic.bootstrap, topic.name, topic.stream, {}, progress=lambda _: None, stopping=lambda: False)
    filler.fill(BACKLOG, None)
    topic.next = topic.stream.counts(BACKLOG)


def test_a_thousand_partitions_run_within_the_usual_limits(kafka: str, stage: Stage) -> None:
    topic = stage.make_topic(partitions=PARTITIONS, rate=10_000)
    fill(topic)
    subject = stage.start(parallel=("1", "1"), command=WITH_FEW_FILES)
    seen = []
    deadline = time.monotonic() + 400
    while sum(stage.offsets().values()) < topic.written * 3 // 4:
        assert subject.code is None, subject.said
        assert time.monotonic() < deadline, subject.said
        seen.append(used(subject.pid))
        time.sleep(0.2)
    seen.append(used(subject.pid))
    stage.kill(subject, "kill -9")
    threads, files, mib = (max(each) for each in zip(*seen, strict=True))
    assert threads <= MOST_THREADS
    assert files < 256
    assert mib <= MOST_MIB
    topic.write(2_000)
    stage.expect_end(stage.start("--bounded", parallel=("2", "1"), command=WITH_FEW_FILES), 0, seconds=400)
    assert not stage.anomalies
    counted = recount(kafka, topic.name, ADS)
    sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in ("read", "accepted", "duplicate", "late", "dead"))
    with LakeReader(stage.lake) as reader:
        rows = reader.snapshot().query(f"SELECT partition, {sums} FROM ledger GROUP BY partition").to_pylist()
    ledger = {row.pop("partition"): row for row in rows}
    assert sum(row["read"] for row in ledger.values()) == topic.written
    assert ledger == {name: {key: counts[key] for key in ledger[name]} for name, counts in counted.counts.items()}
