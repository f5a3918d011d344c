"""Did you mean: the known name that a mistyped one is close to."""

from collections.abc import Callable


def suggest(name: str, names: list[str] | tuple[str, ...], *, shown: Callable[[str], str] = str) -> str:
    """A hint for an unknown name: the nearest of `names`, or all of them, each as `shown`."""
    # only a mistake needs it: commands start quickly without
    import difflib

    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {shown(near[0])}?" if near else f"; there are {', '.join(map(shown, names))}"
