"""How a running process starts anew at once: as after a crash, the next start goes on exactly where the lake is."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from dataflow.logs import logger
from runtime.supervisor import RESTART_EXIT_CODE


class Anew:
    """Called by a watch, on its own thread, while Bytewax sleeps and hears nothing.

    `process` is None for a process that is alone: it becomes its own successor. Else whoever started all
    processes starts them again. `stderr` is the real standard error; `before()` ends what runs beside.
    """

    def __init__(self, process: int | None, stderr: int, before: Callable[[], None]) -> None:
        self._process = process
        self._stderr = stderr
        self._before = before

    @property
    def owner(self) -> int:
        """The process id that stays the same through all these starts."""
        return os.getpid() if self._process is None else os.getppid()

    def __call__(self, *, again: bool = True) -> NoReturn:
        """Never returns. Without `again` the process only ends, with the exit code that asks for another start."""
        try:
            self._before()
            os.dup2(self._stderr, 2)
            if self._process is None and again:
                # a fault on purpose happens once
                os.environ.pop("TIDEMILL_FAULT", None)
                os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        except Exception as error:
            # going on would be to sleep, unseen
            with suppress(Exception):
                logger("run").error("could not start anew: it ends; start it again", reason=str(error))
        os._exit(RESTART_EXIT_CODE)
