"""Loops that are compiled once per machine and run ever after without the compiler, which takes long to load."""

import ast
import ctypes
import os
import platform
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

from dataflow.columnar.arrays import RAISED, are_as_known
from dataflow.columnar.image import Entry, Image, Unfit
from dataflow.durable import place
from dataflow.root import ROOT

if TYPE_CHECKING:
    from dataflow.columnar.loop import Loop
    from dataflow.columnar.memory import Compiled

_PACKAGE = Path(__file__).resolve().parents[1]
_MAKERS = ("columnar/arrays", "columnar/image", "columnar/image_linker", "columnar/image_maker")
_FOLDER = "NUMBA_CACHE_DIR"
"""The compiler's own name for where what it made is kept."""
_CPU_BYTES = 16 * 1024
"""Of what Linux tells of processors, more than the first one takes."""
_CHANGES = ("cpu MHz", "bogomips", "processor", "core id", "apicid", "initial apicid", "physical id")
_C = ("memcpy", "memmove", "memset")
_NEVER = ("NRT_MemInfo_call_dtor",)
"""Frees an array whose last user has gone: those that loops are given are Python's."""
_MOST_WORDS = 64
_TOLD = {"a": "id({})", "i": "{}", "u": "{}", "b": "bool({})"}
_GIVES = {
    "v": "return None",
    "i": "return given.result.value",
    "u": "return given.result.value & 0xFFFFFFFFFFFFFFFF",
    "b": "return given.result.value != 0",
}


class _Given(threading.local):
    """What a loop is given, and where it puts what it gives; of each thread its own, for loops run side by side."""

    def __init__(self) -> None:
        self.words = (ctypes.c_int64 * _MOST_WORDS)()
        self.result = ctypes.c_int64.from_buffer(self.words)
        self.at = ctypes.addressof(self.words)


_given = _Given()


def loops(file: str, calls: Mapping[str, int] | None = None) -> "list[Compiled]":
    """The LOOPS of a file of this package, named like "columnar/group_kernel", ready to run without the GIL.

    They are compiled where this machine has not kept them, or anything that they are made of has changed: their files,
    the compiler, its settings, the processor. Else neither the file nor the compiler is imported. `calls`: addresses of
    the functions of C that they call. Each takes arrays of one dimension, in one piece, and numbers, and raises
    for any others (TypeError, struct.error). ImportError where there is no compiler.
    """
    addresses = {} if calls is None else calls
    path = _image_path(file)
    try:
        if path is None:
            raise Unfit("images are for Linux on x86-64")
        image = _read(path)
        if image is None:
            if not _can_keep(path):
                raise Unfit("the compiler may know another folder to keep it in")
            image = _make(file, addresses)
            _write(path, image)
        return _called(image, addresses)
    except Unfit:
        return _compiled(file, addresses)


def _make(file: str, addresses: Mapping[str, int]) -> Image:
    module = _module(file)
    from dataflow.columnar.image_maker import image_of

    return image_of(module.LOOPS, addresses, _prints(_files(file)))


def _compiled(file: str, addresses: Mapping[str, int]) -> "list[Compiled]":
    """As the compiler itself has them run."""
    wanted: tuple[Loop, ...] = _module(file).LOOPS
    from dataflow.columnar.image_maker import tell
    from dataflow.columnar.kept import kept

    tell(addresses)
    return [kept(each.signature, each.function, each.error_model) for each in wanted]


def _module(file: str) -> Any:
    return import_module(".".join((f"{ROOT}dataflow", *file.split("/"))))


def _called(image: Image, addresses: Mapping[str, int]) -> "list[Compiled]":
    if not are_as_known():
        raise Unfit("arrays are laid out in another way here")
    base = image.place({**_known(), **addresses})
    return [_function(base + entry.at, entry) for entry in image.entries]


def _function(address: int, entry: Entry) -> "Compiled":
    """The way in from Python. Written out for what the loop takes: that costs a third of any other way to call it."""
    if len(entry.takes) >= _MOST_WORDS:
        raise Unfit(f"{len(entry.takes)} arguments")
    names = [f"a{place}" for place in range(len(entry.takes))]
    told = [_TOLD[letter].format(name) for letter, name in zip(entry.takes, names, strict=True)]
    lines = [
        f"def call({', '.join(names)}):",
        f"    pack(given.words, 0, {', '.join(['array', *told])})",
        "    code = enter(given.at)",
        "    if code: refuse(code)",
        f"    {_GIVES[entry.gives]}",
    ]
    name = entry.name.partition("_")[2]

    def refuse(code: int) -> None:
        what = "raised" if code == RAISED else "was given an array of another kind than it is compiled for"
        raise TypeError(f"the compiled loop {name} {what}")

    named: dict[str, Any] = {
        "pack": Struct("q" + "".join("Q" if letter == "u" else "q" for letter in entry.takes)).pack_into,
        # lets go of the GIL
        "enter": ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64)(address),
        "array": id(np.ndarray),
        "given": _given,
        "refuse": refuse,
    }
    exec("\n".join(lines), named)
    made: Compiled = named["call"]
    return made


@cache
def _known() -> Mapping[str, int]:
    library = ctypes.CDLL(None)

    def address(name: str) -> int:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0

    return {name: address(name) for name in _C} | {name: address("abort") for name in _NEVER}


def _image_path(file: str) -> Path | None:
    """Where the image of a file's loops is kept, for this compiler and this processor; None where there are none."""
    maker = _maker()
    if maker is None:
        return None
    folder = os.environ.get(_FOLDER)
    place = _PACKAGE.joinpath(*file.split("/"))
    if folder is None:
        return place.parent / "__pycache__" / f"{place.name}.{maker}.loops"
    return Path(folder) / f"{file.replace('/', '.')}.{maker}.loops"


@cache
def _maker() -> str | None:
    """16 hex digits for what images are made by and for, beside their files; None where none can be."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    digest = blake2b(digest_size=8)
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first = file.read(_CPU_BYTES).partition("\n\n")[0]
        told = [line for line in first.splitlines() if not line.startswith(_CHANGES)]
        for compiler in ("numba", "llvmlite"):
            spec = find_spec(compiler)
            if spec is None or spec.origin is None:
                return None
            told.append(Path(spec.origin).with_name("_version.py").read_text(encoding="utf-8"))
    except OSError:
        return None
    settings = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_")]
    told += [sys.version, str(_PACKAGE), *sorted(each for each in settings if not each.startswith(f"{_FOLDER}="))]
    for each in told:
        digest.update(each.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()


def _read(path: Path) -> Image | None:
    """The image that is kept there; None where there is none that holds."""
    try:
        image = Image.read(path.read_bytes())
        return image if image is not None and _prints(image.made_of) == image.made_of else None
    except OSError:
        return None


def _can_keep(path: Path) -> bool:
    """Whether its folder can be written, or made."""
    folder = next(each for each in path.parents if each.exists())
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _write(path: Path, image: Image) -> None:
    """Keep it where that can be done."""
    with suppress(OSError):
        place(path, image.write(), path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}"))


def _prints(files: Iterable[str]) -> dict[str, str]:
    """What files of this package hold, by their names."""
    return {file: blake2b(_PACKAGE.joinpath(f"{file}.py").read_bytes(), digest_size=16).hexdigest() for file in files}


def _files(file: str) -> set[str]:
    """The files of this package that a file is made of: itself, what it imports, what those import; and the makers."""
    found: set[str] = set()
    waiting = [file, *_MAKERS]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += _imported(each)
    return found


def _imported(file: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(_PACKAGE.joinpath(f"{file}.py").read_bytes())):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        # where Tidemill is installed, its packages are below one
        module = node.module.removeprefix(ROOT)
        if module.partition(".")[0] != _PACKAGE.name:
            continue
        place = module.partition(".")[2].replace(".", "/")
        for name in (place, *(f"{place}/{alias.name}".lstrip("/") for alias in node.names)):
            if name and _PACKAGE.joinpath(f"{name}.py").is_file():
                yield name
