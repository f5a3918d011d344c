"""Each word of the glossary leads to a place that is there and speaks of it."""

import re
from pathlib import Path

import pytest

from tests.test_docs import table

DOCS = Path(__file__).resolve().parents[1] / "docs"
WORDS = table((DOCS / "glossary.md").read_text(), "word", "what it is", "defined in")
LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<page>[\w.]+)(?:#(?P<anchor>[\w-]+))?\)")


def slug(heading: str) -> str:
    """The anchor that a heading gets: lowercase, spaces as hyphens, no other signs."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def section(page: str, anchor: str | None) -> str:
    """A page's text under a heading, to the next of its rank; the whole page without an anchor. KeyError: none such."""
    text = ((DOCS.parent if page == "README.md" else DOCS) / page).read_text()
    if anchor is None:
        return text
    for heading in re.finditer(r"^(#+) (.*)$", text, re.MULTILINE):
        if slug(heading[2]) == anchor:
            rest = text[heading.end() :]
            end = re.search(rf"^#{{1,{max(2, len(heading[1]))}}} ", rest, re.MULTILINE)
            return heading[2] + rest[: end.start() if end else None]
    raise KeyError(f"{page}#{anchor}")


def test_the_words_stand_once_and_in_order() -> None:
    words = [word for word, *_ in WORDS]
    assert len(words) > 30
    assert words == sorted(set(words))


@pytest.mark.parametrize(("word", "meaning", "where"), WORDS, ids=[word for word, *_ in WORDS])
def test_a_word_leads_to_a_place_that_speaks_of_it(word: str, meaning: str, where: str) -> None:
    link = LINK.fullmatch(where)
    assert link is not None
    place = section(link["page"], link["anchor"]).lower()
    pattern = r"[\s_-]+".join(re.split(r"[ -]", word))
    assert re.search(pattern, place), f"{where} does not speak of {word}"
    assert not meaning.endswith(".")
    rule = re.fullmatch(r"rule (\d+)", link["text"])
    assert (rule is not None) == (link["page"] == "semantics.md")
    assert rule is None or (link["anchor"] or "").startswith(f"{rule[1]}-")


def test_a_link_to_nowhere_would_be_noticed() -> None:
    with pytest.raises(KeyError):
        section("semantics.md", "12-no-such-rule")


def anchors(text: str) -> list[tuple[str, str]]:
    """(page, anchor) of each link into a page of this folder; the page is empty for the same one."""
    return re.findall(r"\]\((?:docs/)?(?:\.\./)?([\w.]*)#([\w-]+)\)", text)


def test_every_anchor_that_a_page_of_the_project_links_to_is_there() -> None:
    found = 0
    for page in [*DOCS.glob("*.md"), DOCS.parent / "README.md"]:
        for target, anchor in anchors(page.read_text()):
            section(target or page.name, anchor)
            found += 1
    assert found > len(WORDS) - 5
