"""The life of a child: it gets ready, raises its walls, and answers what it is asked until its input ends."""

import json
import os
import pickle
import queue
import threading
from typing import TYPE_CHECKING

from serve.sql import frames
from serve.sql.inside.walls import Walls

if TYPE_CHECKING:
    from serve.sql.inside.answering import Answering

_IN, _OUT = 0, 1
_LONGEST_MESSAGE = 2_000


def main() -> None:
    """Never returns; what goes wrong before it is ready is told in a frame."""
    try:
        _live()
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]
        frames.write(_OUT, frames.END, json.dumps({"error": "birth", "message": message}).encode())
        os._exit(1)


def _live() -> None:
    walls = Walls()
    # while there is one thread, and before a library makes more
    walls.leave_network()
    os.environ.update(OPENBLAS_NUM_THREADS="1", JE_ARROW_MALLOC_CONF="background_thread:false")
    from serve.sql.inside import imports
    from serve.sql.inside.answering import Answering
    from serve.sql.orders import Birth

    assert imports.USED
    os.environ.clear()
    lock = threading.Lock()

    def send(kind: bytes, body: bytes | memoryview) -> None:
        with lock:
            frames.write(_OUT, kind, body)

    send(frames.HELLO, b"")
    told = frames.read(_IN)
    if told is None:
        os._exit(0)
    birth = pickle.loads(told[1])
    assert isinstance(birth, Birth)
    walls.before_engine(birth)
    answering = Answering(birth, send)
    answering.warm()
    walls.after_engine(birth.memory_bytes)
    # once more, with all walls around: they leave what a question needs
    answering.warm()
    orders: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_work, args=(answering, orders), daemon=True).start()
    send(frames.READY, json.dumps(walls.noted).encode())
    while (frame := frames.read(_IN)) is not None:
        kind, body = frame
        if kind == frames.STOP:
            answering.stop()
            continue
        if kind == frames.QUESTION:
            answering.begin()
        orders.put(pickle.loads(body))
    os._exit(0)


def _work(answering: "Answering", orders: "queue.SimpleQueue[object]") -> None:
    from query.resolve import Resolved
    from serve.sql.orders import Order

    try:
        while True:
            order = orders.get()
            if isinstance(order, Resolved):
                answering.tell(order)
            elif isinstance(order, Order):
                answering.answer(order)
    finally:
        # without this thread nobody answers
        os._exit(1)
