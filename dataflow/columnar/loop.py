"""A loop that is to be compiled, as the file of its code tells it."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

ErrorModel = Literal["python", "numpy"]
"""What a division by zero does: raises, or gives what numpy gives."""


class Loop(NamedTuple):
    """A function and the types of numba for which it is compiled: its arguments', or those and its result's."""

    signature: Any
    function: Callable[..., Any]
    error_model: ErrorModel = "python"
