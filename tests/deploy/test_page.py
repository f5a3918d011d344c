"""docs/deploy.md against the files that it speaks of, and what it says of a lost volume, played."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.operated import DEPLOY, ROOT, compose, documents, ours, rules, unit
from tests.deploy.test_agreement import PORT, documented_codes
from tests.test_docs import table
from tests.test_readme import FENCE, problem

PAGE = (ROOT / "docs" / "deploy.md").read_text()
LINES = [line for language, block in FENCE.findall(PAGE) if language == "sh" for line in block.splitlines()]


def lines(*begin: str) -> list[list[str]]:
    """The words behind these, of each command line that begins with them."""
    words = [shlex.split(line) for line in LINES]
    return [each[len(begin) :] for each in words if tuple(each[: len(begin)]) == begin]


def test_compose_is_asked_for_services_and_commands_that_exist() -> None:
    asked = lines("docker", "compose", "--file", "deploy/container/compose.yaml")
    assert {"up", "exec", "down"} <= {word for words in asked for word in words}
    for words in asked:
        if words[0] == "--profile":
            (name,) = [name for name, each in compose()["services"].items() if each.get("profiles") == [words[1]]]
            assert words[-1] in (name, "down")
        if words[0] == "exec":
            assert words[1] in ours()
            assert problem(words[2:]) is None
        if words[0] in ("stop", "start"):
            assert words[1:] == ["tidemill"]
        if words[0] == "run":
            assert words[1:3] == ["--rm", "tidemill"]
            assert problem(words[2:]) is None


def test_the_image_is_built_from_its_file_under_the_name_that_is_run() -> None:
    (words,) = lines("docker", "build")
    assert words == ["--file", "deploy/container/Dockerfile", "--tag", ours()["tidemill"]["image"], "."]


def test_kubernetes_is_given_every_manifest_and_asked_for_what_they_make() -> None:
    applied = [ROOT / words[-1] for words in lines("kubectl", "apply")]
    assert sorted(applied) == sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    made = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in documents()}
    named = {
        word for line in LINES if line.startswith("kubectl") for word in re.findall(r" ([a-z]+/tidemill[\w-]*)\b", line)
    }
    assert named == {"statefulset/tidemill", "job/tidemill-recover"}
    assert named <= made
    for words in lines("kubectl", "exec"):
        assert problem(words[words.index("--") + 1 :]) is None


def test_every_unit_is_copied_and_every_unit_named_is_there() -> None:
    copied = {Path(word).name for words in lines("cp") for word in words if word.startswith("deploy/systemd/")}
    assert copied == {path.name for path in (DEPLOY / "systemd").iterdir()}
    asked = [line for line in LINES if line.startswith(("systemctl", "journalctl"))]
    named = {word for line in asked for word in line.split() if word.startswith("tidemill")}
    assert named <= copied
    sysusers = "/etc/sysusers.d/tidemill.conf"
    assert ["deploy/systemd/tidemill.sysusers", sysusers] in lines("cp")
    assert f"# {sysusers}" in (DEPLOY / "systemd" / "tidemill.sysusers").read_text()


def test_the_environment_is_made_where_the_units_look_for_it() -> None:
    (venv,) = lines("python3", "-m", "venv")
    for name in ("tidemill.service", "tidemill-compact.service"):
        assert unit(name)["Service"]["ExecStart"].startswith(f"{venv[0]}/bin/tidemill ")
        assert unit(name)["Service"]["WorkingDirectory"] == "/etc/tidemill"


def test_what_an_exit_code_leads_to_is_what_the_files_say() -> None:
    rows = {
        int(code.partition(",")[0]): more
        for code, *more in table(PAGE, "exit code", "systemd", "Compose", "Kubernetes")
    }
    assert rows.keys() == documented_codes()
    service = unit("tidemill.service")["Service"]
    waits = {code for code, (systemd, *_) in rows.items() if systemd == "waits for you"}
    assert waits == {int(code) for code in service["RestartPreventExitStatus"].split()}
    again = {code for code, (systemd, *_) in rows.items() if systemd == f"starts again after {service['RestartSec']} s"}
    assert again == rows.keys() - waits - {0}
    assert {each["restart"] for each in ours().values()} == {"on-failure"}
    assert {code for code, (_, docker, _) in rows.items() if docker == "stays ended"} == {0}
    assert all(cluster.startswith("starts again") for _, _, cluster in rows.values())


def test_the_ports_of_the_page_are_those_of_the_files() -> None:
    assert f"port {PORT} " in PAGE.replace("\n", " ")
    ports = [port.split(":")[1] for each in compose()["services"].values() for port in each.get("ports", [])]
    assert f"({', '.join(ports)})" in PAGE


def test_what_the_page_says_of_an_alert_is_what_its_rule_says() -> None:
    said = {name.strip("`"): (when, severity) for name, when, severity in table(PAGE, "alert", "when", "severity")}
    numbers = {
        "TidemillLag": "100,000",
        "TidemillDeadLetters": "1 %",
        "TidemillLate": "1 %",
        "TidemillManyFiles": "2,000",
        "TidemillCompactorRestarts": "3",
    }
    for rule in rules():
        when, severity = said[rule["alert"]]
        assert severity == rule["labels"]["severity"]
        for_ = rule.get("for", "")
        if for_ not in ("", "1m") and rule["alert"] != "TidemillManyFiles":
            assert f"{for_.removesuffix('m')} minutes" in when, rule["alert"]
        if rule["alert"] in numbers:
            number = numbers[rule["alert"]]
            assert number in when
            plain = "0.01" if number == "1 %" else number.replace(",", "")
            assert f"> {plain}" in rule["expr"]


EVENT = {"event_type": "click", "ad_id": "a", "cost": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folders after a first run over three records."""
    (tmp_path / "data").mkdir()
    events = [{**EVENT, "event_id": str(number), "event_time": 1_767_225_600_000 + number} for number in range(3)]
    (tmp_path / "data" / "one.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events))
    assert tidemill(tmp_path, "run", "--bounded", "--quiet").returncode == 0
    return tmp_path


def tidemill(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command over the folders of `folder`."""
    more = [
        "--source",
        "files",
        "--input",
        f"{folder}/data",
        "--lake",
        f"{folder}/lake",
        "--recovery",
        f"{folder}/recovery",
    ]
    command = [sys.executable, "-c", "import run\nrun.main()", *words, *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def events(folder: Path) -> str:
    command = [sys.executable, "-c", "import run\nrun.main()", "query", "SELECT count(*) AS n FROM events"]
    command += ["--format", "csv", "--lake", f"{folder}/lake"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_a_lost_recovery_folder_is_made_from_the_lake_as_the_page_says(folder: Path) -> None:
    assert (
        "| `/var/lib/tidemill/recovery` | the lake, with its own offsets | `tidemill recover --from-lake`, then start |"
        in PAGE
    )
    (folder / "recovery").rename(folder / "lost")
    assert tidemill(folder, "run", "--bounded").returncode == 4
    assert tidemill(folder, "recover", "--from-lake").returncode == 0
    assert tidemill(folder, "run", "--bounded").returncode == 0
    assert events(folder) == "n\n3\n"


def test_a_lost_lake_is_read_anew_as_the_page_says(folder: Path) -> None:
    assert "remove the recovery folder, start: the topic is read from its beginning" in PAGE
    (folder / "lake").rename(folder / "lost")
    assert tidemill(folder, "run", "--bounded").returncode == 4
    (folder / "recovery").rename(folder / "old")
    assert tidemill(folder, "run", "--bounded").returncode == 0
    assert events(folder) == "n\n3\n"
