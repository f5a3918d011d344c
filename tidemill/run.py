"""`run` under the name that it has where Tidemill is installed: `python -m bytewax.run tidemill.run:flow`."""

from run import flow, main

__all__ = ["flow", "main"]
