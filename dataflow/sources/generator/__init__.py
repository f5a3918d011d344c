"""A made-up stream as a source."""

NAME = "generator"
"""What its source partitions are called before the slash."""
