"""Partials become tables: files and catalog of the lake."""
