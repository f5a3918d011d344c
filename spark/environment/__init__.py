"""Where a Spark job runs on this machine: a Python of its own with pyspark, and jars that Maven brings."""
