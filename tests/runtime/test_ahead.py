"""Loading ahead: all of it, in turn, and no error of it is told here."""

from runtime.ahead import load_ahead


def test_each_is_loaded_once_in_turn_and_an_error_keeps_none_of_the_others_back() -> None:
    loaded: list[str] = []

    def fails() -> None:
        loaded.append("fails")
        raise RuntimeError

    load_ahead([lambda: loaded.append("a"), fails, lambda: loaded.append("b")]).join()
    assert loaded == ["a", "fails", "b"]


def test_nothing_to_load_is_fine() -> None:
    load_ahead([]).join()
