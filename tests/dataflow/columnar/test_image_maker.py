"""Loops compiled to an image: they give what the compiler's own way in gives, and take nothing else."""

import platform
import sys

import pytest
from numba import types

from dataflow.columnar.image import Unfit
from dataflow.columnar.image_maker import image_of
from dataflow.columnar.loop import Loop

if platform.machine() != "x86_64" or sys.platform != "linux":
    pytest.skip("images are for Linux on x86-64", allow_module_level=True)

WORDS, SEEN = types.int64[::1], types.Array(types.int64, 1, "C", readonly=True)


def _sum(values, factor, is_negative):
    total = 0
    for value in values:
        total += value * factor
    return -total if is_negative else total


def _fill(values, value):
    for at in range(len(values)):
        values[at] = value


def _largest(words):
    return words.max()


def _half(number):
    return number / 2


def test_an_image_tells_what_its_loops_take_and_give() -> None:
    loops = [
        Loop(types.int64(SEEN, types.int64, types.boolean), _sum),
        Loop(types.void(WORDS, types.int64), _fill),
    ]
    image = image_of(loops, {}, {"a": "b"})
    assert [(each.name, each.takes, each.gives) for each in image.entries] == [
        ("enter__sum", "aib", "i"),
        ("enter__fill", "ai", "v"),
    ]
    assert image.made_of == {"a": "b"}


@pytest.mark.parametrize(
    "loop",
    [
        Loop(types.float64(types.int64), _half),
        Loop(types.int64(types.int64[:, ::1]), _largest),
        Loop(types.int64(types.int64[:]), _largest),
    ],
)
def test_a_loop_of_other_kinds_is_not_made_an_image(loop: Loop) -> None:
    with pytest.raises(Unfit, match="takes or gives"):
        image_of([loop], {}, {})
