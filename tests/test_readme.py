"""The documents tell the truth: the commands, files, settings and metrics they name exist, and none is left out."""

import importlib.util
import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase
from typer.main import get_command

from bench import commands
from cli.app import Later, app, real
from dataflow import errors
from dataflow.pipeline.load import load
from query.reader import LakeReader
from query.reports import Shelf, reports_folder
from query.reports.check import check_reports
from query.reports.header import KEYS
from query.reports.report import ROLLUP_PARAMETERS
from query.reports.values import TYPES
from runtime import metrics
from runtime.settings import PREFIX, SETTINGS
from sinks.lake.tables.definition import definition_of
from sinks.lake.tables.prepare import open_lake
from tests.ducklake_client import ducklake_query

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
MADE_BY_RUNNING = (
    "lake/",
    "recovery/",
    "data/",
    "demo/",
    "backfill/",
    "topic/",
    ".run/",
    ".venv",
    "visits.py",
    "job.py",
    "carried/",
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
OTHERS = {
    "cd",
    "chmod",
    "cp",
    "curl",
    "docker",
    "duckdb",
    "echo",
    "gzip",
    "honcho",
    "journalctl",
    "kubectl",
    "marimo",
    "mkdir",
    "openssl",
    "pip",
    "pipx",
    "printf",
    "systemctl",
    "systemd-sysusers",
    "uv",
}
"""Programs that are not ours; what they are given of this tree has to be there."""


def shell_lines() -> Iterator[tuple[str, str]]:
    """(page, command line) of every sh block, of every `tidemill ...` within the text, and of the Procfile."""
    for page in PAGES:
        text = page.read_text()
        for language, block in FENCE.findall(text):
            assert language in ("sh", "python", "sql", "js", "toml", ""), f"{page.name} has a block of {language}"
            if language == "sh":
                yield from ((page.name, line) for line in block.replace("\\\n", " ").splitlines() if line.strip())
        for code in INLINE.findall(FENCE.sub("", text)):
            if code.startswith(("tidemill ", "make ")):
                yield page.name, code
    for line in (ROOT / "Procfile").read_text().splitlines():
        yield "Procfile", line.partition(": exec ")[2]
    for command in (
        commands.produce("broker:9092", "t", count=1, rate=1),
        commands.run("broker:9092", "t", Path("work"), bounded=True),
        commands.bare_consume("broker:9092", "t"),
    ):
        yield "bench", shlex.join([Path(command[0]).name, *command[1:]])


LINES = sorted(set(shell_lines()))
PIPELINES = [str(path) for path in sorted((ROOT / "pipelines").glob("*.py"))]
SHELVES = [Shelf(reports_folder(path), definition_of(load(path))) for path in PIPELINES]
REPORTS = {
    name: {"--help", *(f"--{parameter.name}" for parameter in shelf.find(name).parameters)}
    for shelf in SHELVES
    for name in shelf.names()
}
"""The flags of the shipped pipelines' reports and rollups."""


def problem(words: list[str]) -> str | None:
    """What is wrong with a command line; None when the program, its subcommands and its flags exist."""
    program, *arguments = words
    if program == "sudo" and arguments[0] == "-u":
        return problem(arguments[2:])
    if program == "systemd-run":
        return problem([*itertools.dropwhile(lambda word: word.startswith("-"), arguments)])
    program = re.sub(r"^(\.venv|/opt/tidemill)/bin/", "", program)
    if program == "make":
        phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert phony is not None
        unknown = [target for target in arguments if "=" not in target and target not in phony[1].split()]
        return f"no make target {unknown[0]}" if unknown else None
    if program.startswith("python") and arguments[0] == "-m":
        if importlib.util.find_spec(arguments[1]) is None:
            return f"no module {arguments[1]}"
        return problem(arguments[arguments.index("--") + 1 :]) if "--" in arguments else None
    if program in OTHERS:
        # what comes after > is made
        read = [word for before, word in itertools.pairwise([program, *arguments]) if before != ">"]
        absent = [word for word in read if word.startswith("deploy/") and not (ROOT / word).exists()]
        return f"no file {absent[0]}" if absent else None
    if program != "tidemill":
        return f"{program} is no program of ours"
    command = get_command(app)
    while arguments and not arguments[0].startswith("-") and (subcommands := getattr(command, "commands", None)):
        if arguments[0] not in subcommands:
            return f"no command {' '.join(words)}"
        name = arguments.pop(0)
        command = real(name) if isinstance(subcommands[name], Later) else subcommands[name]
    flags = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)} | {"--help"}
    # in capitals it stands for any name
    if words[1] == "report" and arguments and not arguments[0].startswith("-") and not arguments[0].isupper():
        if arguments[0] not in REPORTS:
            return f"no report {arguments[0]}"
        flags |= REPORTS[arguments[0]]
    unknown = [word for word in arguments if word.startswith("--") and word.partition("=")[0] not in flags]
    return f"no flag {unknown[0]}" if unknown else None


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}:{line}" for page, line in LINES])
def test_a_command_line_of_the_documents_is_one_that_exists(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    assert words, f"{page} has a line without a command: {line}"
    assert (found := problem(words)) is None, f"{page}: {line}: {found}"


def test_a_wrong_flag_command_or_target_would_be_noticed() -> None:
    assert problem(shlex.split("tidemill run --no-such-flag")) == "no flag --no-such-flag"
    assert problem(shlex.split("tidemill report clicks_per_ad --hours 5")) == "no flag --hours"
    assert problem(shlex.split("tidemill report clicks_per_day")) == "no report clicks_per_day"
    assert problem(shlex.split("tidemill --no-such-flag")) == "no flag --no-such-flag"
    assert problem(shlex.split("tidemill dance")) == "no command tidemill dance"
    assert problem(shlex.split("make coffee")) == "no make target coffee"
    assert problem(shlex.split("sudo -u tidemill tidemill dance")) == "no command tidemill dance"
    assert problem(shlex.split("systemd-run -td tidemill dance --wild")) == "no command tidemill dance --wild"
    assert problem(shlex.split("cp deploy/none.service /etc")) == "no file deploy/none.service"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped pipeline's lake, empty."""
    folder = tmp_path_factory.mktemp("documents") / "lake"
    open_lake(folder, load(str(ROOT / "pipelines" / "ads.py")), datetime(2026, 1, 1, tzinfo=UTC)).close()
    return folder


def test_the_questions_of_the_documents_can_be_asked(lake: Path) -> None:
    asked = [shlex.split(line, comments=True)[2] for _, line in LINES if line.startswith('tidemill query "')]
    assert len(asked) > 5
    with LakeReader(lake) as reader:
        for sql in asked:
            reader.query(sql)


@pytest.mark.ducklake
def test_the_official_client_takes_the_statements_of_the_documents(lake: Path) -> None:
    blocks = [block for page in PAGES for language, block in FENCE.findall(page.read_text()) if language == "sql"]
    statements = [sql.strip() for block in blocks for sql in block.split(";")]
    questions = [sql for sql in statements if sql.startswith("SELECT") and "FROM lake." in sql]
    assert len(questions) > 3
    at_hand = [re.sub(r"VERSION => \d+", "VERSION => 1", sql) for sql in questions]
    ducklake_query(lake, [f"SELECT count(*) FROM ({sql})" for sql in at_hand])
    # the tables of a page on Flink are in SQL of its own
    makes = [sql for sql in statements if sql.startswith("CREATE") and "'connector' = " not in sql]
    assert len(makes) > 1
    ducklake_query(lake, makes, writable=True)


def test_the_report_of_the_documents_is_right_and_every_part_of_one_is_explained(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "reports.md").read_text()
    shown = [block for language, block in FENCE.findall(page) if language == "sql"]
    assert len(shown) == 1
    (tmp_path / "shown.sql").write_text(shown[0])
    plan = load(str(ROOT / "pipelines" / "ads.py"))
    assert len(check_reports(tmp_path, plan, datetime(2026, 1, 1, tzinfo=UTC), events=True)) == 1
    rows = set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE))
    flags = {f"--{parameter.name}" for parameter in ROLLUP_PARAMETERS}
    assert rows == {*KEYS, *TYPES, *flags, "--at"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    named = set(re.findall(r"\]\(([^)#:]+)\)", text))
    missing = [name for name in named if not (page.parent / name).exists()]
    for code in INLINE.findall(text):
        path_like = re.fullmatch(r"\.?\w[\w.-]*(/[\w.-]+)*/?", code)
        is_path = path_like and ("/" in code or code.endswith((".py", ".md", ".toml", ".txt")))
        if is_path and not code.startswith(MADE_BY_RUNNING) and not (ROOT / code).exists():
            missing.append(code)
    assert not missing


def test_every_command_is_in_the_documents() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    names = getattr(get_command(app), "commands")  # noqa: B009 (Typer's own type does not declare it)
    assert [name for name in names if f"tidemill {name}" not in text] == []


def test_the_metrics_of_the_documents_are_those_of_the_code() -> None:
    exported = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for wrapper in vars(metrics).values()
        if isinstance(wrapper, MetricWrapperBase)
        for metric in wrapper.describe()
    }
    text = "\n".join(page.read_text() for page in PAGES)
    # those of the server are compared in tests/serve/test_serving_page.py
    named = {name for name in re.findall(r"\btidemill_[a-z_]+\b", text) if not name.startswith("tidemill_serve_")}
    assert named == exported


def as_text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default in (None, {}) else str(default)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    table = (ROOT / "docs" / "operations.md").read_text().partition("| setting |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ?([^|]*?) ?\|$", table, re.MULTILINE)
    defaults = {name: as_text(field.default) for name, field in SETTINGS.items()}
    assert {name: default.strip("`") for name, default in rows} == defaults


def test_a_variable_of_the_documents_names_a_setting() -> None:
    text = "\n".join(page.read_text() for page in PAGES) + (ROOT / "tidemill.toml").read_text()
    for name in re.findall(rf"\b{PREFIX}([A-Z]\w*)", text):
        assert name.partition("__")[0].lower() in SETTINGS, name


def test_the_settings_file_shows_every_setting_with_its_default() -> None:
    text = (ROOT / "tidemill.toml").read_text()
    assert tomllib.loads(text) == {}
    shown = tomllib.loads("\n".join(line[2:] for line in text.splitlines() if re.match(r"# (\w+ = |\[)", line)))
    assert shown.keys() == SETTINGS.keys()
    for name, field in SETTINGS.items():
        default = field.default
        assert default is None or shown[name] == (str(default) if isinstance(default, Path) else default), name


def test_the_exit_codes_of_the_documents_are_those_of_the_errors() -> None:
    table = (ROOT / "docs" / "operations.md").read_text().partition("| exit code |")[2].partition("\n\n")[0]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.TidemillError)}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == codes | {0}


def test_the_pipeline_of_the_documents_is_a_pipeline(tmp_path: Path) -> None:
    blocks = FENCE.findall((ROOT / "docs" / "pipeline.md").read_text())
    (code,) = [block for language, block in blocks if language == "python"]
    (tmp_path / "shops.csv").write_text("shop_id,region,opened\ns1,north,1999\n")
    (tmp_path / "orders.py").write_text(code)
    plan = load(str(tmp_path / "orders.py"))
    assert [rollup.name for rollup in plan.rollups] == ["shop_1m", "all_15m", "day_so_far", "visits"]
