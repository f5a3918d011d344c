"""Formats of records as a pipeline file declares them, and the schemas that they are read by."""
