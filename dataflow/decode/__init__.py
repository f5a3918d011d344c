"""Decoders: a column of raw values becomes event columns and refusals."""
