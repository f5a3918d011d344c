"""The catalog: DuckLake's tables and ours in one SQLite file."""
