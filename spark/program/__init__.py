"""What runs inside Spark's own Python, and imports nothing of ours."""
