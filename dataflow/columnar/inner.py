"""Compiled: functions that only other compiled code calls."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from numba import njit

_P = ParamSpec("_P")
_R = TypeVar("_R")
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": False,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def inner(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """What numba makes of a function, without the ways in from Python, which take longer to compile than it does."""
    made: Callable[_P, _R] = njit(**_OPTIONS)(function)
    return made
