"""Is the source the one that the lake and its recovery folder go on with? Asked before a run and by the doctor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataflow.errors import ConfigError, InputMissing, OffsetLost, RecoveryError, TidemillError
from dataflow.sources.generator import NAME
from dataflow.sources.kafka.topic_choice import TopicChoice
from dataflow.spoken import listed
from runtime.recovery_folder import RecoveryFolder
from runtime.recovery_store import stored_states
from runtime.settings import Settings
from sinks.lake.ended import read_to_end


@dataclass(frozen=True, slots=True)
class Kept:
    """The source partitions that a lake and its recovery folder go on with.

    `topics`: per partition of the lake its Kafka topic, None where it is of another kind of source. `stored`: those
    that the recovery folder has a state of; None when there is no folder or it cannot be read, which others tell.
    `unread`: those of them of which nothing was read.
    """

    lake: Path
    recovery: Path
    topics: Mapping[str, str | None]
    stored: frozenset[str] | None
    unread: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        """All of them, in name order."""
        return sorted({*self.topics, *(self.stored or ())})

    def origin(self, name: str) -> tuple[str, str]:
        """(kind of source, topic) that a partition came from; no topic where it was not Kafka."""
        if "/" not in name:
            return "files", ""
        # the generator's partitions look like a topic's; only the lake knows that they are of none
        topic = self.topics.get(name, name.rpartition("/")[0])
        made_up = topic is None or (name not in self.topics and topic == NAME)
        return ("generator", "") if made_up else ("kafka", topic or "")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no run can go on: what is, what to do, and the error that a run ends with."""

    message: str
    fix: str
    error: TidemillError


@dataclass(frozen=True, slots=True)
class Match:
    """The source against what is kept. `new`: not read yet; `gone`: kept, and not in the source; `ended`: those of
    `gone` that are files which were read to their end, with the offset behind it: they stop no run. `resting`: kept of
    other sources that feed the lake too, with their topics; they stay where they are.
    """

    new: list[str]
    gone: list[str]
    ended: dict[str, int]
    trouble: Trouble | None
    resting: dict[str, str | None] = field(default_factory=dict)


def require_same_source(settings: Settings, there: Sequence[str] | None, kept: Kept) -> Match:
    """The source against what is kept, where a run can go on. `there` as of `compare`.

    Raises ConfigError for another source than those that filled the lake, InputMissing or OffsetLost when a part of
    it is gone, RecoveryError when the recovery folder lacks what the lake has.
    """
    found = compare(settings, there, kept)
    trouble = found.trouble or missing_states(kept)
    if trouble is not None:
        raise trouble.error
    return found


def compare(settings: Settings, there: Sequence[str] | None, kept: Kept) -> Match:
    """The source that `settings` name, with the partitions `there`, against what is kept. Reads the ledger only when
    a file is gone. Where nobody has asked which partitions there are, None, only another source can be told.
    """
    known = kept.names
    others = [name for name in known if not is_of(settings, kept.origin(name))]
    added = [] if settings.add_source or len(others) == len(known) else _not_fed(settings, there, kept)
    if added:
        return Match([], [], {}, _added(settings, kept, added))
    present = frozenset(there or ())
    resting: dict[str, str | None] = {}
    if settings.add_source or len(others) < len(known):
        # it feeds the lake already, or is to: others rest, but for names that both have
        resting = {name: kept.origin(name)[1] or None for name in others if name not in present}
        known = [name for name in known if name not in resting]
        others = [name for name in others if name not in resting]
    if there is None:
        strange = [name for name in others if name in kept.topics]
        return Match([], strange, {}, _another(settings, None, kept, strange) if strange else None, resting)
    before = frozenset(known)
    new = [name for name in there if name not in before] if known or resting else []
    strange = [name for name in others if name in kept.topics or name not in present]
    away = frozenset(strange)
    gone = [name for name in known if name not in present or name in away]
    if strange:
        return Match(new, gone, {}, _another(settings, there, kept, strange), resting)
    ended = read_to_end(kept.lake, may_go) if (may_go := _may_go(settings, there, gone)) else {}
    if settings.source == "files":
        ended |= {name: 0 for name in gone if name in kept.unread}
    lost = [name for name in gone if name not in ended]
    return Match(new, gone, ended, _lost(settings, there, kept, lost) if lost else None, resting)


def is_of(settings: Settings, origin: tuple[str, str]) -> bool:
    """Whether a partition of this (kind of source, topic), as `Kept.origin` has it, is of the source that is named."""
    kind, topic = origin
    return kind == settings.source and (kind != "kafka" or settings.topics.takes(topic))


def _not_fed(settings: Settings, there: Sequence[str] | None, kept: Kept) -> list[str]:
    """Named topics that nothing of the lake came from, and those of patterns that took no topic of it.

    What the recovery folder would know of topics without a record is not known without it.
    """
    if settings.source != "kafka" or kept.stored is None:
        return []
    fed = {topic for kind, topic in map(kept.origin, kept.names) if kind == "kafka"}
    choice = settings.topics
    patterns = [TopicChoice((), (pattern,)) for pattern in choice.patterns]
    unfed = [each for each in patterns if not any(map(each.matches, fed))]
    now = {name.rpartition("/")[0] for name in there or ()} - {*choice.names, *fed}
    matched = [topic for topic in sorted(now) if all(each in unfed for each in patterns if each.matches(topic))]
    return [*(topic for topic in choice.names if topic not in fed), *matched]


def _may_go(settings: Settings, there: Sequence[str], gone: Sequence[str]) -> list[str]:
    """Those of `gone` that stop no run if they were read to their end: files, and topics that are gone."""
    if settings.source == "files":
        return list(gone)
    if settings.source != "kafka":
        return []
    topics = {name.rpartition("/")[0] for name in there}
    return [name for name in gone if name.rpartition("/")[0] not in topics]


def missing_states(kept: Kept) -> Trouble | None:
    """Trouble when the recovery folder is there and has no state of a partition that the lake holds."""
    if kept.stored is None or not (missing := sorted(set(kept.topics) - kept.stored)):
        return None
    message = (
        f"the lake {kept.lake} goes on with {listed(missing)}, of which the recovery folder {kept.recovery} has no "
        "state: it was emptied, or put back from an older copy"
    )
    fix = (
        "put back the one that belongs to the lake, or take over from what the lake knows with "
        "`tidemill recover --from-lake`"
    )
    return Trouble(message, fix, RecoveryError(f"{message}; {fix}"))


def said(settings: Settings) -> str:
    """The source that the settings name, in words."""
    if settings.source == "kafka":
        return str(settings.topics)
    return "the generator" if settings.source == "generator" else f"the folder {settings.input}"


def _another(settings: Settings, there: Sequence[str] | None, kept: Kept, strange: Sequence[str]) -> Trouble:
    kind, topic = kept.origin(strange[0])
    where = said(settings)
    origin = {"kafka": f"topic {topic}", "generator": "the generator", "files": "a folder of files"}[kind]
    again = f"--source {kind}" + {"kafka": f" --topic {topic}", "files": " and --input with that folder"}.get(kind, "")
    message = f"the lake {kept.lake} and the recovery folder {kept.recovery} go on with {listed(strange)} of {origin}, "
    message += f"and the settings name {where}" if there is None else f"and {where} has {listed(there)}"
    fix = f"go on with {again}, let {where} feed the lake as well with --add-source, or give it new folders of its own "
    fix += "with --lake and --recovery"
    same_kind = kind == settings.source
    key, value = ("topic", settings.topic) if same_kind else ("source", settings.source)
    return Trouble(message, fix, ConfigError(key, value, f"{message}; {fix}"))


def _added(settings: Settings, kept: Kept, topics: Sequence[str]) -> Trouble:
    message = f"the lake {kept.lake} has nothing of topic {listed(topics)}, which the settings name"
    fix = f"let {'it' if len(topics) == 1 else 'them'} feed the lake as well with --add-source, or leave out the name"
    return Trouble(message, fix, ConfigError("topic", settings.topic, f"{message}; {fix}"))


def _lost(settings: Settings, there: Sequence[str], kept: Kept, lost: Sequence[str]) -> Trouble:
    where = said(settings)
    message = f"{listed(lost)} in the lake {kept.lake} and the recovery folder {kept.recovery}, but not in {where}"
    others = "fill new folders with --lake and --recovery"
    error: TidemillError
    if settings.ranges is not None:
        message = f"{message} as cut by {settings.ranges}, which has {listed(there)}"
        fix = f"leave --ranges out to go on here, or {others}"
        error = ConfigError("ranges", str(settings.ranges), f"{message}; {fix}")
    elif settings.source == "generator":
        message = f"{message}, which makes {listed(there)}"
        fix = f"set --generator-partitions as it was, or {others}"
        error = ConfigError("generator_partitions", settings.generator_partitions, f"{message}; {fix}")
    elif settings.source == "files":
        message = f"{message}, and not read to the end"
        fix = f"put it back there or name the folder that has it with --input; if it is lost, {others}"
        error = InputMissing(f"{message}; {fix}")
    elif _may_go(settings, there, lost):
        message = f"{message}: the topic is gone, and was not read to its end"
        fix = (
            f"make sure that it is meant to be gone, then name the others with --topic; or {others} from what is there"
        )
        error = OffsetLost(f"{message}; {fix}")
    else:
        message = f"{message}, which has {listed(there)}: it was deleted and made anew with fewer partitions"
        fix = f"keep lake and recovery folder as they are, and {others} from the new topic"
        error = OffsetLost(f"{message}; {fix}")
    return Trouble(message, fix, error)


def kept_by(lake: Path, topics: Mapping[str, str | None], recovery: RecoveryFolder) -> Kept:
    """What a lake, whose partitions have these topics, and its recovery folder keep. Raises RecoveryError."""
    if not recovery.exists:
        return Kept(lake, recovery.path, topics, None)
    states = stored_states(recovery)
    unread = frozenset(name for name, state in states.items() if state is None or not state["next"])
    return Kept(lake, recovery.path, topics, frozenset(states), unread)
