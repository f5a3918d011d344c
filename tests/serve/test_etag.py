"""What If-None-Match says."""

import pytest

from serve.etag import known_tags


@pytest.mark.parametrize(
    ("headers", "tags"),
    [
        ([], ()),
        (['"3-ab"'], ("3-ab",)),
        (['W/"3-ab", "4-cd"', '"5"'], ("3-ab", "4-cd", "5")),
        (["*"], ("*",)),
        (["3-ab"], ()),
        (['"unfinished'], ()),
    ],
)
def test_tags_are_read_without_their_quotes(headers: list[str], tags: tuple[str, ...]) -> None:
    assert known_tags(headers) == tags


def test_no_more_tags_are_read_than_anybody_needs() -> None:
    assert len(known_tags(['"a",' * 10_000])) == 50
