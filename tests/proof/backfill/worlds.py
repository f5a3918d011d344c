"""The audited pipeline, with rollups that come later, over the audited input."""

from pathlib import Path
from typing import Any

from dataflow.pipeline.declaration import Pipeline
from tests.model.files import read_folder
from tests.proof.audited import CUTS, pipeline, write_input
from tests.proof.backfill.grown import Grown

AT = 12
"""After so many steps of the cuts the rollups come."""


def only(*names: str, **changes: Any) -> Pipeline:
    """The audited pipeline with some of its rollups."""
    whole = pipeline(**changes)
    return pipeline(rollups=[each for each in whole.rollups if each.name in names], **changes)


def grown(folder: Path, first: Pipeline, then: Pipeline, at: int = AT) -> Grown:
    """A lake that was read by `first` and, after `at` steps, by `then`."""
    write_input(folder / "input")
    lake = Grown(folder, read_folder(folder / "input"))
    lake.read(first, CUTS.steps[:at], (then, CUTS.steps[at:]))
    return lake


def whole(folder: Path, pipeline: Pipeline) -> Grown:
    """A lake of the same input that was read by one pipeline."""
    write_input(folder / "input")
    lake = Grown(folder, read_folder(folder / "input"))
    lake.read(pipeline, CUTS.steps)
    return lake
