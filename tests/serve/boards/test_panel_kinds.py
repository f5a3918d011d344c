import re
from pathlib import Path

from serve.boards.panel_kinds import FIGURES, KINDS

PAGE = Path(__file__).resolve().parents[3] / "page" / "src"


def test_no_key_stands_twice_in_a_kind() -> None:
    for kind in KINDS.values():
        assert not kind.needs.keys() & kind.takes.keys()


def test_every_width_fits_the_twelve_columns() -> None:
    assert {kind.width for kind in KINDS.values()} <= set(range(1, 13))


def test_the_page_draws_every_kind() -> None:
    drawn = re.findall(r'^\s+case "(\w+)":', (PAGE / "panels" / "panel.ts").read_text(), re.MULTILINE)
    assert sorted(drawn) == sorted(KINDS)


def test_the_page_knows_every_figure() -> None:
    known = re.findall(r"^  (\w+): \{ label:", (PAGE / "panels" / "figures.ts").read_text(), re.MULTILINE)
    assert sorted(known) == sorted(FIGURES)
