"""What a record must be, in Flink: the field table of an event model and the Java function that judges by it."""
