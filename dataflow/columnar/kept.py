"""Compiled: loops that Python calls, kept on disk under names that change with all the code they are made of."""

import inspect
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import Literal

import numpy as np
from numba import njit
from numba.core.types import Type
from numba.core.typing.templates import Signature

from dataflow.columnar.memory import Compiled

ErrorModel = Literal["python", "numpy"]
"""What a division by zero does: raises, or gives what numpy gives."""

_PLAIN = (bool, int, float, str, bytes, type(None), np.generic)


def kept(signature: Signature | tuple[Type, ...], function: Compiled, error_model: ErrorModel = "python") -> Compiled:
    """`function` compiled for one signature, without the GIL; once per machine where its cache can be written.

    numba asks the time of the function's own file alone whether what it kept still holds: a helper from another file
    that was changed would go on as it was. So the name under which it is kept tells the helpers as well.
    """
    assert isinstance(function, FunctionType)
    named = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    named.__qualname__ = f"{function.__qualname__}_{print_of(function)}"
    named.__module__ = function.__module__
    try:
        return njit(signature, nogil=True, cache=True, error_model=error_model)(named)
    except RuntimeError:
        # No folder to keep it in can be written.
        return njit(signature, nogil=True, error_model=error_model)(named)


def print_of(function: Compiled) -> str:
    """16 hex digits that change with the code of a function, of all that it calls, and with the constants they name."""
    digest = blake2b(digest_size=8)
    for part in _parts(function, set()):
        digest.update(part.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()


def _parts(value: object, seen: set[int]) -> Iterator[str]:
    """What the print is made of: code as it is, plain values as they are written, all else by its kind."""
    if isinstance(value, _PLAIN):
        yield repr(value)
        return
    if isinstance(value, tuple):
        for item in value:
            yield from _parts(item, seen)
        return
    # what numba has made of a function knows it
    of = inspect.unwrap(value) if callable(value) else value
    if not isinstance(of, FunctionType):
        yield type(of).__qualname__
        return
    if id(of) in seen:
        return
    seen.add(id(of))
    yield of.__qualname__
    for code in _codes(of.__code__):
        yield code.co_code.hex()
        yield from _parts(tuple(each for each in code.co_consts if not isinstance(each, CodeType)), seen)
        for name in code.co_names:
            yield name
            if name in of.__globals__:
                yield from _parts(of.__globals__[name], seen)
    for cell in of.__closure__ or ():
        yield from _parts(cell.cell_contents, seen)


def _codes(code: CodeType) -> Sequence[CodeType]:
    """A function's code and those of the functions that are written in it."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return [code, *(deeper for each in inner for deeper in _codes(each))]
