"""`tidemill init`: what it says, what it writes and what it refuses."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.main import main
from dataflow.pipeline.load import load
from query.reader import LakeReader
from sinks.lake.tables.prepare import create_lake
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.starter.streams import orders, record

Init = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with 300 orders in data/."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tidemill"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.ndjson").write_bytes(b"".join(record(each) + b"\n" for each in orders(300)))
    return tmp_path


@pytest.fixture
def tidemill(capsys: pytest.CaptureFixture[str], folder: Path) -> Init:
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments=list(words))
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, out, err

    return run


def test_a_folder_is_described_and_the_next_commands_are_printed(tidemill: Init, folder: Path) -> None:
    code, out, err = tidemill("init", "--input", "data")
    assert (code, err) == (0, "")
    assert load("data.py").name == "data"
    lines = out.splitlines()
    assert lines[:3] == ["folder data: 300 records of 1 source partition", "", lines[2]]
    assert re.split(r"  +", lines[2]) == ["field", "type", "what was seen"]
    for line in (
        r"order_id  +Annotated\[str, Len\(1, 64\)\]  +identifies the event: all 300 values differ",
        r"ts  +EventTime  +the event time: it holds milliseconds since 1970, is called like an event time",
        r"shop  +Shop",
        r"shop\.id  +Annotated\[str, Len\(1, 64\)\]",
        r"coupon  +Annotated\[str, MaxLen\(64\)\] \| None  +absent or null in \d+ of 300|coupon  +.*\| None  +absent.*",
        r"tags  +\(left out\)  +is a list: no column holds one",
        r"Rollup status_1m: events, amount_sum, items_sum by status\.",
        r"All of the sample fits\.",
        r"Written: data\.py\. .*",
    ):
        assert any(re.fullmatch(line, each) for each in lines), line
    assert lines[-3:] == [
        "  tidemill check --pipeline data.py",
        "  tidemill run --pipeline data.py --source files --input data --bounded",
        "  tidemill report status_1m --top 10 --by events --last 1h",
    ]


def test_check_passes_on_what_was_written_and_the_printed_report_can_be_asked(tidemill: Init, folder: Path) -> None:
    _, out, _ = tidemill("init", "--input", "data")
    check, *_ = re.findall(r"^  tidemill (.*)$", out, re.MULTILINE)
    code, said, err = tidemill(*shlex.split(check))
    assert (code, err) == (0, "")
    assert said.startswith("data.py: pipeline data is correct\n")


def test_a_new_file_goes_to_the_folder_of_pipelines_where_there_is_one(tidemill: Init, folder: Path) -> None:
    (folder / "pipelines").mkdir()
    assert tidemill("init", "--input", "data")[0] == 0
    assert load("pipelines/data.py").name == "data"
    assert tidemill("init", "--input", "data", "--output", "Shop-orders.py")[0] == 0
    assert load("Shop-orders.py").name == "shop_orders"


def test_a_file_that_is_there_stays_unless_force_is_given(tidemill: Init, folder: Path) -> None:
    (folder / "data.py").write_text("mine")
    code, out, err = tidemill("init", "--input", "data")
    assert (code, out) == (2, "")
    assert err.startswith("error: --output = 'data.py': is there already; name another file with --output, or write ")
    assert (folder / "data.py").read_text() == "mine"
    assert tidemill("init", "--input", "data", "--force")[0] == 0
    assert load("data.py").name == "data"
    assert [path.name for path in folder.iterdir() if path.suffix == ".tmp"] == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "error: topic = None: name the topic with --topic, or a folder of NDJSON files with --input"),
        (("--source", "generator"), 2, "error: source = 'generator': "),
        (("--input", "nowhere"), 3, "error: nowhere is no folder"),
        (("--input", "data", "--output", "data"), 2, "error: --output = 'data': is a folder"),
        (("--input", "data", "--output", "x"), 2, "error: --output = 'x': is no name of a Python file; write x.py"),
        (("--input", "data", "--output", "no/x.py"), 2, "error: --output = 'no/x.py': there is no folder no"),
        (("--input", "data", "--time", "items"), 2, "error: --time = 'items': it does not hold a time"),
        (("--topic", "t", "--brokers", "127.0.0.1:1"), 3, "error: no Kafka broker answers at 127.0.0.1:1"),
    ],
)
def test_what_cannot_be_is_one_message_and_no_file(
    tidemill: Init, folder: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    found, out, err = tidemill("init", *words)
    assert (found, out) == (code, "")
    assert err.startswith(said)
    assert err.count("\n") == 1
    assert not [*folder.glob("*.py")]


def test_an_empty_input_and_one_of_another_format_are_one_message(tidemill: Init, folder: Path) -> None:
    (folder / "data" / "a.ndjson").write_bytes(b"")
    code, out, err = tidemill("init", "--input", "data")
    assert (code, out) == (3, "")
    assert (
        err == "error: folder data holds no records yet, so there is nothing to tell a pipeline by; try again later\n"
    )
    (folder / "data" / "a.ndjson").write_bytes(b"\x00\x00\x00\x00\x2a\x10ad-1\x07\xfe\n" * 5)
    code, _, err = tidemill("init", "--input", "data")
    assert code == 3
    assert "5 of 5 sampled records are no JSON objects: the records are framed by a schema registry" in err


def test_broken_records_are_counted_in_the_summary(tidemill: Init, folder: Path) -> None:
    with (folder / "data" / "a.ndjson").open("ab") as file:
        file.write(b'{"ts": 1\n\n[]\n"x"\n5\n\xff\n')
    _, out, _ = tidemill("init", "--input", "data")
    assert "\nOf the sample 6 would be dead letters: 3 not_object, 1 empty, 1 invalid_utf8 and 1 other reason.\n" in out


def test_a_file_that_cannot_be_written_is_told(tidemill: Init, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dataflow.durable.replace", full)
    code, out, err = tidemill("init", "--input", "data")
    assert (code, out) == (2, "")
    assert err.startswith("error: --output = 'data.py': cannot be written: No space left on device")


def test_a_reference_to_a_secret_is_repeated_as_it_is_and_a_secret_is_refused(tidemill: Init, folder: Path) -> None:
    reference = ("--kafka", "sasl.password=${HUSH}", "--kafka", "client.id=me")
    _, out, _ = tidemill("init", "--input", "data", *reference)
    assert " --kafka 'sasl.password=${HUSH}' --kafka client.id=me " in out
    code, out, err = tidemill("init", "--input", "data", "--kafka", "sasl.password=hush")
    assert (code, out, "hush" in err) == (2, "", False)


def test_where_there_is_a_lake_the_next_commands_name_folders_of_their_own(tidemill: Init, folder: Path) -> None:
    plan = load(str(ROOT / "pipelines" / "ads.py"))
    create_lake(folder / "lake", plan, datetime(2026, 1, 1, tzinfo=UTC)).close()
    _, out, _ = tidemill("init", "--input", "data")
    check, run, report = out.splitlines()[-3:]
    assert check == "  tidemill check --pipeline data.py --lake data/lake --recovery data/recovery"
    assert tidemill(*shlex.split(check)[1:])[0] == 0
    assert run.endswith(" --source files --input data --lake data/lake --recovery data/recovery --bounded")
    assert report.endswith(" --last 1h --lake data/lake")


def test_the_program_is_named_as_a_shell_here_finds_it(
    tidemill: Init, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", [str(folder / ".venv" / "bin" / "tidemill")])
    _, out, _ = tidemill("init", "--input", "data")
    assert "\n  .venv/bin/tidemill check --pipeline data.py\n" in out


def called(folder: Path, words: list[str]) -> str:
    """Standard output of a command as a process of its own."""
    done = subprocess.run(
        [*TIDEMILL, *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def test_the_commands_that_are_printed_give_numbers(tidemill: Init, folder: Path) -> None:
    _, out, _ = tidemill("init", "--input", "data")
    said = [called(folder, shlex.split(command)) for command in re.findall(r"^  tidemill (.*)$", out, re.MULTILINE)]
    with LakeReader(folder / "lake") as reader:
        assert reader.query("SELECT sum(events)::BIGINT AS n FROM status_1m").to_pylist() == [{"n": 300}]
    columns = ["status", "window_start", "window_end", "events", "amount_sum", "items_sum", "late_count", "is_final"]
    assert said[-1].splitlines()[0].split() == columns


def test_the_page_is_played_and_shows_what_is_written(folder: Path) -> None:
    (folder / "pipelines").symlink_to(ROOT / "pipelines")
    page = (ROOT / "docs" / "init.md").read_text()
    (of_kafka, played) = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert "--topic" in of_kafka
    said = [called(folder, shlex.split(line)[1:]) for line in played.replace("\\\n", " ").splitlines()]
    assert "\nWritten: cards.py." in said[0]
    assert re.search("^merchant_category_1m .*^kind_1h ", said[-1], re.MULTILINE | re.DOTALL)
    (shown,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown in (folder / "cards.py").read_text()
