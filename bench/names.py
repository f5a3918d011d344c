"""What contenders are called in all results: who measures and who reads it say the same."""

HERE = "tidemill run, one worker"
DIRECT = "tidemill run --fetch direct"
WORKERS = "tidemill run -w 2"
PROCESSES = "tidemill run -p 2"
BARE = "bare consume loop"
DUCKDB = "DuckDB, one query, 2 threads"
SPARK = "Spark SQL, batch, 2 cores"
SPARK_STREAM = "Spark Structured Streaming, 2 cores"
PATHWAY = "Pathway"
LAMINARDB = "LaminarDB"
QUIX = "Quix Streams"
BYTEWAX = "plain Bytewax"


def flink(form: str, parallelism: int) -> str:
    """A job of Flink SQL."""
    return f"Flink SQL, {form}, parallelism {parallelism}"
