"""A process that reads the lake all the time and writes down what it sees: python -m tests.chaos.reader LAKE OUT."""

import json
import signal
import sys
import time
from pathlib import Path

from dataflow.errors import LakeMissing
from query.reader import LakeReader
from tests.chaos.observe import observe

PAUSE_S = 0.3
"""A look costs a fifth of that in CPU time, beside two other plays."""


def main() -> None:
    """One line of JSON per new snapshot; any failure after the lake was there is a line, too."""
    lake, out = Path(sys.argv[1]), Path(sys.argv[2])
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    last = -1
    polls = 0
    with LakeReader(lake, threads=1) as reader, out.open("a", buffering=1) as file:
        while not stopping:
            try:
                polls += 1
                snapshot = reader.snapshot()
                if snapshot.id != last and "ledger" in snapshot.tables:
                    file.write(json.dumps(observe(snapshot)) + "\n")
                    last = snapshot.id
            except LakeMissing:
                if last >= 0:
                    file.write(json.dumps({"failed": "the lake is gone"}) + "\n")
            except Exception as error:
                file.write(json.dumps({"failed": f"{type(error).__name__}: {error}"}) + "\n")
            time.sleep(PAUSE_S)
        file.write(json.dumps({"polls": polls}) + "\n")


if __name__ == "__main__":
    main()
