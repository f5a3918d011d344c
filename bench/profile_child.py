"""Runs `tidemill` in this process while a thread books the CPU time of all threads on the stage that each one is in.

python -m bench.profile_child OUT.json run --pipeline ...
"""

import ctypes
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from run import main as tidemill

ROOT = Path(__file__).resolve().parent.parent
LOOK_S = 0.002
START, COMPILING, NO_STACK = "start", "compile", "threads without a stack"
DECODE, JUDGE, FOLD = "decode", "judge", "fold"
OF_RECORDS = (DECODE, JUDGE, FOLD)
STAGES = (
    ("dataflow/sources/kafka/", "broker client"),
    ("dataflow/sources/", "reading of files"),
    ("dataflow/decode/", DECODE),
    ("dataflow/intake/", JUDGE),
    ("dataflow/enrich/", JUDGE),
    ("dataflow/fold/", FOLD),
    ("dataflow/aggregates/", FOLD),
    ("sinks/", "publish"),
    ("runtime/", "run"),
    ("dataflow/", "run"),
    ("cli/", "run"),
)
"""The innermost frame of ours below one of these folders decides; what all share is its caller's."""
SHARED = ("dataflow/columnar/", "dataflow/durable.py", "dataflow/spoken.py")
_LIBRDKAFKA = "rdk:"
_STRUCT_BYTES = 4_096


def stage_of(files: list[str]) -> str:
    """The stage of a stack, given by the files of its frames, the innermost first; ours as paths below the checkout."""
    if any(file.startswith("<frozen importlib") for file in files):
        return START
    if any("/numba/" in file for file in files):
        return COMPILING
    for file in files:
        if file.startswith(SHARED):
            continue
        for folder, stage in STAGES:
            if file.startswith(folder):
                return stage
    return "run"


def files_of(frame: FrameType | None) -> list[str]:
    """Of a stack, the innermost first; those of ours by their path below the checkout."""
    found = []
    while frame is not None:
        name = frame.f_code.co_filename
        found.append(name.removeprefix(f"{ROOT}/"))
        frame = frame.f_back
    return found


def tid_offset() -> int | None:
    """Where in the thread library's record of a thread the system's number of it stands; None where it is not found.

    Python names a thread by the address of that record, the system its CPU time by that number; threads that Python
    did not start are known by the former alone.
    """
    ident, tid = threading.get_ident(), threading.get_native_id()
    words = (ctypes.c_int32 * (_STRUCT_BYTES // 4)).from_address(ident)
    return next((4 * at for at, word in enumerate(words) if word == tid), None)


class Sampler:
    """Books CPU nanoseconds by stage from `start` to `stop`.

    What comes before the first look that finds records being worked on is all of it the start. `own_ns` is what the
    looks themselves have taken, which no stage has.
    """

    def __init__(self) -> None:
        self.ns: Counter[str] = Counter()
        self.own_ns = 0
        self._begun = False
        self._seen: dict[int, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="sampler", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with a last look."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        offset, own = tid_offset(), threading.get_native_id()
        while True:
            over = self._over.wait(LOOK_S)
            stacks = {}
            for ident, frame in sys._current_frames().items():
                tid = None if offset is None else ctypes.c_int32.from_address(ident + offset).value
                if tid is not None:
                    stacks[tid] = frame
            self._book(stacks, own)
            if over:
                return

    def _book(self, stacks: dict[int, FrameType], own: int) -> None:
        for task in Path("/proc/self/task").iterdir():
            tid = int(task.name)
            try:
                used_ns = int((task / "schedstat").read_text().split()[0])
                passed_ns = used_ns - self._seen.get(tid, 0)
                self._seen[tid] = used_ns
                if tid == own:
                    self.own_ns = used_ns
                    continue
                if passed_ns <= 0:
                    continue
                if tid in stacks:
                    stage = stage_of(files_of(stacks[tid]))
                    self._begun = self._begun or stage in OF_RECORDS
                else:
                    name = (task / "comm").read_text()
                    stage = "broker client" if name.startswith(_LIBRDKAFKA) else NO_STACK
            except OSError:  # it has ended
                continue
            self.ns[stage if self._begun or stage == COMPILING else START] += passed_ns


def main() -> None:
    """Write {stage: CPU ns}, and what the whole process has used but for the looks, when the command has ended."""
    out = Path(sys.argv[1])
    sys.argv = ["tidemill", *sys.argv[2:]]
    sampler = Sampler()
    sampler.start()
    try:
        tidemill()
    finally:
        sampler.stop()
        out.write_text(json.dumps({"stages": dict(sampler.ns), "cpu_ns": time.process_time_ns() - sampler.own_ns}))


if __name__ == "__main__":
    main()
