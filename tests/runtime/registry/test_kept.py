"""A registry's answers on disk: asked once, there after a restart, never guessed."""

from pathlib import Path

import pytest

from dataflow.errors import RecoveryError, RegistryUnreachable
from dataflow.formats.frame import SchemaKey
from dataflow.formats.schemas import RegisteredSchema
from runtime.registry.kept import KeptSchemas, copy_kept, folder_beside

ONE, TWO, THREE = SchemaKey("id", 1), SchemaKey("guid", "a-b"), SchemaKey("id", 3)
SCHEMA = RegisteredSchema("AVRO", '"string"', {"a": '"int"', "b": '"long"'})


class Registry:
    def __init__(self) -> None:
        self.asked: list[SchemaKey] = []
        self.answers = True

    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        self.asked.append(key)
        if not self.answers:
            raise RegistryUnreachable("no answer")
        return None if key == THREE else SCHEMA


def kept(folder: Path, registry: Registry, url: str = "http://a", at: float = 0.0) -> KeptSchemas:
    return KeptSchemas(registry, url, folder, monotonic=lambda: at)


def test_what_was_answered_once_is_there_after_a_restart_without_the_registry(tmp_path: Path) -> None:
    registry = Registry()
    first = kept(tmp_path / "s", registry)
    assert [first.find(key) for key in (ONE, TWO, ONE)] == [SCHEMA, SCHEMA, SCHEMA]
    assert registry.asked == [ONE, TWO]
    registry.answers = False
    again = kept(tmp_path / "s", registry)
    assert [again.find(key) for key in (ONE, TWO)] == [SCHEMA, SCHEMA]
    assert registry.asked == [ONE, TWO]
    assert len(list((tmp_path / "s" / "content").iterdir())) == 1


def test_another_registry_has_numbers_of_its_own(tmp_path: Path) -> None:
    registry = Registry()
    kept(tmp_path, registry).find(ONE)
    kept(tmp_path, registry, "http://b").find(ONE)
    assert registry.asked == [ONE, ONE]


def test_that_there_is_no_schema_is_asked_again_by_the_next_run(tmp_path: Path) -> None:
    registry = Registry()
    first = kept(tmp_path, registry)
    assert (first.find(THREE), first.find(THREE)) == (None, None)
    assert kept(tmp_path, registry).find(THREE) is None
    assert registry.asked == [THREE, THREE]


def test_without_an_answer_it_is_asked_once_a_second_and_nothing_is_kept(tmp_path: Path) -> None:
    registry = Registry()
    registry.answers = False
    now = [0.0]
    schemas = KeptSchemas(registry, "http://a", tmp_path / "s", monotonic=lambda: now[0])
    for at, asked in ((0.0, 1), (0.5, 1), (1.1, 2), (1.2, 2)):
        now[0] = at
        with pytest.raises(RegistryUnreachable, match="no answer"):
            schemas.find(ONE)
        assert len(registry.asked) == asked
    registry.answers, now[0] = True, 3.0
    assert schemas.find(ONE) == SCHEMA


def test_a_kept_answer_that_was_changed_stops_with_its_place(tmp_path: Path) -> None:
    kept(tmp_path, Registry()).find(ONE)
    (content,) = (tmp_path / "content").iterdir()
    content.write_text("{}")
    with pytest.raises(RecoveryError, match=r"was changed: remove the file"):
        kept(tmp_path, Registry()).find(ONE)
    content.unlink()
    assert kept(tmp_path, Registry()).find(ONE) == SCHEMA


def test_an_answer_that_cannot_be_kept_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a file")
    with pytest.raises(RecoveryError, match="cannot be kept"):
        kept(tmp_path / "s", Registry()).find(ONE)


def test_a_replay_begins_with_what_the_pipeline_knows(tmp_path: Path) -> None:
    copy_kept(tmp_path / "recovery", tmp_path / "side")
    assert not folder_beside(tmp_path / "side").exists()
    registry = Registry()
    kept(folder_beside(tmp_path / "recovery"), registry).find(ONE)
    copy_kept(tmp_path / "recovery", tmp_path / "side")
    registry.answers = False
    assert kept(folder_beside(tmp_path / "side"), registry).find(ONE) == SCHEMA
