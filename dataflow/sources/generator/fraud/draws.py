"""Random draws that are the same on every machine and for ever: only what Python promises of a seeded generator."""

from random import Random


class Draws:
    """Draws of one purpose: equal seeds and purposes give equal draws, whatever others draw beside it."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._random = Random(f"{seed} {purpose}").random

    def share(self) -> float:
        """A number in [0, 1)."""
        return self._random()

    def happens(self, probability: float) -> bool:
        """Whether something of this probability does."""
        return self._random() < probability

    def whole(self, low: int, high: int) -> int:
        """A whole number in [low, high)."""
        return low + int(self._random() * (high - low))

    def skewed(self, low: int, high: int) -> int:
        """A whole number in [low, high), most often near `low`: a third is below a twenty-seventh of the way."""
        part = self._random()
        return low + int(part * part * part * (high - low))
