"""How topics are named, several and by pattern."""

import pytest

from dataflow.sources.kafka.topic_choice import TopicChoice


@pytest.mark.parametrize(
    ("written", "names", "patterns", "said"),
    [
        ("ads", ("ads",), (), "topic ads"),
        ("clicks, views,clicks", ("clicks", "views"), (), "topics clicks, views"),
        ("^ads-.*", (), ("^ads-.*",), "topics that match ^ads-.*"),
        ("ads,^x{2,3},^(a,b)", ("ads",), ("^x{2,3}", "^(a,b)"), "topic ads and topics that match ^x{2,3} and topics"),
    ],
)
def test_names_and_patterns_stand_side_by_side(
    written: str, names: tuple[str, ...], patterns: tuple[str, ...], said: str
) -> None:
    choice = TopicChoice.read(written)
    assert (choice.names, choice.patterns) == (names, patterns)
    assert str(choice).startswith(said)
    assert choice.only == (written if written == "ads" else None)


def test_a_pattern_takes_whole_names_and_kafkas_own_only_when_it_says_so() -> None:
    choice = TopicChoice.read("zoo,^ads-[0-9]")
    assert [choice.takes(each) for each in ("zoo", "ads-1", "ads-12", "my-ads-1")] == [True, True, False, False]
    assert choice.among(["ads-2", "b", "ads-1", "zoo"]) == ["zoo", "ads-1", "ads-2"]
    assert not TopicChoice.read("^.*").takes("__consumer_offsets")
    assert TopicChoice.read("^__consumer.*").takes("__consumer_offsets")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a,,b", "a comma without a topic"),
        ("a,", "a comma without a topic"),
        ("a b", "'a b' is no name of a topic"),
        ("ads-*", "a pattern that begins with ^"),
        ("^ads(", "no pattern that can be read"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_write(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"topic|pattern") as refused:
        TopicChoice.read(written)
    assert said in str(refused.value)
