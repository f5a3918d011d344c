"""Names and texts inside SQL, quoted as DuckDB and SQLite both take them; names as Flink and Spark do."""


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def backquoted(name: str) -> str:
    """A name in Flink's SQL and Spark's."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"
