"""From a pipeline to a Flink job: pure text, and what a cluster needs to know of it."""
