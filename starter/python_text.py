"""Python as it is written by hand: strings, comments, names of fields and classes that nothing else has."""

import builtins
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Collection

from pydantic import BaseModel

from dataflow.own_columns import OF_EVENTS
from starter.words import words_of

WIDTH = 120

IN_FILE = frozenset(
    {
        *(
            "Annotated",
            "BaseModel",
            "Dimension",
            "Field",
            "Ge",
            "Len",
            "Literal",
            "MaxLen",
            "Money",
            "Pipeline",
            "Rollup",
        ),
        *("EventTime", "EventTimeMicros", "EventTimeNanos", "EventTimeSeconds", "EventTimeText"),
        *("agg", "date", "pipeline", "tumble"),
    }
)
"""Names that a pipeline file gives a meaning."""

_TYPES = frozenset({"str", "int", "float", "bool"})
"""Of Python's own names, those that annotations use."""

_BUILTINS = frozenset(dir(builtins))


def literal(text: str) -> str:
    """A string literal, in double quotes where that needs no escape."""
    if '"' in text:
        return repr(text)
    return '"' + repr("'" + text)[2:-1] + '"'


_HARMLESS = str.maketrans('\\"', "/'")


def plain(text: str) -> str:
    """Text from records or names for a comment or a docstring: no character that ends a line or a string."""
    safe = "".join(char if char.isprintable() else "?" for char in text)
    return safe.translate(_HARMLESS)


def comment(text: str, indent: int) -> list[str]:
    """Lines of a comment."""
    prefix = " " * indent + "# "
    return textwrap.wrap(
        text, WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_long_words=False, break_on_hyphens=False
    )


def field_name(key: str, taken: Collection[str], classes: Collection[str] = (), *, top: bool) -> str:
    """A field's name for a JSON key: the key itself where it can be one. `taken` are names in lower case.

    `classes`: the file's own. `top`: its column stands beside those that table events has of its own.
    """
    if _free(key, taken, classes, top=top):
        return key
    stem = _slug(key)
    for name in (stem, f"event_{stem}", f"{stem}_"):
        if _free(name, taken, classes, top=top):
            return name
    number = 2
    while not _free(f"{stem}_{number}", taken, classes, top=top):
        number += 1
    return f"{stem}_{number}"


def _free(name: str, taken: Collection[str], classes: Collection[str], *, top: bool) -> bool:
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        return False
    # Python reads an identifier in its normal form, JSON does not
    if unicodedata.normalize("NFKC", name) != name or name.lower() in taken:
        return False
    # a class body looks a name up in itself first, and pydantic warns of its own
    if name in IN_FILE or name in _TYPES or name in classes or hasattr(BaseModel, name):
        return False
    if name.startswith(("model_validate", "model_dump")):
        return False
    return not (top and name.lower() in OF_EVENTS)


def _slug(key: str) -> str:
    text = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode()
    slug = re.sub(r"\W+", "_", text).strip("_")
    return slug if slug and not slug[0].isdigit() else f"field_{slug}".rstrip("_")


def class_name(key: str, taken: Collection[str]) -> str:
    """A class for the object at a JSON key."""
    text = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode()
    stem = "".join(word[:1].upper() + word[1:] for word in words_of(text))
    if not stem or stem[0].isdigit():
        stem = f"Object{stem}"
    number, name = 1, stem
    while name in taken or name in IN_FILE or name in _BUILTINS or keyword.iskeyword(name):
        number += 1
        name = f"{stem}{number}"
    return name


def slug(text: str, default: str) -> str:
    """A name that every engine takes without quotes: a lowercase letter, then letters, digits and _."""
    found = re.sub(r"_+", "_", re.sub(r"[^a-z0-9]+", "_", _ascii(text).lower())).strip("_")
    if not found:
        return default
    return found if found[0].isalpha() else f"{default}_{found}"


def _ascii(text: str) -> str:
    # userId becomes user_id
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return unicodedata.normalize("NFKD", spaced).encode("ascii", "ignore").decode()
