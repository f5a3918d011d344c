"""Where the project's own packages are: at the top in its tree, inside `tidemill` where it is installed."""

import os.path
from collections.abc import Mapping

ROOT = __name__.rpartition("dataflow")[0]
"""What stands before the name of an own package: "" or "tidemill."."""

INSTALLED = ROOT != ""
"""Whether this is an installed Tidemill, and not the tree of the project."""


def cache_folder(environ: Mapping[str, str]) -> str | None:
    """The user's folder for what an installed Tidemill brings or makes, and can again; None where a user has no home.

    An installation keeps nothing in its package: that may belong to somebody else, and goes whole when it is removed.
    """
    base = environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "tidemill") if os.path.isabs(base) else None
