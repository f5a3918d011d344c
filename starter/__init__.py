"""From a topic that nobody described to a pipeline file: sample, look, decide, write, try."""
