"""What stands against going on in a lake, in the words with which a run ends, all of it at once."""

from pathlib import Path

import pytest

from dataflow.errors import ConfigError, TidemillError
from dataflow.intake.control import Control
from dataflow.pipeline.load import load
from runtime.job import prepare
from runtime.recovery_folder import RecoveryFolder
from runtime.refusals import refusals, require_places
from runtime.settings import Settings
from sinks.lake.tables.prepare import open_lake
from tests.doctor.examined import NOON, World, at
from tests.query.lakes import LakeMaker


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.read("a", [at(0), at(1)])
    made.writer.close()
    return made


def found(world: World, **settings: object) -> list[TidemillError]:
    wanted = world.settings._replace(**settings)  # type: ignore[arg-type]  # any setting
    before = {path: path.read_bytes() for path in files(world.folder)}
    told = refusals(wanted, load(wanted.pipeline), lambda: NOON)
    assert {path: path.read_bytes() for path in files(world.folder)} == before
    assert told is not None
    if told:
        with pytest.raises(TidemillError) as ended:
            prepare(wanted, Control())
        assert (str(told[0]), told[0].exit_code) == (str(ended.value), ended.value.exit_code)
    return told


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(("-shm", "-wal"))]


def change(world: World, old: str, new: str) -> None:
    path = world.folder / "job.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_lake_that_goes_on_refuses_nothing(world: World) -> None:
    assert found(world) == []
    change(world, "], out_of", '    Rollup("more", [], tumble("1h"), {"n": agg.count()}),\n], out_of')
    assert found(world) == []


def test_without_a_lake_there_is_nothing_to_refuse(world: World) -> None:
    for name in ("none", "empty"):
        wanted = world.settings._replace(lake=world.folder / name)
        assert refusals(wanted, world.plan, lambda: NOON) is None
        (world.folder / "empty").mkdir(exist_ok=True)
        (world.folder / "empty" / "catalog.sqlite").touch()


def test_a_changed_rollup_is_told_as_a_run_tells_it(world: World) -> None:
    change(world, 'tumble("1m")', 'tumble("2m")')
    (told,) = found(world)
    assert "  - rollup per_ad: window was tumble 1m and is tumble 2m" in str(told)
    assert told.exit_code == 5


def test_another_pipelines_lake_and_a_folder_of_something_else_are_told_alone(world: World) -> None:
    change(world, '"small"', '"other"')
    (told,) = found(world, recovery=world.folder / "new")
    assert "is the lake of pipeline 'small', not of 'other'" in str(told)
    (told,) = found(world, lake=world.folder / "in")
    assert "is not empty (it holds 'a.ndjson')" in str(told)


def test_a_name_that_another_client_has_taken_is_told_with_what_frees_it(world: World) -> None:
    catalog = open_lake(world.settings.lake, world.plan, NOON)
    catalog.connection.execute("INSERT INTO ducklake_table VALUES (900, 'x', 0, NULL, 0, 'more_delta', 'x/', 1)")
    catalog.close()
    change(world, "], out_of", '    Rollup("more", [], tumble("1h"), {"n": agg.count()}),\n], out_of')
    (told,) = found(world)
    assert "main.more_delta is a table that another client made" in str(told)


def test_a_recovery_folder_that_is_not_the_lakes_is_told(world: World) -> None:
    (told,) = found(world, recovery=world.folder / "new")
    assert "there is no recovery folder at" in str(told)
    assert told.exit_code == 4


def test_another_source_is_told_without_asking_a_broker(world: World) -> None:
    wanted = world.settings._replace(source="kafka", brokers="127.0.0.1:1", topic="clicks")
    told = refusals(wanted, world.plan, lambda: NOON)
    assert told is not None
    assert [type(each) for each in told] == [ConfigError]
    assert "go on with a of a folder of files, and the settings name topic clicks; go on with --source files" in str(
        told[0]
    )
    assert "the generator has generator/0" in str(found(world, source="generator")[0])


def test_a_file_that_is_gone_is_told(world: World) -> None:
    (world.folder / "in" / "a.ndjson").rename(world.folder / "in" / "b.ndjson")
    assert "a in the lake" in str(found(world)[0])


def test_all_that_is_refused_is_told_at_once(world: World) -> None:
    change(world, 'tumble("1m")', 'tumble("2m")')
    told = found(world, source="generator", recovery=world.folder / "new")
    assert [each.exit_code for each in told] == [5, 4, 2]
    empty = world.folder / "nothing"
    assert [each.exit_code for each in found(world, input=empty, recovery=world.folder / "new")] == [3, 5, 4]


def places(lake: Path, recovery: Path) -> None:
    require_places(Settings()._replace(lake=lake, recovery=recovery), RecoveryFolder(recovery))


def test_a_new_lake_and_a_new_recovery_folder_lie_in_no_lake(tmp_path: Path) -> None:
    places(tmp_path / "lake", tmp_path / "recovery")
    LakeMaker(tmp_path / "lake").catalog.close()
    places(tmp_path / "lake", tmp_path / "recovery")
    with pytest.raises(ConfigError, match=r"lake = .*lies in the lake"):
        places(tmp_path / "lake" / "inner", tmp_path / "recovery")
    with pytest.raises(ConfigError, match=r"recovery = .*lies in the lake"):
        places(tmp_path / "lake", tmp_path / "lake" / "recovery")
    with pytest.raises(ConfigError, match=r"recovery = .*lies in the lake"):
        places(tmp_path / "new", tmp_path / "new" / "recovery")


def test_a_recovery_folder_that_is_there_is_gone_on_with(tmp_path: Path) -> None:
    LakeMaker(tmp_path / "lake").catalog.close()
    RecoveryFolder(tmp_path / "lake" / "recovery").create()
    places(tmp_path / "lake", tmp_path / "lake" / "recovery")
