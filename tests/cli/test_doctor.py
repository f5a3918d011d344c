"""`tidemill doctor`, as a user runs it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.main import main
from tests.doctor.examined import NOON, World

Doctor = Callable[..., tuple[int, str, str]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.read("p", [NOON], final=True)
    yield made
    made.writer.close()


@pytest.fixture
def doctor(world: World, capsys: pytest.CaptureFixture[str]) -> Doctor:
    def run(*arguments: str) -> tuple[int, str, str]:
        settings = world.settings
        flags = {"pipeline": settings.pipeline, "lake": settings.lake, "recovery": settings.recovery}
        given = [part for name, value in flags.items() for part in (f"--{name}", str(value))]
        with pytest.raises(SystemExit) as ended:
            main(arguments=["doctor", *given, "--source", "files", "--input", str(settings.input), *arguments])
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        assert "Traceback" not in out + err
        return code, out, err

    return run


def test_all_well_is_exit_code_0_and_one_line_a_check(doctor: Doctor) -> None:
    code, out, err = doctor()
    assert (code, err) == (0, "")
    assert all(line.startswith("ok       ") for line in out.splitlines())
    assert "ok       windows.per_ad: every window is final\n" in out


def test_a_warning_is_exit_code_1_with_its_fix_on_the_next_line(doctor: Doctor, world: World) -> None:
    (world.folder / "in" / "q.ndjson").touch()
    code, out, _ = doctor()
    assert code == 1
    lines = out.splitlines()
    where = f"the folder {world.folder / 'in'}"
    at = lines.index(f"warning  source.partitions: q not read yet: new in {where} since the lake's last commit")
    assert lines[at + 1].startswith("         -> a run takes them up")


def test_json_lists_every_finding_and_an_error_is_exit_code_2(doctor: Doctor, world: World) -> None:
    world.delta_file().unlink()
    code, out, err = doctor("--json")
    assert (code, err) == (2, "")
    told = json.loads(out)
    assert all(each.keys() == {"check", "severity", "message", "fix", "details"} for each in told)
    missing = [each for each in told if each["check"] == "files.missing"]
    assert missing[0]["severity"] == "error"
    assert missing[0]["fix"].startswith("put them back")


def test_a_wrong_setting_is_a_finding_too(doctor: Doctor) -> None:
    code, out, _ = doctor("--json", "--source", "nowhere")
    assert code == 2
    assert [each["check"] for each in json.loads(out)] == ["settings"]
