"""Where the project's own packages are: at the top in its tree, inside `tidemill` where it is installed."""

ROOT = __name__.rpartition("dataflow")[0]
"""What stands before the name of an own package: "" or "tidemill."."""

INSTALLED = ROOT != ""
"""Whether this is an installed Tidemill, and not the tree of the project."""
