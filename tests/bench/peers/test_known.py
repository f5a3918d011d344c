"""Each engine is pinned, has a program, and says how it comes and by which rule it goes."""

from pathlib import Path

from bench import names
from bench.peers.known import PEERS, ROOT


def test_every_engine_has_a_program_and_a_pinned_version() -> None:
    for peer in PEERS:
        assert (ROOT / f"{peer.module.replace('.', '/')}.py").is_file()
        assert peer.version()[0].isdigit()
        assert peer.settings
        assert "5 s" in peer.rule
    assert {peer.name for peer in PEERS} == {names.BYTEWAX, names.QUIX, names.PATHWAY, names.LAMINARDB}


def test_all_requirements_of_engines_belong_to_one() -> None:
    files = {path.name for path in ROOT.glob("requirements-peer-*.txt")}
    assert files == {peer.requirements for peer in PEERS} - {"requirements.txt"}


def test_an_engine_says_how_its_environment_is_made() -> None:
    assert [peer.how_to_get for peer in PEERS] == [
        "sh deploy/bootstrap.sh run",
        "sh deploy/bootstrap.sh peer quix",
        "sh deploy/bootstrap.sh peer pathway",
        "sh deploy/bootstrap.sh peer laminardb",
    ]


def test_programs_import_of_ours_only_what_needs_nothing_else() -> None:
    for peer in PEERS:
        text = (ROOT / f"{peer.module.replace('.', '/')}.py").read_text()
        ours = [line for line in text.splitlines() if line.startswith(("from bench", "import bench"))]
        assert [line.partition(" import ")[0] for line in ours] == ["from bench.peers.told"]


def test_the_command_names_the_folder_as_group_and_place_of_the_rows() -> None:
    command = PEERS[0].command("b:1", "t", 9, 8, Path("/x/run-1"))
    assert command[command.index("--out") + 1] == "/x/run-1/rows.ndjson"
    assert command[command.index("--compared") + 1] == "8"
