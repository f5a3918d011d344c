"""Where one scenario plays: its topic, its lake, readers on it, and everything that was done and found."""

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from query.reader import LakeReader
from tests.chaos import checkers, recount
from tests.chaos.checkers import Anomaly
from tests.chaos.left import Borders, newest_by_commit
from tests.chaos.observe import Observation, assemble, rollups_of, statements
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL, Subject
from tests.chaos.workload import STREAM_RATE, Feed, Style, Topic
from tests.ducklake_client import ducklake_python

ADS = ROOT / "pipelines" / "ads.py"
BUSY = ROOT / "tests" / "chaos" / "busy.py"
PARALLEL = (("1", "1"), ("2", "1"), ("4", "1"), ("1", "2"))
"""(workers, processes), in turn at each restart."""
OF_THE_WORKLOAD = ("topic.timestamps", "windows.")
"""What doctor may warn of: the topic has its producers' times, and its partitions stand at different event times."""


class Stage:
    """`did` counts faults by label, `anomalies` is what the checkers found, `checks` how much they looked at."""

    def __init__(self, folder: Path, bootstrap: str, *, seed: int, kills: int, full: bool) -> None:
        self.folder = folder
        self.bootstrap = bootstrap
        self.seed = seed
        self.kills = kills
        self.full = full
        self.random = random.Random(seed)
        self.lake = folder / "lake"
        self.recovery = folder / "recovery"
        self.pipeline = ADS
        self.did: Counter[str] = Counter()
        self.killed = 0
        self.checks: Counter[str] = Counter()
        self.anomalies: list[Anomaly] = []
        self.notes: list[str] = []
        self._turn = 0
        self._subjects: list[Subject] = []
        self._official: list[list[Observation]] = []
        folder.mkdir(parents=True)

    # the workload

    def make_topic(
        self, *, partitions: int = 4, style: Style = "plain", copies: int = 1, rate: float = STREAM_RATE
    ) -> Topic:
        """The scenario's topic; `rate` is how many events there are in a second of event time."""
        name = f"{self.folder.name}-{self.seed}"
        self.topic = Topic(
            self.bootstrap, name, seed=self.seed, partitions=partitions, style=style, copies=copies, rate=rate
        )
        self.topic_name = name
        return self.topic

    def feed(self, rate: float = 1000.0, limit: int = 60_000) -> Feed:
        """Writes to the topic while the block runs; slowly in a full run, so that its end meets fresh records, too."""
        return Feed(self.topic, min(rate, 150.0) if self.full else rate, limit)

    # the subject

    def start(
        self,
        *extra: str,
        fault: str = "",
        parallel: tuple[str, str] | None = None,
        recovery: Path | None = None,
        lake: Path | None = None,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] = TIDEMILL,
    ) -> Subject:
        """`tidemill run`, with the next number of workers and processes unless `parallel` says them."""
        if parallel is None:
            parallel = PARALLEL[self._turn % len(PARALLEL)]
            self._turn += 1
        workers, processes = parallel
        epoch_ms = str(self.random.choice((60, 100, 200)))
        arguments = ["run", "--pipeline", str(self.pipeline), "--brokers", self.bootstrap, "--topic", self.topic_name]
        arguments += ["--lake", str(lake or self.lake), "--recovery", str(recovery or self.recovery)]
        arguments += ["--workers", workers, "--processes", processes, "--epoch-ms", epoch_ms, "--log-format", "json"]
        settings = {"TIDEMILL_FAULT": fault} if fault else {}
        subject = Subject([*arguments, *extra], self.folder, environ={**settings, **(environ or {})}, command=command)
        self._subjects.append(subject)
        return subject

    def run_command(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Subject:
        """Another command of tidemill, not waited for; what it answers is in what it `said`."""
        subject = Subject(arguments, self.folder, environ=environ, answers=True)
        self._subjects.append(subject)
        return subject

    def head(self) -> int:
        """The lake's newest snapshot id; -1 without a lake."""
        return int(self._one("SELECT max(snapshot_id) FROM ducklake_snapshot", -1))

    def offsets(self) -> dict[str, int]:
        """Next offset per source partition, as the lake has it."""
        return dict(self._rows("SELECT partition, next FROM own_offset"))

    def _one(self, sql: str, default: Any) -> Any:
        rows = self._rows(sql)
        return default if not rows or rows[0][0] is None else rows[0][0]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            connection = sqlite3.connect(f"file:{self.lake / 'catalog.sqlite'}?mode=ro", uri=True, timeout=30)
        except sqlite3.OperationalError:
            return []
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            connection.close()

    def await_progress(self, subject: Subject, commits: int = 1, seconds: float = PATIENCE_S) -> bool:
        """Wait for so many snapshots more; False when the subject ended before, or time is up."""
        goal = self.head() + commits
        deadline = time.monotonic() + seconds
        while self.head() < goal:
            if subject.code is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def incarnation(self) -> int:
        """How many runs have taken the lake over."""
        return int(self._one("SELECT max(incarnation) FROM own_pipeline", 0))

    def await_takeover(self, subject: Subject, before: int, seconds: float = PATIENCE_S) -> bool:
        """Wait until a run after `before` has taken the lake over."""
        deadline = time.monotonic() + seconds
        while self.incarnation() <= before:
            if subject.code is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def await_caught_up(self, subject: Subject, records: int | None = None, seconds: float = PATIENCE_S) -> bool:
        """Wait until the lake holds so many records of a plain topic, or everything that was written for good."""
        deadline = time.monotonic() + seconds
        while sum(self.offsets().values()) < (self.topic.written if records is None else records):
            if subject.code is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def kill(self, subject: Subject, label: str) -> None:
        """SIGKILL, counted once, however many processes it has."""
        self.count(label, kills=1)
        subject.kill()

    def count(self, label: str, times: int = 1, *, kills: int = 0) -> None:
        """Remember what was done."""
        self.did[label] += times
        self.killed += kills

    def expect_end(self, subject: Subject, code: int, *words: str, seconds: float = PATIENCE_S) -> None:
        """The subject ends by itself with `code` and a message with `words`, and no stack trace."""
        got = subject.wait(seconds)
        if got is None:
            subject.kill()
        said = subject.said
        missing = [word for word in words if word not in said]
        if got != code or missing or (code and "Traceback" in said):
            command = " ".join(subject.arguments)
            self.anomalies.append(
                Anomaly(
                    checkers.WRONG_END, f"exit {got} instead of {code}, without {missing}: {command}: {said[-1500:]}"
                )
            )
        self.checks["ends"] += 1

    def fail(self, what: str) -> None:
        """Something did not go as it must."""
        self.anomalies.append(Anomaly(checkers.WRONG_END, what))

    # the readers

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A reader polls the lake in a process of its own while the block runs; its observations are checked later."""
        count = len(list(self.folder.glob("reader-*.ndjson")))
        out = self.folder / f"reader-{count}.ndjson"
        with (self.folder / "reader.err").open("ab") as errors:
            command = [sys.executable, "-m", "tests.chaos.reader", str(self.lake), str(out)]
            process = subprocess.Popen(command, cwd=ROOT, stderr=errors)
        try:
            # its start may outlast a short block, which it would not see anything of
            patient_until = time.monotonic() + PATIENCE_S
            while not out.exists() and process.poll() is None and time.monotonic() < patient_until:
                time.sleep(0.02)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            if process.wait(60) != 0:
                self.anomalies.append(Anomaly(checkers.FAILED, (self.folder / "reader.err").read_text()[-500:]))

    @contextmanager
    def reading_officially(self) -> Iterator[None]:
        """The official DuckLake client polls the lake; the lake must be there already."""
        python = ducklake_python()
        assert python is not None
        with LakeReader(self.lake) as reader:
            sqls = statements(rollups_of(reader.snapshot()), events=True)
        asked = json.dumps({"catalog": str(self.lake / "catalog.sqlite"), "sqls": sqls}) + "\n"
        raw = self.folder / "official.out"
        script = Path(__file__).with_name("official_reader.py")
        with raw.open("wb") as file, (self.folder / "official.err").open("wb") as errors:
            process = subprocess.Popen(
                [str(python), "-I", str(script)], stdin=subprocess.PIPE, stdout=file, stderr=errors, cwd=self.folder
            )
            assert process.stdin is not None
            process.stdin.write(asked.encode())
            process.stdin.close()
            try:
                yield
            finally:
                process.kill()
                process.wait()
        lines = [json.loads(line) for line in raw.read_text().splitlines(keepends=True) if line.endswith("\n")]
        if not lines:
            self.fail("the official client saw nothing: " + (self.folder / "official.err").read_text()[-800:])
        seen: list[Observation] = []
        for line in lines:
            if "failed" in line:
                self.anomalies.append(Anomaly(checkers.FAILED, f"official client: {line['failed'][:300]}"))
            elif not seen or line["snapshot"] > seen[-1]["snapshot"]:
                seen.append(assemble(line["snapshot"], line["rows"]))
        self.checks["polls of the official client"] += len(lines)
        self._official.append(seen)

    def observations(self) -> list[list[Observation]]:
        """Per reader what it saw; failures become anomalies."""
        found = []
        for path in sorted(self.folder.glob("reader-*.ndjson")):
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for line in lines:
                if "failed" in line:
                    self.anomalies.append(Anomaly(checkers.FAILED, line["failed"][:300]))
                self.checks["reader polls"] += line.get("polls", 0)
            found.append([line for line in lines if "snapshot" in line])
        return found + self._official

    # the verdict

    def finish(self, *, parallel: tuple[str, str] | None = None) -> None:
        """Read what is left with a bounded run, and check everything against a clean run and the recount."""
        recount.await_decided(self.bootstrap, self.topic_name)
        last = self.start("--bounded", parallel=parallel)
        clean = self.start(
            "--bounded", parallel=("1", "1"), lake=self.folder / "clean", recovery=self.folder / "clean-r"
        )
        count = recount.expect_topic_apart if self.full else recount.expect_topic
        expected = count(self.bootstrap, self.topic_name, self.pipeline)
        self.expect_end(last, 0)
        self.expect_end(clean, 0)
        self.check(expected)
        with LakeReader(self.folder / "clean") as reader:
            texts = checkers.dumped(reader.snapshot(), self.folder / "dump-clean")
        # two folders, compared as diff -r does
        found = {path.name: path.read_text() for path in (self.folder / "dump").glob("*.csv")}
        self.anomalies += checkers.check_texts(texts, found, "a clean run")

    def about(self, *, source: bool = True) -> list[str]:
        """The flags of a command about the scenario's pipeline and lake."""
        flags = ["--pipeline", str(self.pipeline), "--lake", str(self.lake)]
        return [*flags, "--brokers", self.bootstrap, "--topic", self.topic_name] if source else flags

    def prove(self, audited: str = "proven") -> None:
        """What commands say of the lake at rest: audit proves it, doctor finds it well; a full run replays it, too."""
        audit = self.run_command("audit", *self.about())
        replay = self.run_command("replay", "--check", *self.about()) if self.full else None
        doctor = self.run_command("doctor", "--json", *self.about(), "--recovery", str(self.recovery))
        self.expect_end(audit, 0, audited)
        if replay is not None:
            self.expect_end(replay, 0, "equals the replay")
        if doctor.wait() not in (0, 1):
            self.fail(f"doctor ends with {doctor.code}: {doctor.said[-1500:]}")
        else:
            unwell = [each for each in json.loads(doctor.said) if each["severity"] != "ok"]
            for each in unwell:
                if not each["check"].startswith(OF_THE_WORKLOAD):
                    self.fail(f"doctor, {each['check']}: {each['message']}")
        self.checks["proofs"] += 3 if replay is not None else 2

    def check_prefix(self, records: recount.Topics) -> None:
        """The lake equals a recount of `records` up to its own offsets: what it has is right, and is a prefix."""
        self.check(recount.expect(self.pipeline, recount.before(records, self.offsets())), at_rest=False)

    def check(self, expected: recount.Expected, *, at_rest: bool = True, borders: Borders | None = None) -> None:
        """All checkers over the lake as it is now and over what the readers saw.

        Not `at_rest`: the last run died, and what it staged is removed by the next that gets as far as the lake.
        `borders`: how far things have left.
        """
        leaving = () if borders is None else borders.before_ms
        shutil.rmtree(self.folder / "dump", ignore_errors=True)
        with LakeReader(self.lake) as reader:
            snapshot = reader.snapshot()
            lines = checkers.ledger_lines(snapshot)
            found = checkers.check_ledger(lines, self.offsets())
            placed, texts = checkers.placed_rows(snapshot), checkers.dumped(snapshot, self.folder / "dump")
            if borders is None:
                found += checkers.check_rows(expected, placed)
                found += checkers.check_texts(expected.texts, texts, "the recount")
            else:
                found += borders.check(expected, texts, placed, newest_by_commit(snapshot))
            for seen in self.observations():
                for each in seen:
                    found += checkers.check_torn(expected.spec, each, leaving)
                found += checkers.check_monotonic(seen, leaving)
                found += checkers.check_committed(seen, lines)
                found += checkers.check_time_travel(reader, seen)
                self.checks["snapshots read"] += len(seen)
        if at_rest:
            found += checkers.check_leftovers(self.lake)
        self.anomalies += found
        self.checks["records"] += sum(len(records) for records in expected.records.values())
        self.checks["comparisons"] += 1

    def close(self) -> None:
        """Nothing of the scenario is left running."""
        for subject in self._subjects:
            if subject.code is None:
                subject.kill()
