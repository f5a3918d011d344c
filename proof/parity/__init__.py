"""The same tables from several sides: Tidemill, another engine, and one plain reading of the records by DuckDB."""
