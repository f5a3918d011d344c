"""The plainest conditions, read without the parser, which takes as long to load as all that a pipeline file imports."""

import re

import pyarrow as pa

from dataflow.filter.expression import Values, kind_of
from dataflow.filter.nodes import Column, Comparison, Constant, Junction, Node

_ONE = r"\s*([a-z_][a-z0-9_]*)\s*(=|<>|!=)\s*'([^'\\\x00-\x1f]*)'\s*"
_PART = re.compile(_ONE)
_AND = re.compile(r"and(?=\s)", re.IGNORECASE)

_WORDS = """
alter and any as asof between by call case collate connect_by_root create cross current_catalog current_date
current_role current_schema current_time current_timestamp current_user distinct drop else escape except execute
exists explain false fetch for force from glob grant group having if ilike in inner insert install intersect
interval into is isnull join lateral like limit localtime localtimestamp map not notnull null offset on only
optimize or order outer overlaps partitioned_by positional prepare qualify regexp rename reset returning revoke
rlike rollback select session_user similar summarize table tablesample then true uncache union unnest using vacuum
values when where window with xor
"""
NOT_NAMES = frozenset(_WORDS.split())
"""Words that mean something else, or are a mistake, where a column's name may stand."""


def read_plainly(text: str, schema: pa.Schema, values: Values) -> Node | None:
    """What the parser would read of comparisons of text columns with texts, all of which must hold; else None.

    None as well wherever the parser would find a mistake, so that it tells it.
    """
    found: list[Node] = []
    at = 0
    while True:
        part = _PART.match(text, at)
        if part is None:
            return None
        comparison = _comparison(*part.groups(), schema=schema, values=values)
        if comparison is None:
            return None
        found.append(comparison)
        at = part.end()
        if at == len(text):
            return found[0] if len(found) == 1 else Junction("AND", tuple(found))
        joined = _AND.match(text, at)
        if joined is None:
            return None
        at = joined.end()


def _comparison(name: str, operator: str, constant: str, *, schema: pa.Schema, values: Values) -> Node | None:
    if name in NOT_NAMES or name not in schema.names:
        return None
    kind = kind_of(schema.field(name).type)
    possible = values.get(name)
    if kind is None or kind[0] != "text" or (possible is not None and constant not in possible):
        return None
    return Comparison("=" if operator == "=" else "<>", Column(name, *kind), Constant(constant, "text"))
