"""docs/install.md is played in an installation, from its first command in an empty folder to completion."""

import json
import re
import shlex
from pathlib import Path

import pytest

from runtime.ports import free_ports
from tests.installed.installation import ROOT, Installation
from tests.kafka_fixture import require_kafka_tools

PAGE = (ROOT / "docs" / "install.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(CODE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NOON_MS = 1_767_268_800_000


def block(first: str) -> list[str]:
    """The lines of the block that begins with this."""
    (found,) = [each.splitlines() for each in BLOCKS if each.startswith(first)]
    return found


def test_the_wheel_that_it_names_is_the_one_that_is_built(wheel: Path) -> None:
    named = set(re.findall(r"dist/([\w.-]+\.whl)", PAGE))
    assert named == {wheel.name}


def test_an_empty_folder_is_enough_and_the_demo_leaves_its_own_in_it_alone(
    installation: Installation, tmp_path: Path
) -> None:
    version, demo, report, check = block("tidemill --version")
    assert "bytewax" in installation.run(tmp_path, *shlex.split(version))
    shown = installation.run(tmp_path, *shlex.split(demo.replace("10", "4")))
    assert re.search(r"The lake holds the result of [\d,]{5,} records: each counted once", shown)
    proposed = re.findall(r"^  (tidemill .*)$", shown, re.MULTILINE)
    assert re.match(r"page: http://127\.0\.0\.1:\d+/\n", shown)
    assert len(proposed) == 7
    # the first one serves the page until it is stopped
    assert proposed[0] == "tidemill serve --lake demo/lake"
    for line in proposed[1:5]:
        installation.run(tmp_path, *shlex.split(line))
    assert "ad-" in installation.run(tmp_path, *shlex.split(report))
    assert "pipelines/ads.py: pipeline ads is correct" in installation.run(tmp_path, *shlex.split(check))
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_the_pipeline_of_the_page_goes_all_its_ways(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(CODE)
    (tmp_path / "in").mkdir()

    def order(name: str, count: int) -> None:
        orders = [{"order_id": str(n), "at": NOON_MS + n, "shop": "a", "amount": 2.5} for n in range(count)]
        (tmp_path / "in" / f"{name}.ndjson").write_text("".join(json.dumps(order) + "\n" for order in orders))

    order("first", 9)
    for line in block("tidemill check --pipeline shop.py"):
        shown = installation.run(tmp_path, *shlex.split(line))
        assert "shop_1m" in shown or " run " in line, line
    order("second", 11)
    (line,) = block("python -m bytewax.run")
    settings = {"PIPELINE": "shop.py", "SOURCE": "files", "INPUT": "in", "BOUNDED": "true"}
    variables = {f"TIDEMILL_{name}": value for name, value in settings.items()}
    installation.run(tmp_path, *shlex.split(line), more=variables)
    answer = installation.tidemill(tmp_path, "query", "SELECT sum(orders) AS n FROM shop_1m", "--format", "csv")
    assert answer == "n\n20\n"


def test_bash_completes_commands_and_flags_with_what_it_installs(installation: Installation, tmp_path: Path) -> None:
    (install,), (show,) = block("tidemill --install-completion"), block("tidemill --show-completion")
    home = {"HOME": str(tmp_path)}
    # two commands, or bash would become the second program instead of starting it
    installation.run(tmp_path, "bash", "-c", f"{install}; true", more=home)
    (script,) = (path for path in tmp_path.rglob("tidemill.sh"))
    assert script == tmp_path / ".bash_completions" / "tidemill.sh"
    assert str(script) in (tmp_path / ".bashrc").read_text()
    assert script.read_text().strip() == installation.run(tmp_path, "bash", "-c", f"{show}; true", more=home).strip()
    asked = """
source .bash_completions/tidemill.sh
COMP_WORDS=(tidemill sn); COMP_CWORD=1; _tidemill_completion tidemill; echo "${COMPREPLY[@]}"
COMP_WORDS=(tidemill query --f); COMP_CWORD=2; _tidemill_completion tidemill; echo "${COMPREPLY[@]}"
COMP_WORDS=(tidemill kafka st); COMP_CWORD=2; _tidemill_completion tidemill; echo "${COMPREPLY[@]}"
"""
    found = installation.run(tmp_path, "bash", "-c", asked, more=home)
    assert found == "snapshots\n--format\nstart stop status\n"


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_a_real_kafka_is_started_filled_and_read(installation: Installation, tmp_path: Path) -> None:
    require_kafka_tools()
    start, produce, run, stop = block("tidemill kafka start")
    (port,) = free_ports(1)
    more = {"KAFKA_PORT": str(port), "TIDEMILL_BROKERS": f"127.0.0.1:{port}"}
    try:
        installation.run(tmp_path, *shlex.split(start), more=more)
        installation.run(tmp_path, *shlex.split(produce), "--count", "5000", more=more)
        installation.run(tmp_path, *shlex.split(run), "--bounded", more=more)
        shown = installation.run(tmp_path, "tidemill", "init", "--topic", "ads", "--output", "mine.py", more=more)
        following = re.findall(r"^  (tidemill .*)$", shown, re.MULTILINE)
        told = [installation.run(tmp_path, *shlex.split(line), more=more) for line in following]
    finally:
        installation.run(tmp_path, *shlex.split(stop), more=more)
    answer = installation.tidemill(tmp_path, "query", "SELECT sum(read) AS n FROM ledger", "--format", "csv")
    assert answer == "n\n5000\n"
    # what init wrote of a topic that nobody described gives numbers, too
    assert [line.split()[1] for line in following] == ["check", "run", "report"]
    assert "mine.py: pipeline mine is correct" in told[0]
    assert len(told[2].splitlines()) > 2
    mine = installation.tidemill(
        tmp_path, "query", "SELECT sum(read) AS n FROM ledger", "--format", "csv", "--lake", "mine/lake"
    )
    assert mine == answer
    assert {path.name for path in tmp_path.iterdir()} == {".run", "lake", "mine", "mine.py", "recovery"}
    assert list((installation.cache / "tidemill" / "kafka" / "lib").glob("kafka_*.jar"))
