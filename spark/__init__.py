"""The same declaration on Apache Spark: a generated job, who runs it, and a side of a parity run."""
