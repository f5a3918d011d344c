"""What a Flink job has written, taken into the lake exactly once, and the way back to Tidemill."""
