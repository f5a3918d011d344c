"""The source read again, and everything in the lake compared with it."""
