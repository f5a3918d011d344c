"""Apache Spark as one side of a parity run."""
