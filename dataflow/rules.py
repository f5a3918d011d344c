"""What of a pipeline may change on a living lake, as it held for some records."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Joined(NamedTuple):
    """How a dimension was joined: by which file, known by the SHA-256 of its bytes (hex), and by which declaration.

    `columns`: those that it adds, with Arrow types as text. `unknown`: "null" or "dead_letter".
    """

    name: str
    sha256: str
    key: str
    columns: tuple[tuple[str, str], ...]
    unknown: str

    def as_json(self) -> dict[str, Any]:
        """As JSON values, which `of_json` reads."""
        return {**self._asdict(), "columns": [list(column) for column in self.columns]}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "Joined":
        """From the values of `as_json`."""
        columns = tuple((name, type_) for name, type_ in values["columns"])
        return cls(values["name"], values["sha256"], values["key"], columns, values["unknown"])


class Rules(NamedTuple):
    """The settings of a pipeline that may change from a record on (semantics rule 13).

    `allowed_lateness_ms`: rollup and its own, by name. `deduplicate_within_ms` is 0 where nothing is left out.
    `dimensions`: as they were when the record was read, in the pipeline's order; None where that is not told.
    """

    out_of_orderness_ms: int
    idle_timeout_ms: int
    deduplicate_within_ms: int
    allowed_lateness_ms: tuple[tuple[str, int], ...] = ()
    dimensions: tuple[Joined, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """As JSON values, which `of_json` reads."""
        return {
            "out_of_orderness_ms": self.out_of_orderness_ms,
            "idle_timeout_ms": self.idle_timeout_ms,
            "deduplicate_within_ms": self.deduplicate_within_ms,
            "allowed_lateness_ms": dict(self.allowed_lateness_ms),
            "dimensions": None if self.dimensions is None else [each.as_json() for each in self.dimensions],
        }

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "Rules":
        """From the values of `as_json`, also of versions that did not tell the dimensions."""
        lateness = tuple(sorted(values["allowed_lateness_ms"].items()))
        told = values.get("dimensions")
        return cls(
            values["out_of_orderness_ms"],
            values["idle_timeout_ms"],
            values["deduplicate_within_ms"],
            lateness,
            None if told is None else tuple(map(Joined.of_json, told)),
        )


Mark = tuple[int, Rules]
"""From which offset of a source partition on which rules hold."""
