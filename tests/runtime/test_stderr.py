"""What native code prints is held back when the end was expected, and shown when it was not."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from dataflow.errors import Fenced, StoppedEarly, TidemillError
from runtime.stderr import held_back, known_end

ROOT = Path(__file__).parents[2]
NOISE = r"os.write(2, b'panicked at \xff\n'); print('from Python', file=sys.stderr)"
"""As Rust prints, and as anything in Python does."""


def said(*inside: str) -> list[str]:
    """Lines on standard error of a process that prints noise in the block, then does this; unknown ends are caught."""
    code = [
        "import os, sys",
        "from dataflow.errors import Fenced",
        f"from runtime.stderr import {held_back.__name__}",
        "try:",
        f"  with {held_back.__name__}() as real:",
        f"    {NOISE}",
        *(f"    {line}" for line in inside),
        "except Exception: pass",
        "print('afterwards', file=sys.stderr)",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(code)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    return done.stderr.splitlines()


def test_a_good_end_drops_what_was_printed_but_not_what_was_logged() -> None:
    assert said("print('a log line', file=real)") == ["a log line", "afterwards"]


def test_a_known_end_drops_it_as_well() -> None:
    assert said("raise RuntimeError('worker panicked') from Fenced('another run')") == ["afterwards"]


def test_an_unknown_end_shows_all_that_was_held_behind_what_was_logged() -> None:
    assert said("print('a log line', file=real)", "raise ZeroDivisionError") == [
        "a log line",
        r"panicked at \xff",
        "from Python",
        "afterwards",
    ]


def chained(*errors: BaseException) -> BaseException:
    for outer, inner in pairwise(errors):
        outer.__cause__ = inner
    return errors[0]


def test_a_known_error_is_found_through_all_that_is_wrapped_around_it() -> None:
    inner = StoppedEarly("asked to end")
    assert known_end(chained(RuntimeError(), ValueError(), inner)) is inner
    assert known_end(inner) is inner


def test_the_outermost_known_error_is_the_one() -> None:
    outer = TidemillError("outer")
    assert known_end(chained(RuntimeError(), outer, Fenced("inner"))) is outer


def test_no_known_error_is_none_even_in_a_circle() -> None:
    first, second = RuntimeError(), ValueError()
    first.__context__, second.__context__ = second, first
    assert known_end(first) is None
