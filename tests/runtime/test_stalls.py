"""What the processes of a run say to each other through the recovery folder."""

from pathlib import Path

from runtime.stalls import SharedWord


def test_a_word_is_heard_once_by_every_process(tmp_path: Path) -> None:
    one, other = SharedWord(tmp_path), SharedWord(tmp_path)
    assert not other.heard()
    one.say(1_000_000)
    assert other.heard()
    assert not other.heard()
    one.say(2_000_000)
    assert other.heard()
    assert one.heard()


def test_a_folder_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    word = SharedWord(tmp_path / "gone")
    word.say(1)
    assert not word.heard()
