"""The same tables from three sides: Tidemill, Apache Flink, and one plain reading of the records by DuckDB."""
