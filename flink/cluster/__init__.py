"""A real Apache Flink of our own, and what is done with jobs on any: submit, look, save, stop, go on."""
