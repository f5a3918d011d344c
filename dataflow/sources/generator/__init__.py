"""A made-up stream as a source."""
