"""The same pipeline file on Apache Flink: the contract in Java, its SQL, a cluster to run it."""
