"""How answers leave a command: to a pipe, a file, a terminal of a given width."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.answers import SCREEN_ROWS, wanted
from dataflow.errors import ConfigError
from tests.cli.started import Tidemill
from tests.query.lakes import LakeMaker, clicks
from tests.terminal import on_a_terminal

ROOT = Path(__file__).parents[2]


def lines_on_a_terminal(*arguments: str, columns: int = 80) -> list[str]:
    """What a terminal of this width shows, without its colours."""
    shown = on_a_terminal([sys.executable, "-c", "import run\nrun.main()", *arguments], columns)
    # a bar that came up on a busy machine has erased itself
    return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", shown.rpartition("\x1b[2K")[2]).splitlines()


def test_a_terminal_gets_a_screenful_and_is_told_that_there_is_more(lake: LakeMaker) -> None:
    question = ("query", "SELECT i, i * 1000000000 AS big FROM range(5000000) AS t(i)", "--lake", str(lake.folder))
    lines = lines_on_a_terminal(*question)
    assert lines[0].split() == ["i", "big"]
    assert [line.split()[0] for line in lines[2:-1]] == [str(n) for n in range(SCREEN_ROWS)]
    assert lines[-1] == "the first 100 rows; --limit ROWS shows more, --output FILE writes all"
    assert len(lines_on_a_terminal(*question, "--limit", "150")) == 2 + 150
    assert len(lines_on_a_terminal(*question, "--limit", "7", "--format", "rows")) == 7 * 3


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_broken(lake: LakeMaker, columns: int) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("an-ad-with-a-rather-long-name" * 2, 0, 2, "1234567.5")]})
    lines = lines_on_a_terminal("query", "FROM ad_clicks_1m", "--lake", str(lake.folder), columns=columns)
    assert max(map(len, lines)) <= columns
    if columns == 200:
        assert any("1234567.500000" in line for line in lines)
        assert "not shown" not in lines[-1]
    else:
        assert "… " in lines[0]
        assert any(line.startswith("not shown: ") for line in lines[3:])


def test_a_pipe_gets_every_row_and_column(tidemill: Tidemill) -> None:
    wide = ", ".join(f"'{'x' * 40}' AS column_{n}" for n in range(10))
    code, out, err = tidemill("query", f"SELECT {wide}, i FROM range(300) AS t(i)")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 302
    assert lines[0].split() == [*(f"column_{n}" for n in range(10)), "i"]


def test_a_limit_holds_in_every_format(tidemill: Tidemill) -> None:
    question = ("query", "SELECT i FROM range(300) AS t(i)", "--limit", "2")
    assert tidemill(*question, "--format", "csv")[1] == "i\n0\n1\n"
    assert json.loads(tidemill(*question, "--format", "json")[1]) == [{"i": 0}, {"i": 1}]
    assert tidemill(*question, "--format", "rows")[1] == "row 1\ni      0\nrow 2\ni      1\n"


def test_times_are_shown_in_a_zone(tidemill: Tidemill) -> None:
    question = ("query", "SELECT TIMESTAMP '2026-07-01 12:00:00' AS at", "--format", "csv")
    assert tidemill(*question)[1] == "at\n2026-07-01T12:00:00Z\n"
    assert tidemill(*question, "--tz", "europe/amsterdam")[1] == "at\n2026-07-01T14:00:00+02:00\n"


@pytest.mark.parametrize("command", [("query", "SELECT 1"), ("report", "clicks_per_ad")])
def test_a_zone_that_cannot_be_meant_is_refused(tidemill: Tidemill, command: tuple[str, ...]) -> None:
    code, _, err = tidemill(*command, "--tz", "Mars/Base")
    assert (code, err.startswith("error: --tz = 'Mars/Base': no time zone has this name")) == (2, True)
    code, _, err = tidemill(*command, "--tz", "UTC", "--format", "parquet")
    assert (code, err.startswith("error: --tz = 'UTC': parquet holds times as numbers")) == (2, True)


def test_output_that_nobody_takes_is_one_message(lake: LakeMaker) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "import run\nrun.main()", "query", "SELECT 1", "--lake", str(lake.folder)],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard output cannot be written (")


def test_flags_are_checked_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose one of"):
        wanted("xml", None)
    assert wanted(None, tmp_path / "x").rows is None
    assert wanted("csv", None, 3).rows == 3


@pytest.mark.parametrize("command", [("query", "SELECT 1 AS x"), ("report", "ad_clicks_1m"), ("snapshots",)])
@pytest.mark.parametrize("place", ["catalog.sqlite", "main/ad_clicks_1m_delta/x.parquet", "x.csv"])
def test_no_answer_is_written_into_a_lake(
    tidemill: Tidemill, lake: LakeMaker, command: tuple[str, ...], place: str
) -> None:
    before = (lake.folder / "catalog.sqlite").read_bytes()
    code, out, err = tidemill(*command, "--output", str(lake.folder / place))
    assert (code, out) == (2, "")
    assert err.startswith(f"error: --output = '{lake.folder / place}': lies in the lake {lake.folder}")
    assert (lake.folder / "catalog.sqlite").read_bytes() == before
    assert not (lake.folder / "x.csv").exists()
