"""A lake that is named alone is examined with the recovery folder beside it and with its own kind of source."""

from pathlib import Path

import pytest

from runtime.run_of_lake import of_its_lake
from runtime.settings import Settings, load_settings
from tests.doctor.examined import NOON, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.read("a", [NOON])
    return made


def named(world: World, **flags: object) -> Settings:
    return of_its_lake(load_settings({"lake": world.settings.lake, **flags}, {}, world.folder))


def test_a_lake_named_alone_goes_with_the_recovery_folder_beside_it_and_its_kind_of_source(world: World) -> None:
    found = named(world, brokers="localhost:1")
    assert (found.recovery, found.source) == (world.settings.recovery, "files")


@pytest.mark.parametrize(
    ("flags", "source"),
    [({"source": "generator"}, "generator"), ({"topic": "other"}, "kafka"), ({"input": "in"}, "files")],
)
def test_a_source_that_is_named_stays(world: World, flags: dict[str, object], source: str) -> None:
    assert named(world, **flags).source == source


def test_a_recovery_folder_that_is_named_stays(world: World, tmp_path: Path) -> None:
    assert named(world, recovery=tmp_path / "elsewhere").recovery == tmp_path / "elsewhere"


def test_where_no_lake_is_named_the_settings_of_the_folder_count(world: World) -> None:
    settings = load_settings({}, {}, world.folder)
    assert of_its_lake(settings) is settings


def test_a_lake_that_is_not_there_changes_no_source(tmp_path: Path) -> None:
    settings = load_settings({"lake": tmp_path / "none"}, {}, tmp_path)
    assert of_its_lake(settings).source == "kafka"


def test_a_lake_of_two_kinds_of_source_leaves_the_source_as_it_is(world: World) -> None:
    (world.folder / "in" / "generator").mkdir()
    world.read("generator/0", [NOON])
    assert named(world).source == "kafka"
