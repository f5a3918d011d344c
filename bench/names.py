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
FLINK_ALERTS = "Flink SQL"


def early_alerts(epoch_ms: int) -> str:
    """Alerts that are told early in a run with such epochs."""
    return f"Tidemill, told early, epochs of {epoch_ms} ms"


def committed_alerts(epoch_ms: int) -> str:
    """Alerts once the lake has their commit."""
    return f"Tidemill, committed to the lake, epochs of {epoch_ms} ms"


def alerts_at_consumer(epoch_ms: int) -> str:
    """Committed changes of alerts at a consumer of their topic."""
    return f"Tidemill, committed, at a consumer, epochs of {epoch_ms} ms"


def flink(form: str, parallelism: int) -> str:
    """A job of Flink SQL."""
    return f"Flink SQL, {form}, parallelism {parallelism}"
