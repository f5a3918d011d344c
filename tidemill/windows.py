"""Windows of a rollup: `from tidemill.windows import hop, tumble`."""

from dataflow.windows import Window, cumulate, hop, session, tumble

__all__ = ["Window", "cumulate", "hop", "session", "tumble"]
