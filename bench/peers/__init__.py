"""Other stream engines on Tidemill's topics, each a small program in an environment of its own."""
