"""The values that a board file's keys take: how each is written, and what a wrong one is told."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dataflow.durations import to_ms
from dataflow.spelling import suggest

TODAY = "today"
"""The range from midnight in the page's zone; everything else is a duration."""


class Form(NamedTuple):
    """What a key takes. `check` returns what is wrong with a value, or None. `said`: the form in words, for docs."""

    said: str
    check: Callable[[Any], str | None]


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else 'write a text, like "Revenue per hour"'


def _duration(value: Any) -> str | None:
    try:
        fits = isinstance(value, str) and to_ms(value) > 0
    except ValueError:
        fits = False
    return None if fits else 'write a duration, like "5m", "1h" or "1d"'


def _span(value: Any) -> str | None:
    return None if value == TODAY or _duration(value) is None else 'write a duration, like "5m", or "today"'


def _names(value: Any) -> str | None:
    is_names = isinstance(value, list) and value and all(isinstance(each, str) and each for each in value)
    if not is_names:
        return 'write a list of names, like ["clicks"]'
    return None if len(set(value)) == len(value) else "name each once"


def _texts_by_name(value: Any) -> str | None:
    is_table = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    return None if is_table else 'write a table of texts, like { revenue = "$" }'


def _parameters(value: Any) -> str | None:
    is_table = isinstance(value, dict) and all(
        isinstance(each, str | int) and not isinstance(each, bool) for each in value.values()
    )
    return None if is_table else "write a table of texts or whole numbers, like { minutes = 5 }"


def whole(low: int, high: int) -> Form:
    """A whole number from `low` to `high`."""

    def check(value: Any) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if fits else f"write a whole number from {low} to {high}"

    return Form(f"a whole number from {low} to {high}", check)


def one_of(*words: str) -> Form:
    """One of these words."""

    def check(value: Any) -> str | None:
        if isinstance(value, str) and value in words:
            return None
        return f"write one of {', '.join(words)}"

    return Form(f"one of {', '.join(f'`{word}`' for word in words)}", check)


def some_of(words: Sequence[str]) -> Form:
    """A list of some of these words."""

    def check(value: Any) -> str | None:
        wrong = _names(value)
        unknown = [each for each in value if each not in words] if wrong is None else []
        return f"{unknown[0]!r} is none of them{suggest(unknown[0], list(words))}" if unknown else wrong

    return Form(f"a list of {', '.join(f'`{word}`' for word in words)}", check)


TEXT = Form("a text", _text)
DURATION = Form('a duration, like `"5m"`', _duration)
SPAN = Form('a duration, like `"5m"`, or `"today"`', _span)
NAMES = Form("a list of names", _names)
TEXTS_BY_NAME = Form('a table of texts, like `{ revenue = "$" }`', _texts_by_name)
PARAMETERS = Form("a table of texts or whole numbers", _parameters)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values as JSON values: parameters as texts, as a URL takes them."""
    return {
        key: {name: str(each) for name, each in value.items()} if isinstance(value, dict) else value
        for key, value in values.items()
    }
