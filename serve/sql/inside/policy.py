"""Which functions and tables a question may name: the parsed tree is walked, and what it must not name is refused."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from dataflow.errors import SqlRefused
from query.guard import Statement

TABLE_FUNCTIONS = frozenset(
    {
        *("unnest", "range", "generate_series", "repeat", "repeat_row", "json_each", "json_tree"),
        *("duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_keywords", "duckdb_schemas"),
        *("duckdb_tables", "duckdb_types", "duckdb_views", "pragma_table_info", "pragma_version"),
        *("icu_calendar_names", "pg_timezone_names"),
    }
)
"""Table functions that a question may use; every other one is refused, whatever the engine has."""

REFUSED_FUNCTIONS = {
    **dict.fromkeys(("current_setting", "getvariable", "getenv", "which_secret"), "tells of the server"),
    **dict.fromkeys(
        ("json_execute_serialized_sql", "query", "query_table", "json_serialize_plan"), "runs a text as a question"
    ),
    **dict.fromkeys(("nextval", "currval", "setval", "write_log", "setseed"), "changes something"),
    **dict.fromkeys(("sleep_ms", "pg_sleep"), "only waits"),
    **dict.fromkeys(
        (
            *("finalize", "combine", "to_aggregate_state", "create_sort_key", "icu_sort_key", "index_key", "invoke"),
            *("vector_type", "stats", "remap_struct", "bitstring_byte_comparable", "timetz_byte_comparable"),
            *("variant_comparator", "variant_bytes_to_variant", "variant_to_parquet_variant", "variant_normalize"),
            *("replace_type", "parse_duckdb_log_message"),
            *("json_deserialize_sql", "get_block_size", "hive_partition_component"),
        ),
        "is a part of the engine",
    ),
}
"""Functions that give a value and are refused, and why; so are all whose names begin with two underscores."""

_INTERNAL = "__"
_SYSTEM_SCHEMAS = ("information_schema", "pg_catalog")
_REFUSED_VIEWS = frozenset({"pg_settings", "pg_prepared_statements", "duckdb_logs", "pragma_database_list"})
_SHOWN = frozenset({"", "tables", "databases", "__show_tables_expanded"})
_PATH = re.compile(r"[/\\*?\[\]:~]|\.[A-Za-z0-9_]+$")
_SHORTER = 80

_FIX = "ask the lake's tables and views, which SHOW TABLES lists"


def require_allowed(statement: Statement, tables: AbstractSet[str], schemas: Iterable[str] = ()) -> None:
    """Raise SqlRefused where the statement names what a question must not name.

    `tables` are the names that the snapshot has, in small letters, `schemas` those beside `main`.
    """
    known = frozenset(("", "main", *_SYSTEM_SCHEMAS, *(each.lower() for each in schemas)))
    stack: list[Any] = [statement.tree]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            kind = node.get("type")
            if kind == "TABLE_FUNCTION":
                _table_function(node["function"]["function_name"])
                # the function itself is looked at; what it is given is not yet
                stack.extend(value for key, value in node.items() if key != "function")
                stack.append(node["function"]["arguments"])
                continue
            if kind == "BASE_TABLE":
                _table(node, tables, known)
            elif kind == "SHOW_REF":
                _show(node)
            elif isinstance(node.get("function_name"), str):
                _function(node["function_name"])
            stack.extend(node.values())


def _table_function(name: str) -> None:
    if name.lower() not in TABLE_FUNCTIONS:
        allowed = ", ".join(sorted(TABLE_FUNCTIONS))
        raise SqlRefused(f"the question uses {_short(name)}(...) as a table, and only these may be: {allowed}; {_FIX}")


def _function(name: str) -> None:
    why = REFUSED_FUNCTIONS.get(name.lower())
    if why is None and name.startswith(_INTERNAL) and name.lower() not in ("__cast", "__between"):
        why = "is a part of the engine"
    if why is not None:
        raise SqlRefused(f"the question uses {_short(name)}(), which {why}: leave it out; {_FIX}")


def _table(node: dict[str, Any], tables: AbstractSet[str], schemas: AbstractSet[str]) -> None:
    if node.get("at_clause") is not None:
        raise SqlRefused(
            "the question names a snapshot inside (AT ...), and it sees one snapshot in all its tables: leave the "
            "clause out and name the snapshot with as_of"
        )
    catalog, schema, name = (str(node.get(key) or "") for key in ("catalog_name", "schema_name", "table_name"))
    if catalog or schema.lower() not in schemas:
        place = f"{catalog}.{schema}" if catalog else schema
        raise SqlRefused(
            f"the question names the table {_short(name)} in {_short(place)}, which is no part of the lake"
        )
    if name.lower() in tables:
        return
    if name.lower() in _REFUSED_VIEWS:
        raise SqlRefused(f"the question names {_short(name)}, which tells of the server: leave it out; {_FIX}")
    if _PATH.search(name):
        raise SqlRefused(
            f"the question names {_short(name)!r} as a table, and files and addresses are none here; {_FIX}"
        )


def _show(node: dict[str, Any]) -> None:
    if node.get("query") is None and str(node.get("table_name")).strip('"').lower() not in _SHOWN:
        raise SqlRefused("the question asks to SHOW what is not the lake's; SHOW TABLES and DESCRIBE NAME are fine")


def _short(name: str) -> str:
    return name if len(name) <= _SHORTER else f"{name[:_SHORTER]}..."
