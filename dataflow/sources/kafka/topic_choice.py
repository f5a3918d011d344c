"""Which topics a setting names: one, several, or all that match a pattern."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dataflow.spoken import listed

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
_COMMA = re.compile(r",(?![^(\[{]*[)\]}])")
"""Between two topics; none that belongs to a pattern, as in {2,3}."""
_INTERNAL = "__"


def _never(_topic: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """`names` as written, in their order; `patterns` each match whole names of topics.

    `may_lack(topic)`: whether a named one may be gone.
    """

    names: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    may_lack: Callable[[str], bool] = field(default=_never, compare=False)

    @classmethod
    def read(cls, written: str) -> "TopicChoice":
        """From text: names and patterns with a comma between; what begins with ^ is a pattern. Raises ValueError."""
        names: list[str] = []
        patterns: list[str] = []
        for each in map(str.strip, _COMMA.split(written)):
            if each.startswith("^"):
                try:
                    re.compile(each)
                except re.error as error:
                    raise ValueError(f"{each} is no pattern that can be read: {error}") from None
                patterns.append(each)
            elif _NAME.fullmatch(each) and each not in (".", ".."):
                names.append(each)
            else:
                what = "there is a comma without a topic" if not each else f"{each!r} is no name of a topic"
                raise ValueError(f"{what}; write names with commas between, or a pattern that begins with ^")
        return cls(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(patterns)))

    @property
    def only(self) -> str | None:
        """The one topic that is named; None where there may be more."""
        return self.names[0] if len(self.names) == 1 and not self.patterns else None

    def takes(self, topic: str) -> bool:
        """Whether it is one of these."""
        return topic in self.names or self.matches(topic)

    def matches(self, topic: str) -> bool:
        """Whether a pattern takes it. Kafka's own topics, which begin with __, need a pattern that does, too."""
        return any(
            re.fullmatch(pattern, topic) is not None
            and (pattern.startswith("^" + _INTERNAL) or not topic.startswith(_INTERNAL))
            for pattern in self.patterns
        )

    def among(self, there: Iterable[str]) -> list[str]:
        """The named topics, and those of `there` that match, in name order."""
        return [*self.names, *sorted(topic for topic in there if topic not in self.names and self.matches(topic))]

    def __str__(self) -> str:
        """In words."""
        said = [f"topic{'s' if len(self.names) > 1 else ''} {listed(list(self.names))}"] if self.names else []
        said += [f"topics that match {pattern}" for pattern in self.patterns]
        return " and ".join(said)
