"""A product that is broken on purpose fails its scenario: what rotation and registry look at would be noticed."""

from pathlib import Path

import pytest

from tests.chaos import registries, rotation
from tests.chaos.checkers import LOST, UNEQUAL, WRONG_END
from tests.chaos.stage import Stage

BY_NAME_ALONE = """
import dataflow.sources.files.recognised as recognised
import dataflow.sources.files.source as source

whole = recognised.recognise

def by_name_alone(files, known):
    # what is called otherwise by now is a new file, and nobody misses the old one
    there = {file.name for file in files}
    return whole(files, {name: each for name, each in known.items() if each is None or _same(files, each)})

def _same(files, known):
    file = next((each for each in files if each.name == known.path), None)
    return file is not None and recognised._has_last(file, known)

source.recognise = by_name_alone
"""
"""A renamed file is taken for a new one, and another one of its name for the one that was read."""

NO_PATIENCE = """
import dataflow.decode.avro.decoder as decoder
from dataflow.errors import RegistryUnreachable
from dataflow.messages import Refusal

asked = decoder.Writers._ask

def ask_once(self, key):
    try:
        return asked(self, key)
    except RegistryUnreachable as problem:
        return Refusal("unknown_schema", None, str(problem))

decoder.Writers._ask = ask_once
"""
"""Records of a schema that cannot be asked for are refused at once."""

pytestmark = pytest.mark.timeout(900)


def found(stage: Stage) -> set[str]:
    stage.close()
    return {each.name for each in stage.anomalies}


def test_a_renamed_file_that_is_not_known_again_is_found_by_the_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "JOB", rotation.JOB + BY_NAME_ALONE)
    stage = Stage(tmp_path / "rotation", "", seed=1, kills=2, full=False)
    rotation.rotated(stage)
    # the run that meets it refuses to go on, so that lines are missing
    assert found(stage) >= {LOST, UNEQUAL, WRONG_END}


@pytest.mark.kafka
def test_records_that_are_refused_while_the_registry_is_dead_are_found_by_the_scenario(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries, "JOB", registries.JOB + NO_PATIENCE)
    # what it waits for never comes
    monkeypatch.setattr(registries, "PATIENCE_S", 40.0)
    stage = Stage(tmp_path / "registry", kafka, seed=1, kills=1, full=False)
    registries.dying(stage)
    assert found(stage) >= {LOST, UNEQUAL}
