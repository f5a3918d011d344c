from serve.boards.panel_kinds import KINDS


def test_no_key_stands_twice_in_a_kind() -> None:
    for kind in KINDS.values():
        assert not kind.needs.keys() & kind.takes.keys()


def test_every_width_fits_the_twelve_columns() -> None:
    assert {kind.width for kind in KINDS.values()} <= set(range(1, 13))
