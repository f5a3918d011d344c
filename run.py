"""What starts Tidemill: `flow` for `python -m bytewax.run tidemill.run:flow`, `main` for `tidemill`."""

import atexit
import gc
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from dataflow.errors import TidemillError
from dataflow.root import INSTALLED, cache_folder

if TYPE_CHECKING:
    from bytewax.dataflow import Dataflow

_RARELY = 100_000
"""More new objects than a command makes while it starts."""

_RARELY_IN_A_RUN = 1_000_000
"""More than a run makes, which loads a compiler; `runtime.launch` goes back to Python's own number."""


def flow() -> "Dataflow":
    """For `python -m bytewax.run tidemill.run:flow -w 2 -r RECOVERY -s 1 -b 0`: the same flow, the same guarantees.

    Settings come from the environment and tidemill.toml. Where something is wrong or lacking, and where Bytewax's
    own flags would give a weaker promise, it says so in one sentence and ends the process.
    """
    _keep_kernels_outside()
    _take_the_systems_memory()
    try:
        from runtime.launch import flow_for_bytewax

        return flow_for_bytewax(_outlets)
    except TidemillError as error:
        print(f"error: {error}" if error.exit_code else str(error), file=sys.stderr)
        raise SystemExit(error.exit_code) from None


def main() -> None:
    """The `tidemill` command: the whole life of its process."""
    # What is imported stays to the end: to look for garbage in it, then and at the exit, takes a fifth of the start.
    gc.set_threshold(_RARELY, *gc.get_threshold()[1:])
    # NumPy's linear algebra is not used here: threads of its own would be made, and wait busily, for nothing.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _keep_kernels_outside()
    from cli.main import main as command_line

    try:
        command_line(_launch, last=True)
    except SystemExit as end:
        gc.freeze()
        _end_at_once(end.code)
        raise


def _keep_kernels_outside() -> None:
    """Before numba is imported: what it compiles goes to the user's cache, not into an installed package."""
    if INSTALLED and (cache := cache_folder(os.environ)) is not None:
        os.environ.setdefault("NUMBA_CACHE_DIR", os.path.join(cache, "kernels"))


def _end_at_once(code: object) -> None:
    """End a process in which nothing runs any more without taking every module apart; the system frees them sooner.

    What a process does at its end is done: exit functions, and all output written. Where that fails, or a thread or
    the pipeline was there, the interpreter ends it in its own way.
    """
    if threading.active_count() > 1 or "bytewax" in sys.modules or not isinstance(code, int):
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(code)


def _take_the_systems_memory() -> None:
    """Before pyarrow is imported for a run: its own code too, such as that which packs Parquet's pages, allocates where
    all else does, so that what one has freed another one takes again.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def _launch(*arguments: Any) -> int:
    _take_the_systems_memory()
    gc.set_threshold(_RARELY_IN_A_RUN, *gc.get_threshold()[1:])
    from runtime.launch import launch

    return launch(*arguments, outlets=_outlets)


def _outlets(settings: Any, plan: Any) -> Any:
    from runtime.outlet import NoOutlet

    if not plan.emits:
        # most runs send nothing, and start quickly without
        return NoOutlet()
    from emit.outlet import outlet_of

    return outlet_of(settings, plan, os.environ)


if __name__ == "__main__":
    main()
