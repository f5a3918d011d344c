"""What a record must be, in Spark: the Java function that judges by the field table of an event model."""
