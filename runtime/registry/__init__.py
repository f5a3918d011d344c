"""A schema registry: its client, and what it answered kept on disk."""
