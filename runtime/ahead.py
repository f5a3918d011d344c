"""What a run needs soon and takes long to load is loaded on a thread, while the source is asked and the lake opened."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress


def load_ahead(loads: Sequence[Callable[[], object]]) -> threading.Thread:
    """Call each of `loads`, in turn, on a thread of its own. Whoever needs one of them calls it, and waits, too.

    An error is left to that call, which makes it again.
    """

    def load() -> None:
        for each in loads:
            with suppress(Exception):
                each()

    thread = threading.Thread(target=load, name="ahead", daemon=True)
    thread.start()
    return thread
