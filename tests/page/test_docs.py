"""docs/page.md tells every key of a board, what it takes, and nothing else; its example is a board."""

import re
from pathlib import Path

from serve.boards.panel_kinds import KINDS, SHARED
from serve.boards.read import TOP_KEYS, board_of
from tests.serve.boards.boards import definition
from tests.test_docs import table

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "page.md").read_text()


def told(said: str) -> str:
    """The form alone, without what it means."""
    return said.partition(":")[0].partition(";")[0].replace("; needed", "")


def test_the_keys_at_the_top_are_those_that_are_taken() -> None:
    first, second = re.findall(r"^\| key \| what it takes \|\n\|[ -|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    for block, keys in ((first, TOP_KEYS), (second, SHARED)):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        assert [name.strip("`") for name, _ in rows] == list(keys)
        for name, said in rows:
            assert said.startswith(keys[name.strip("`")].said), name


def test_every_key_of_every_kind_is_told_with_what_it_takes() -> None:
    rows = table(PAGE, "kind", "key", "what it takes")
    found = {(kind.strip("`"), key.strip("`")): said for kind, key, said in rows}
    taken = {
        (name, key): form.said for name, kind in KINDS.items() for key, form in {**kind.needs, **kind.takes}.items()
    }
    assert found.keys() == taken.keys()
    for place, said in taken.items():
        assert found[place].startswith(said), place


def test_what_a_kind_needs_is_called_needed() -> None:
    rows = table(PAGE, "kind", "key", "what it takes")
    needed = {(kind.strip("`"), key.strip("`")) for kind, key, said in rows if said.endswith("; needed")}
    assert needed == {(name, key) for name, kind in KINDS.items() for key in kind.needs}


def test_every_kind_is_named() -> None:
    assert [name for name in KINDS if f"`{name}`" not in PAGE] == []


def test_the_examples_are_boards() -> None:
    examples = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert examples
    for text in examples:
        assert board_of(Path("boards/mine.toml"), text, definition("ads").by_name).panels
