"""Apache Flink as one side of a parity run."""
