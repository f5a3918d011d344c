"""`tidemill run`: one process runs the pipeline itself, several are watched by the first."""

from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from runtime.settings import Settings


class Pipeline:
    """Stands for what runs a pipeline in this process."""

    def __init__(self) -> None:
        self.calls: list[tuple[Settings, int | None, list[str] | None]] = []

    def __call__(self, settings: Settings, process_id: int | None, addresses: list[str] | None) -> int:
        self.calls.append((settings, process_id, addresses))
        return 7


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.chdir(tmp_path)
    return Pipeline()


def run(pipeline: Pipeline, *arguments: str) -> Any:
    with pytest.raises(SystemExit) as ended:
        main(pipeline, arguments=["run", *arguments])
    return ended.value.code


def test_one_process_runs_the_pipeline_and_ends_with_its_exit_code(pipeline: Pipeline) -> None:
    assert run(pipeline, "--topic", "clicks", "--workers", "2") == 7
    ((settings, process_id, addresses),) = pipeline.calls
    assert (settings.topic, settings.workers, process_id, addresses) == ("clicks", 2, None, None)


def test_several_processes_are_left_to_a_supervisor_with_the_same_words(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[list[str], int]] = []

    class Supervisor:
        def __init__(self, command: list[str], processes: int) -> None:
            made.append((command, processes))

        def run(self) -> int:
            return 3

    monkeypatch.setattr("runtime.supervisor.Supervisor", Supervisor)
    monkeypatch.setattr("sys.argv", ["tidemill", "run", "--processes", "2"])
    assert run(pipeline, "--processes", "2") == 3
    assert pipeline.calls == []
    ((command, processes),) = made
    assert processes == 2
    assert command[-3:] == ["run", "--processes", "2"]


def test_one_of_several_processes_runs_its_part_with_the_addresses_of_all(pipeline: Pipeline) -> None:
    assert run(pipeline, "--processes", "2", "--process-id", "1", "--addresses", "a:1;b:2") == 7
    ((_, process_id, addresses),) = pipeline.calls
    assert (process_id, addresses) == (1, ["a:1", "b:2"])


@pytest.mark.parametrize("more", [(), ("--processes", "2"), ("--unbounded",)])
def test_final_needs_an_end_to_be_final_at(
    pipeline: Pipeline, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(pipeline, "--final", *more) == 2
    assert pipeline.calls == []
    assert capsys.readouterr().err == (
        "error: final = True: only bounded input has an end after which nothing comes; "
        "add --bounded (TIDEMILL_BOUNDED=true), or leave --final out (from --final)\n"
    )


def test_bounded_input_is_final_only_where_it_is_said(pipeline: Pipeline) -> None:
    assert run(pipeline, "--bounded", "--final") == run(pipeline, "--bounded") == 7
    assert [(settings.bounded, settings.final) for settings, _, _ in pipeline.calls] == [(True, True), (True, False)]


def test_a_wrong_setting_ends_before_anything_runs(pipeline: Pipeline) -> None:
    assert run(pipeline, "--epoch-ms", "1") == 2
    assert pipeline.calls == []
