"""A run and the doctor refuse a source that is not the lake's in the same words; what may change, may."""

from pathlib import Path

import pytest

from dataflow.errors import ConfigError, InputMissing, OffsetLost, RecoveryError, TidemillError
from doctor.finding import Severity
from runtime.same_source import Kept, compare, kept_by, missing_states, require_same_source
from runtime.settings import Settings, load_settings
from tests.doctor.examined import NOON, World

ADS: dict[str, str | None] = {"ads/0": "ads", "ads/1": "ads"}
MADE_UP: dict[str, str | None] = {"generator/0": None, "generator/1": None}
FILES: dict[str, str | None] = {"a": None, "b": None}


def named(**settings: object) -> Settings:
    return load_settings(settings, {}, Path("/nonexistent"))


def kept(topics: dict[str, str | None], stored: set[str] | None = None) -> Kept:
    return Kept(Path("lake"), Path("recovery"), topics, frozenset(topics if stored is None else stored))


@pytest.mark.parametrize(
    ("settings", "there", "topics", "names"),
    [
        (named(), ["ads/0"], MADE_UP, ["source = 'kafka'", "generator/0, generator/1 of the generator", "topic ads"]),
        (named(topic="b"), ["b/0"], ADS, ["topic = 'b'", "ads/0, ads/1 of topic ads", "topic b has b/0"]),
        (named(source="files", input="in"), ["a"], ADS, ["source = 'files'", "of topic ads", "the folder in has a"]),
        (named(), ["ads/0"], FILES, ["source = 'kafka'", "a, b of a folder of files", "topic ads has ads/0"]),
        (named(source="generator"), ["generator/0"], FILES, ["source = 'generator'", "a, b of a folder of files"]),
        (named(topic="generator"), list(MADE_UP), MADE_UP, ["source = 'kafka'", "of the generator", "topic generator"]),
        (named(source="generator"), ["generator/0"], {"generator/0": "generator"}, ["of topic generator"]),
    ],
)
def test_another_source_is_refused_with_both_named_and_the_way_out(
    settings: Settings, there: list[str], topics: dict[str, str | None], names: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        require_same_source(settings, there, kept(topics))
    said = str(refused.value)
    assert refused.value.exit_code == 2
    for name in [
        *names,
        "the lake lake and the recovery folder recovery",
        "go on with --source",
        "--lake and --recover",
    ]:
        assert name in said


@pytest.mark.parametrize(
    ("settings", "there", "resting"),
    [
        (named(add_source=True), ["ads/0", "ads/1"], {"a": None, "b": None}),
        (named(source="files", input="in", add_source=True), ["c"], {"ads/0": "ads", "ads/1": "ads"}),
        (named(topic="b", add_source=True), ["b/0"], {"ads/0": "ads", "ads/1": "ads"}),
    ],
)
def test_another_source_may_be_added_and_the_partitions_of_the_first_rest(
    settings: Settings, there: list[str], resting: dict[str, str | None]
) -> None:
    before = kept(resting)
    found = require_same_source(settings, there, before)
    assert (found.resting, found.new, found.ended) == (resting, there, {})
    # once it has fed the lake, it needs no flag
    topic = settings.topic if settings.source == "kafka" else None
    after = kept({**before.topics, **dict.fromkeys(there, topic)})
    assert require_same_source(settings._replace(add_source=False), there, after).resting == resting


def test_two_sources_with_partitions_of_one_name_cannot_feed_one_lake() -> None:
    with pytest.raises(ConfigError, match="of the generator"):
        require_same_source(named(topic="generator", add_source=True), ["generator/0"], kept(MADE_UP))


def test_a_source_that_only_the_recovery_store_knows_is_refused_too() -> None:
    with pytest.raises(ConfigError, match="go on with old/0 of topic old, and topic ads has ads/0"):
        require_same_source(named(), ["ads/0"], kept({}, {"old/0"}))
    assert require_same_source(named(topic="generator"), ["generator/0"], kept({}, {"generator/0"})).ended == {}


@pytest.mark.parametrize(
    ("settings", "there", "topics", "error", "said"),
    [
        (named(), ["ads/0"], ADS, OffsetLost, "ads/1 in the lake .* topic ads, which has ads/0: .* fewer partitions"),
        (named(source="generator"), ["generator/0"], MADE_UP, ConfigError, "set --generator-partitions as it was"),
        (named(ranges="r.json"), ["ads/0"], ADS, ConfigError, "ads/1 in the lake .* as cut by r.json, which has ads/0"),
    ],
)
def test_a_part_of_the_source_that_vanished_is_refused(
    settings: Settings, there: list[str], topics: dict[str, str | None], error: type[TidemillError], said: str
) -> None:
    with pytest.raises(error, match=said):
        require_same_source(settings, there, kept(topics))


def test_new_partitions_and_a_new_lake_are_no_trouble() -> None:
    found = compare(named(), ["ads/0", "ads/1", "ads/2"], kept(ADS))
    assert (found.new, found.gone, found.trouble) == (["ads/2"], [], None)
    assert compare(named(), ["ads/0"], kept({})).new == []


def test_an_emptied_recovery_store_is_told_before_a_record_is_read() -> None:
    with pytest.raises(RecoveryError, match=r"goes on with ads/1, of which .* has no state: .*recover --from-lake"):
        require_same_source(named(), list(ADS), kept(ADS, {"ads/0"}))
    assert missing_states(Kept(Path("lake"), Path("recovery"), ADS, None)) is None


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def require(world: World) -> dict[str, int]:
    """What a run does before it starts, with the files that are there."""
    there = sorted(path.stem for path in (world.folder / "in").iterdir())
    topics = world.writer._catalog.topics()
    return require_same_source(world.settings, there, kept_by(world.settings.lake, topics, world.recovery)).ended


def test_a_file_may_go_once_it_was_read_to_its_end(world: World) -> None:
    world.read("p", [NOON, NOON])
    world.read("p", [], finished=True)
    world.read("q", [NOON], finished=True)
    (world.folder / "in" / "p.ndjson").unlink()
    assert require(world) == {"p": 2}
    found = world.findings()["source.partitions"]
    assert (found.severity, found.details) == (Severity.OK, {"new": [], "gone": ["p"], "ended": ["p"]})
    assert found.message.endswith("read to the end and gone since: p")
    world.writer.close()


def test_a_file_that_went_before_its_end_is_refused_by_run_and_doctor_in_the_same_words(world: World) -> None:
    world.read("p", [NOON], finished=True)
    world.read("p", [NOON])  # it had grown
    world.read("q", [NOON], finished=True)
    (world.folder / "in" / "p.ndjson").unlink()
    with pytest.raises(InputMissing) as refused:
        require(world)
    found = world.findings()["source.partitions"]
    assert found.severity is Severity.ERROR
    assert str(refused.value) == f"{found.message}; {found.fix}"
    assert found.message.endswith(f"but not in the folder {world.folder / 'in'}, and not read to the end")
    world.writer.close()


def test_the_doctor_tells_an_emptied_store_and_another_source(world: World) -> None:
    world.read("p", [NOON], finished=True)
    world.recovery.write_seed({})
    world.use(source="generator")
    found = world.findings()
    assert found["recovery.states"].severity is Severity.ERROR
    assert "goes on with p, of which the recovery folder" in found["recovery.states"].message
    assert "go on with p of a folder of files, and the generator has generator/0" in found["source.partitions"].message
    world.writer.close()


def test_several_topics_are_one_source_and_one_more_in_the_list_must_be_added() -> None:
    both = kept({"a/0": "a", "b/0": "b"})
    assert require_same_source(named(topic="a,b"), ["a/0", "b/0"], both).new == []
    assert require_same_source(named(topic="b,a"), ["b/0", "a/0", "a/1"], both).new == ["a/1"]
    # one of them alone: the other rests
    assert require_same_source(named(topic="a"), ["a/0"], both).resting == {"b/0": "b"}
    with pytest.raises(
        ConfigError, match=r"has nothing of topic c, which the settings name; let it feed .*--add-source"
    ):
        require_same_source(named(topic="a,b,c"), ["a/0", "b/0", "c/0"], both)
    # told before anybody is asked which partitions there are, too
    trouble = compare(named(topic="a,c"), None, both).trouble
    assert trouble is not None
    assert "nothing of topic c" in trouble.message
    added = require_same_source(named(topic="a,c", add_source=True), ["a/0", "c/0"], both)
    assert (added.new, added.resting) == (["c/0"], {"b/0": "b"})
    # a topic without a record is known by its state
    stored = kept({"a/0": "a"}, {"a/0", "c/0"})
    assert require_same_source(named(topic="a,c"), ["a/0", "c/0"], stored).new == []


def test_what_matches_a_pattern_that_fed_the_lake_needs_no_flag() -> None:
    before = kept({"ads-1/0": "ads-1"})
    there = ["ads-1/0", "ads-2/0"]
    assert require_same_source(named(topic="^ads-.*"), there, before).new == ["ads-2/0"]
    with pytest.raises(ConfigError, match="nothing of topic x-1"):
        require_same_source(named(topic="^ads-.*,^x-.*"), [*there, "x-1/0"], before)
    assert require_same_source(named(topic="^ads-.*,^y-.*"), there, before).new == ["ads-2/0"]
    with pytest.raises(ConfigError, match=r"ads-1/0 of topic ads-1, and topics that match .x-.* has x-1/0"):
        require_same_source(named(topic="^x-.*"), ["x-1/0"], before)


def test_a_topic_that_is_gone_unread_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    both = kept({"ads-1/0": "ads-1", "ads-2/0": "ads-2"})
    monkeypatch.setattr("runtime.same_source.read_to_end", lambda _lake, names: dict.fromkeys(names, 7))
    assert require_same_source(named(topic="^ads-.*"), ["ads-2/0"], both).ended == {"ads-1/0": 7}
    monkeypatch.setattr("runtime.same_source.read_to_end", lambda _lake, names: {})
    with pytest.raises(OffsetLost, match=r"ads-1/0 in the lake .*: the topic is gone, and was not read to its end"):
        require_same_source(named(topic="^ads-.*"), ["ads-2/0"], both)
