"""The columns that the parts of a pipeline may name, as far as they are known while it is checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from dataflow.event.schema import ReadModel, values_of
from dataflow.filter.expression import Values


@dataclass(frozen=True, slots=True)
class Columns:
    """Known columns with their types, and those that are `unread`: a mistake of their own, told elsewhere, hides them.

    `values`: all that a column can hold, of a Literal or an Enum. `times`: the columns that are event times.
    `is_open`: there may be more columns, of a part that could not be read at all.
    """

    schema: pa.Schema
    values: Values = field(default_factory=dict)
    times: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    is_open: bool = False

    def hides(self, name: str) -> bool:
        """Whether nothing can be said of a column of this name, because of another mistake."""
        if name in self.schema.names:
            return False
        return self.is_open or any(name == each or name.startswith(f"{each}.") for each in self.unread)

    def with_more(self, added: Mapping[str, pa.DataType], unread: frozenset[str], *, is_open: bool) -> "Columns":
        """With columns of a dimension beside them; of two of one name the first stays."""
        fields = [pa.field(name, type_) for name, type_ in added.items() if name not in self.schema.names]
        schema = pa.schema([*self.schema, *fields])
        return Columns(schema, self.values, self.times, self.unread | unread, self.is_open or is_open)


def columns_of(model: ReadModel) -> Columns:
    """The columns of an event model, as far as it could be read."""
    types = {leaf.name: leaf.type for leaf in model.fields}
    times = frozenset(leaf.name for leaf in model.fields if leaf.unit is not None)
    return Columns(pa.schema(list(types.items())), values_of(model.fields), times, model.unread, model.is_open)
