"""Hatchling's hook: puts the package `tidemill`, made of the tree's folders, into the wheel."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TidemillHook(BuildHookInterface[Any]):
    """For wheels; an editable one holds the tree itself and needs nothing."""

    PLUGIN_NAME = "custom"
    _made: "TemporaryDirectory[str] | None" = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the package in a temporary folder and name its files."""
        if version == "editable":
            return
        place = _placing(self.root)
        self._made = TemporaryDirectory(prefix="tidemill-wheel-")
        place(Path(self.root), Path(self._made.name))
        build_data["force_include"][self._made.name] = "tidemill"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        if self._made is not None:
            self._made.cleanup()


def _placing(root: str) -> Any:
    # Hatchling loads this file alone, from an environment that does not know the tree.
    sys.path.insert(0, root)
    try:
        from deploy.packaging.placing import place
    finally:
        sys.path.remove(root)
    return place
