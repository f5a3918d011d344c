"""Tables of results as a page of docs/ shows them, between two marks: written when they are measured."""

from pathlib import Path

from bench.results import RESULTS

DOCS = Path(__file__).resolve().parent.parent / "docs"
STORED = Path(__file__).resolve().parent / "results"


def marks(name: str) -> tuple[str, str]:
    """The lines around the tables of a result."""
    return f"<!-- {name}: written by `python -m bench.{name}` -->", f"<!-- end of {name} -->"


def shown(text: str, name: str) -> str:
    """What a page has between the marks. Raises ValueError where it has none."""
    begin, end = marks(name)
    _, found, rest = text.partition(f"{begin}\n")
    within, ended, _ = rest.partition(f"{end}\n")
    if not found or not ended:
        raise ValueError(f"the page has no place for {name}: it needs the lines {begin} and {end}")
    return within


def with_tables(text: str, name: str, tables: str) -> str:
    """The page with these tables between the marks."""
    begin, end = marks(name)
    return text.replace(f"{begin}\n{shown(text, name)}{end}\n", f"{begin}\n{tables}{end}\n")


def show(page: str, name: str, tables: str) -> None:
    """Write the tables into docs/`page`; not those of a trial, whose results are kept elsewhere."""
    if RESULTS == STORED:
        path = DOCS / page
        path.write_text(with_tables(path.read_text(encoding="utf-8"), name, tables), encoding="utf-8")
