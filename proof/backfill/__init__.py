"""A rollup that was added later gets what the lake had read before it, from the accepted events that it holds."""
