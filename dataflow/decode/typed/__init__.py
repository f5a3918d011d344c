"""Records that have values of types in columns, as Parquet has, to event columns."""
