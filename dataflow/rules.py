"""The settings of a pipeline that may change on a living lake, as they held for some records."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Rules(NamedTuple):
    """The settings of a pipeline that may change from a record on (semantics rule 13).

    `allowed_lateness_ms`: rollup and its own, by name. `deduplicate_within_ms` is 0 where nothing is left out.
    """

    out_of_orderness_ms: int
    idle_timeout_ms: int
    deduplicate_within_ms: int
    allowed_lateness_ms: tuple[tuple[str, int], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As JSON values, which `of_json` reads."""
        return {
            "out_of_orderness_ms": self.out_of_orderness_ms,
            "idle_timeout_ms": self.idle_timeout_ms,
            "deduplicate_within_ms": self.deduplicate_within_ms,
            "allowed_lateness_ms": dict(self.allowed_lateness_ms),
        }

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "Rules":
        """From the values of `as_json`."""
        lateness = tuple(sorted(values["allowed_lateness_ms"].items()))
        return cls(values["out_of_orderness_ms"], values["idle_timeout_ms"], values["deduplicate_within_ms"], lateness)


Mark = tuple[int, Rules]
"""From which offset of a source partition on which rules hold."""
