from serve.boards.board import Board, Panel


def test_what_the_page_is_told_has_the_panels_keys_beside_kind_and_title() -> None:
    panel = Panel("chart", "Clicks", {"rollup": "ad_clicks_1m", "show": ["clicks"]})
    told = Board("mine", "Mine", (panel,), "Why", "6h").to_json()
    assert told == {
        "name": "mine",
        "title": "Mine",
        "help": "Why",
        "last": "6h",
        "made": False,
        "panels": [{"kind": "chart", "title": "Clicks", "rollup": "ad_clicks_1m", "show": ["clicks"]}],
    }


def test_the_line_of_a_board_leaves_its_panels_out_and_tells_its_first_mistake() -> None:
    line = {"name": "mine", "title": "Mine", "help": ""}
    assert Board("mine", "Mine", ()).line() == {**line, "mistake": None}
    assert Board("mine", "Mine", (), mistakes=("a", "b")).line() == {**line, "mistake": "a"}
