"""CPU time is booked on the stage of the innermost frame of ours, and all of it is somewhere."""

import json
import sys
import threading
import time
from pathlib import Path

from bench.measure import run_child
from bench.profile import ENDED, SCENARIOS, once, stages
from bench.profile_child import COMPILING, ROOT, START, Sampler, files_of, stage_of, tid_offset
from bench.profile_table import stages_table
from bench.targets import TARGETS


def test_the_innermost_stage_decides_and_what_all_use_is_its_callers() -> None:
    assert stage_of(["/lib/x.py", "dataflow/decode/json/plain.py", "dataflow/intake/partition.py"]) == "decode"
    assert stage_of(["dataflow/columnar/groups.py", "dataflow/fold/fold.py", "dataflow/flow.py"]) == "fold"
    assert stage_of(["/lib/pyarrow/parquet.py", "sinks/lake/files.py"]) == "publish"
    assert stage_of(["dataflow/sources/kafka/hub.py"]) == "broker client"
    assert stage_of(["<frozen importlib._bootstrap>", "dataflow/decode/decoder.py"]) == START
    assert stage_of(["/lib/numba/core/x.py", "dataflow/decode/json/plain.py"]) == COMPILING
    assert stage_of(["/lib/bytewax/run.py"]) == "run"


def test_a_threads_number_is_found_in_its_record() -> None:
    offset = tid_offset()
    assert offset is not None
    assert 0 < offset < 4_096


def test_files_of_ours_are_named_below_the_checkout() -> None:
    assert files_of(sys._getframe())[0] == str(Path(__file__).relative_to(ROOT))


def test_the_time_of_a_thread_that_works_is_booked() -> None:
    sampler = Sampler()
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            sum(range(1_000))

    worker = threading.Thread(target=work)
    sampler.start()
    worker.start()
    deadline = time.monotonic() + 30
    # no record is decoded here: all of it is the start
    while sampler.ns[START] < 20_000_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    over.set()
    worker.join()
    sampler.stop()
    assert sampler.ns[START] >= 20_000_000
    assert sampler.own_ns > 0


def test_stages_are_per_record_in_the_order_of_the_data_with_what_no_look_saw() -> None:
    told = {"stages": {"fold": 200, "decode": 1_000, "threads without a stack": 50, START: 9_000}, "cpu_ns": 11_250}
    assert stages(told, 10) == {"decode": 100.0, "fold": 20.0, "threads without a stack": 5.0, ENDED: 100.0}
    assert once(told) == {START: 0.0}
    assert ENDED not in stages({"stages": {"fold": 300}, "cpu_ns": 299}, 10)


def test_what_is_done_once_is_said_in_seconds() -> None:
    run = {"what": "a run", "records": 1_000, "stages": {"decode": 75.0, "fold": 25.0}, "once_s": {"start": 1.25}}
    assert stages_table(run).splitlines()[4:] == [
        "| decode | 75 | 75% |",
        "| fold | 25 | 25% |",
        "| all | 100 | |",
        "",
        "Once, however many records there are: start 1.25 s of CPU.",
    ]


def test_every_profile_that_a_target_names_can_be_made() -> None:
    assert {target.profile for target in TARGETS} - {None} <= SCENARIOS.keys()


def test_a_run_writes_its_profile(tmp_path: Path) -> None:
    out = tmp_path / "profile.json"
    command = [sys.executable, "-m", "bench.profile_child", str(out), "run", "--source", "generator", "--bounded"]
    command += ["--generator-records", "2000", "--generator-unpaced", "--compact-every", "0s", "--log-level", "error"]
    command += ["--lake", str(tmp_path / "lake"), "--recovery", str(tmp_path / "recovery")]
    run_child(command, log=tmp_path / "log", cwd=ROOT)
    told = json.loads(out.read_text())
    assert told["stages"][START] > 0
    assert sum(told["stages"].values()) > told["cpu_ns"] / 2
