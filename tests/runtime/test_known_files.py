"""What is known of a lake's files: by its recovery store first, then by the lake, else by their names."""

from pathlib import Path

from dataflow.sources.files.content_print import Known
from runtime.known_files import known_files, known_in
from runtime.recovery_folder import RecoveryFolder

KNOWN = Known("lines", 3, None, "", "p", 0, "l", (3, 4), "a.ndjson")


def test_a_lake_tells_of_its_files_and_of_those_of_older_versions_the_name() -> None:
    topics = {"a": None, "b": None, "ads/0": "ads", "generator/0": None}
    assert known_in(topics, {"a": KNOWN.text(), "ads/0": "{}"}) == {"a": KNOWN, "b": None}


def test_the_states_of_a_recovery_folder_count_first(tmp_path: Path) -> None:
    recovery = RecoveryFolder(tmp_path / "recovery")
    assert known_files(tmp_path / "no-lake", recovery) == {}
    recovery.create()
    states = {
        "a": {"next": 1, "hint": [3, False, KNOWN.told()]},
        "b": {"next": 1, "hint": KNOWN.told()},
        "old": {"next": 1, "hint": [3, False]},
        "older": {"next": 1, "hint": None},
        "ads/0": {"next": 1, "hint": None},
    }
    recovery.write_seed(states)
    assert known_files(tmp_path / "no-lake", recovery) == {"a": KNOWN, "b": KNOWN, "old": None, "older": None}
    assert known_files(tmp_path / "no-lake", None) == {}
