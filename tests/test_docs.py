"""What code and pages say about each other is true: rules by number, files, folders, import order, versions."""

import importlib
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from annotated_types import Ge
from pydantic import BaseModel

from dataflow import EventTime, windows
from dataflow.columnar.groups import Groups
from dataflow.decode.json.contract import judge_record
from dataflow.event.schema import schema_of
from dataflow.fold.assign import Assigner
from dataflow.fold.sessions import session_groups
from dataflow.messages import Refusal
from dataflow.windows import Window
from dataflow.windows.kinds import KINDS
from deploy.packaging import placing
from tests.model import engine
from tests.model.spec import AggregateSpec, FieldSpec, PipelineSpec, Record, RollupSpec, WindowSpec

HERE = Path(__file__).resolve()
ROOT = HERE.parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINTER: dict[str, Any] = PROJECT["tool"]["importlinter"]
FOLDERS: list[str] = LINTER["root_packages"]
CODE = [ROOT / "run.py", *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))]
GOLDEN = sorted((ROOT / "tests" / "golden").rglob("*.md"))
SETTING_UP = [ROOT / name for name in ("pyproject.toml", "Makefile", "Procfile", "tidemill.toml")]
TEXTS = [*PAGES, *GOLDEN, *CODE, *SETTING_UP, *sorted((ROOT / "deploy").rglob("*.sh"))]

SEMANTICS = (ROOT / "docs" / "semantics.md").read_text()
PIPELINE = (ROOT / "docs" / "pipeline.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()

CITED = re.compile(r"(?P<of>\w+)?[\s(]+[Rr]ules? \(?(?P<numbers>\d+(?:(?:, | and | or | to )\d+)*)")
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED_PAGE = re.compile(r"[\w./-]*\b\w+\.md\b")


def rules() -> list[int]:
    """The numbers of the rules in docs/semantics.md."""
    return [int(number) for number in re.findall(r"^## (\d+)\. ", SEMANTICS, re.MULTILINE)]


def citations(text: str) -> Iterator[tuple[str, int]]:
    """(the word before, number) of each rule that a text cites; "6 to 8" cites both ends."""
    for match in CITED.finditer(text):
        for number in re.findall(r"\d+", match["numbers"]):
            yield match["of"] or "", int(number)


def test_the_rules_are_numbered_without_a_gap() -> None:
    assert len(rules()) >= 11
    assert rules() == list(range(1, len(rules()) + 1))


def test_every_rule_that_is_cited_exists() -> None:
    cited = [(str(path), number) for path in TEXTS for _, number in citations(path.read_text())]
    assert {number for path, number in cited if path.endswith(".py")} >= {2, 5, 6, 7, 8, 9}
    assert [(path, number) for path, number in cited if number not in rules()] == []


def test_code_says_whose_rule_it_cites() -> None:
    cited = [(str(path), of) for path in CODE if path != HERE for of, _ in citations(path.read_text())]
    assert [(path, of) for path, of in cited if of.lower() != "semantics"] == []


def test_a_wrong_citation_would_be_noticed() -> None:
    text = f"as semantics rules 6, 7 and {len(rules()) + 1} say (Rule 3)"
    assert list(citations(text)) == [*(("semantics", number) for number in (6, 7, len(rules()) + 1)), ("say", 3)]


def test_every_page_that_is_named_is_a_page_of_the_project() -> None:
    missing = []
    for path in TEXTS:
        homes = (ROOT, ROOT / "docs", ROOT / "bench" / "results", path.parent)
        named = set(NAMED_PAGE.findall(path.read_text())) - {"page.md", "t.md"}  # tests write these
        missing += [(str(path), name) for name in named if not any((home / name).is_file() for home in homes)]
    assert missing == []


def exists(name: str) -> bool:
    """Whether `a.b.c` is a module, or something in the module `a.b`."""
    module, _, last = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        try:
            return hasattr(importlib.import_module(module), last)
        except ModuleNotFoundError:
            return False
    return True


def test_every_dotted_name_in_the_text_of_code_exists() -> None:
    dotted = re.compile(rf"`((?:{'|'.join(FOLDERS)})(?:\.\w+)+)`")
    named = {(str(path), name) for path in CODE for name in dotted.findall(path.read_text())}
    assert len(named) > 5
    assert [(path, name) for path, name in sorted(named) if not exists(name)] == []
    assert not exists("dataflow.no_such_module.name")
    assert not exists("dataflow.errors.NoSuchError")


def table(text: str, *heads: str) -> list[list[str]]:
    """The rows of the tables under such a head."""
    head = r"^\| " + r" \| ".join(map(re.escape, heads)) + r" \|\n\|[ -|]+\|\n((?:\|.*\n)+)"
    lines = [line for block in re.findall(head, text, re.MULTILINE) for line in block.splitlines()]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


FIELDS = (FieldSpec("t", "event_time_ms"),)
EXAMPLES = table(
    SEMANTICS, "window", "`out_of_orderness`", "events", "windows then, with their number of rows"
)  # fmt: skip


def test_the_rules_on_windows_have_examples_of_each_kind() -> None:
    assert {window.strip("`").partition("(")[0] for window, *_ in EXAMPLES} == KINDS.keys()


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: f"{row[0]} {row[2]}")
def test_an_example_of_the_rules_is_right(row: list[str]) -> None:
    window, bound, events, shown = row
    kind, sizes = window.strip("`)").split("(")
    size, *slide = (int(number) for number in sizes.split(", "))
    rollup = RollupSpec("r", (), WindowSpec(kind, size, slide[0] if slide else size), {"n": AggregateSpec("count")})
    records = [Record(at, f'{{"t": {time}}}'.encode()) for at, time in enumerate(events.split(", "))]
    found = engine.run(PipelineSpec(FIELDS, (rollup,), bound=int(bound)), {"p": records}).rollups["r"]
    expected = re.findall(r"\[(-?\d+), (-?\d+)\): (\d+)", shown)
    assert sorted((start, end, *counts) for start, end, _, counts in found) == [
        tuple(map(int, row)) for row in expected
    ]


class Counted(BaseModel):
    """The event model that the examples of refusals speak of."""

    at: EventTime
    n: Annotated[int, Ge(0)]


RECORDS = table(SEMANTICS, "record", "becomes")


def test_refusals_have_examples() -> None:
    assert len(RECORDS) > 3


@pytest.mark.parametrize(("record", "becomes"), RECORDS)
def test_an_example_record_is_refused_as_the_rules_say(record: str, becomes: str) -> None:
    judged = judge_record(schema_of(Counted), record.strip("`").encode(), None)
    named = re.findall(r"`(\w+)`", becomes)[:2] if becomes != "an event" else []
    assert named == ([judged.reason, judged.field][: len(named)] if isinstance(judged, Refusal) else [])
    assert isinstance(judged, Refusal) == bool(named)


def clock_ms(text: str) -> int:
    """12:04:59.999 as milliseconds."""
    hours, minutes, *seconds = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds[0]) * 1000 if seconds else 0)


def spans(window: Window, times: list[int]) -> list[list[tuple[int, int]]]:
    """The windows that the product counts each time in, rows of one key."""
    at = np.array(times, np.int64)
    if KINDS[window.kind].merging:
        one = Groups(np.zeros(len(at), np.intp), np.zeros(1, np.intp), np.array([len(at)]))
        groups, last = session_groups(one, at, window.size_ms)
        return [[(int(at[groups.sample[n]]), int(last[n]) + window.size_ms)] for n in groups.of_row]
    found: list[list[tuple[int, int]]] = [[] for _ in times]
    expansion = Assigner(window, 0).expand(at)
    for of, start, end in zip(expansion.of, expansion.start.tolist(), expansion.end.tolist(), strict=True):
        found[of].append((start, end))
    return found


SHOWN_WINDOWS = re.findall(
    r"`(\w+\([^`]*\))`[^`\n]*:\n\n\| a row at \| counts in \|\n\| --- \| --- \|\n((?:\|.*\n)+)", PIPELINE
)


def test_every_kind_of_window_is_shown_with_its_rows() -> None:
    assert {window.partition("(")[0] for window, _ in SHOWN_WINDOWS} == KINDS.keys()
    assert {name.partition("(")[0] for name in re.findall(r"^### `(.*)`$", PIPELINE, re.MULTILINE)} == KINDS.keys()


@pytest.mark.parametrize(("code", "rows"), SHOWN_WINDOWS, ids=[code for code, _ in SHOWN_WINDOWS])
def test_rows_fall_where_the_page_says(code: str, rows: str) -> None:
    window: Window = eval(code, dict(vars(windows)))
    cells = [re.findall(r"[^|]+", line) for line in rows.splitlines()]
    expected = [[tuple(map(clock_ms, span.split("-"))) for span in spans_.split(",")] for _, spans_ in cells]
    assert spans(window, [clock_ms(time) for time, _ in cells]) == expected


def contract(name: str) -> dict[str, Any]:
    (found,) = [each for each in LINTER["contracts"] if each["id"] == name]
    return found


def layers(text: str) -> list[list[str]]:
    """`a` <- `b` | `c` <- `d` as [[a], [b, c], [d]]."""
    return [sorted(re.findall(r"\w+", layer)) for layer in text.replace("`", "").split("<-")]


ORDER = re.compile(r"`\w+`(?:(?: <- | \| )`\w+`)+")


def test_the_table_of_the_tree_names_every_folder() -> None:
    named = [cell.strip("`/") for cell, _ in table((ROOT / "README.md").read_text(), "folder", "what is in it")]
    with_code = {path.name for path in ROOT.glob("[a-z]*/") if path.is_dir() and any(path.rglob("*.py"))}
    assert sorted(named) == sorted({*FOLDERS, "docs", "findings"})
    assert sorted(with_code) == sorted({*FOLDERS, "docs"})
    assert {*placing.CODE, placing.EXAMPLES, placing.PACKAGE} <= set(FOLDERS)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_the_order_of_imports_is_that_of_the_contract(page: str) -> None:
    (told,) = ORDER.findall((ROOT / page).read_text().replace("\n", " "))
    assert layers(told) == [sorted(layer.split(" | ")) for layer in reversed(contract("layers")["layers"])]


def test_the_table_of_the_tree_stands_in_the_order_of_imports() -> None:
    named = [cell.strip("`/") for cell, _ in table((ROOT / "README.md").read_text(), "folder", "what is in it")]
    order = [name for layer in reversed(contract("layers")["layers"]) for name in layer.split(" | ")]
    assert [name for name in named if name in order] == order


def test_the_drawn_order_inside_dataflow_is_that_of_the_contract() -> None:
    (drawn,) = [block for block in FENCE.findall(ARCHITECTURE) if block.startswith("flow")]
    told = [sorted(re.findall(r"\w+", line.partition("  ")[0])) for line in drawn.splitlines()]
    assert told == [sorted(layer.split(" | ")) for layer in contract("rooms")["layers"]]


def test_every_file_in_a_drawing_exists() -> None:
    named = [name for block in FENCE.findall(ARCHITECTURE) for name in re.findall(r"[\w/]+\.py\b", block)]
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_newest_version_of_the_changelog_is_the_projects() -> None:
    version = PROJECT["project"]["version"]
    released = re.findall(r"^## \[(.+?)\](?: - (\S+))?$", CHANGELOG, re.MULTILINE)
    assert released[0] == ("Unreleased", "")
    assert released[1][0] == version
    days = [date.fromisoformat(day) for _, day in released[1:]]
    assert days == sorted(days, reverse=True)


def test_the_changelog_says_each_thing_once_under_known_heads() -> None:
    heads = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) <= heads
    lines = re.findall(r"^- (.*(?:\n  .*)*)", CHANGELOG, re.MULTILINE)
    starts = [" ".join(line.split()[:6]) for line in lines]
    assert sorted(set(starts)) == sorted(starts)
