"""The files of dimensions that a lake was filled with: a copy of each, named after its content, beside the tables.

Written before the first commit that names it, and never removed: a copy that no commit came to name is found and used
again when the same file comes back.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from dataflow.durable import place
from dataflow.errors import LakeUnwritable
from dataflow.pipeline.plan import Plan
from dataflow.rules import Joined, Rules
from sinks.lake.fault import Fault, no_fault
from sinks.lake.names import dimension_path, is_partial, partial_name, unique_name


class KeptDimensions:
    """The copies in a lake's folder: call it with a SHA-256 (hex) for the bytes, None where there is no whole copy."""

    def __init__(self, lake: Path) -> None:
        self.lake = lake

    def __call__(self, sha256: str) -> bytes | None:
        """The file's bytes, as they were read."""
        try:
            content = dimension_path(self.lake, sha256).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == sha256 else None

    def lacking(self, rules: Rules | None, plan: Plan) -> list[Joined]:
        """Of the dimensions of these rules, those by which nobody can join again: no copy, and not the plan's own."""
        own = {each.digest for each in plan.dimensions}
        dimensions = () if rules is None or rules.dimensions is None else rules.dimensions
        return [each for each in dimensions if each.sha256 not in own and self(each.sha256) is None]


def keep_dimensions(lake: Path, plan: Plan, fault: Fault = no_fault) -> None:
    """Have the lake keep the plan's dimension files, but for those that are too large (`KEPT_BYTES`).

    Raises LakeUnwritable where the disk refuses.
    """
    keep_files(lake, [each.content for each in plan.dimensions if each.content is not None], fault)


def keep_files(lake: Path, contents: Iterable[bytes], fault: Fault = no_fault) -> None:
    """Durable when it returns. A copy that is there stays as it is; one that is cut short is written anew."""
    kept = KeptDimensions(lake)
    for content in contents:
        sha256 = hashlib.sha256(content).hexdigest()
        if kept(sha256) is not None:
            continue
        path = dimension_path(lake, sha256)
        partial = path.with_name(partial_name(path.name, unique_name()))
        fault("before_dimension")
        try:
            _remove_partial(path.parent)
            place(path, content, partial, written=lambda: fault("in_dimension"))
        except OSError as error:
            if kept(sha256) is not None:
                continue  # another process of the run was faster, and took ours for a leftover
            raise LakeUnwritable(
                f"cannot keep a copy of a dimension's file as {path}: {error.strerror}; nothing was read. Free space "
                "or correct the folder's permissions, then start again"
            ) from error
        fault("after_dimension")


def _remove_partial(folder: Path) -> None:
    """What a kill has left of copies that were being written."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if is_partial(path.name):
            path.unlink(missing_ok=True)
