"""The source against the lake: partitions, offsets still there, lag and its change, retention, timestamps, clock."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from dataflow.errors import BrokerUnreachable, ConfigError, SourceError, TidemillError, UnknownTopic
from dataflow.pipeline.plan import Plan
from dataflow.sources.kafka.drain import FIX, client_versions, why_plain
from dataflow.sources.kafka.ends import HELD_SECONDS
from dataflow.sources.kafka.group import HARMLESS, WAY_OUT
from dataflow.sources.kafka.probe import KafkaProbe
from dataflow.sources.kafka.topics import TopicState
from dataflow.sources.ranged import read_ranges
from dataflow.sources.source import behind_transaction
from dataflow.spoken import counted, listed, span
from doctor.clocks import broker_clock_finding
from doctor.finding import Finding, error, ok, warning
from query.moment import to_ms
from runtime.same_source import Kept, compare, said
from runtime.settings import Settings
from runtime.sources import copies, not_read, open_source
from sinks.lake.ended import was_read_to_end

MINUTE_MS = 60_000
RETENTION_NEAR = 0.9
"""A record that is older than this share of the topic's retention is about to go."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the lake and its run say of reading. `offsets`: next offset per source partition, as of the newest commit.

    `kept`: the partitions that lake and recovery folder go on with. `per_minute`: offsets read in the last minute, per
    source partition. `last_commit`: None before the first.
    """

    offsets: Mapping[str, int]
    kept: Kept
    per_minute: Mapping[str, int]
    running: bool
    last_commit: datetime | None


def source_findings(
    settings: Settings, plan: Plan | None, reading: Reading, clock: Callable[[], datetime]
) -> Iterator[Finding]:
    """All checks of the source that the settings name; what cannot be reached is a finding, too."""
    if settings.source == "kafka":
        yield from _kafka(settings, plan, reading, clock)
    elif plan is not None:
        yield from _others(settings, plan, reading, clock)


def _others(settings: Settings, plan: Plan, reading: Reading, clock: Callable[[], datetime]) -> Iterator[Finding]:
    try:
        source = open_source(settings, plan, clock)
    except (SourceError, ConfigError) as problem:
        yield error("source", str(problem), "put the input back, or name it with --source and --input")
        return
    try:
        there, held = source.partitions(), copies(settings, source)
    finally:
        source.close()
    yield ok("source", f"{settings.source}: {counted(len(there), 'source partition')}", partitions=there)
    if settings.source == "files":
        yield _files(settings, held)
    yield _partitions(settings, there, reading)


def _files(settings: Settings, held: str | None) -> Finding:
    check, told = "source.files", not_read(settings)
    if told is None:
        return ok(check, f"every file in {settings.input} is read" if held is None else held)
    return warning(check, told, "move them elsewhere, or give those that hold records the ending of their form")


def _kafka(settings: Settings, plan: Plan | None, reading: Reading, clock: Callable[[], datetime]) -> Iterator[Finding]:
    fix = "start the broker, or correct --brokers and the properties in [kafka]"
    try:
        probe = KafkaProbe(settings.brokers, settings.require_kafka())
        choice = replace(settings.topics, may_lack=partial(was_read_to_end, settings.lake))
        states = probe.describe(probe.chosen(choice))
    except UnknownTopic as problem:
        yield ok("broker", f"Kafka answers at {settings.brokers}")
        yield error("source", str(problem), "name the topic with --topic, or create it")
        return
    except BrokerUnreachable as problem:
        yield error("broker", str(problem), fix)
        return
    except (SourceError, ConfigError) as problem:
        yield error("broker", str(problem), fix)
        return
    yield ok("broker", f"Kafka answers at {settings.brokers}")
    yield reading_finding(why_plain())
    read = []
    for topic, state in states.items():
        names = [f"{topic}/{number}" for number in range(state.partitions)]
        read += names
        yield ok("source", f"topic {topic} has {counted(state.partitions, 'partition')}", partitions=names, id=state.id)
    if settings.ranges is not None:
        ranged = read_ranges(settings.ranges)
        read = [name for name in read if name in ranged]
    yield _partitions(settings, read, reading)
    configs: dict[str, dict[str, str]] = {}
    for topic, state in states.items():
        configs[topic] = {}
        yield from _topic(topic, state, probe, plan, reading, clock(), configs[topic])
    yield _group(probe, settings)
    topic = next((each for each, told in configs.items() if _appended(told)), next(iter(states)))
    yield _clock(probe, settings, topic, states[topic], configs[topic], clock)


def _topic(
    topic: str,
    state: TopicState,
    probe: KafkaProbe,
    plan: Plan | None,
    reading: Reading,
    now: datetime,
    config: dict[str, str],
) -> Iterator[Finding]:
    """What is said of each topic; its settings, where they can be read, are put into `config`."""
    numbers = list(range(state.partitions))
    names = {f"{topic}/{number}": number for number in numbers}
    known = {names[name]: offset for name, offset in reading.offsets.items() if name in names}
    ranges = probe.ranges(topic, numbers)
    yield _offsets(topic, known, ranges)
    ends = probe.stable_ends(topic, numbers)
    yield _transactions(topic, probe, ranges, ends, now)
    before = probe.offsets_at(topic, numbers, to_ms(now) - MINUTE_MS)
    arrived = {n: max(0, ends[n] - (ends[n] if (at := before[n]) is None else at)) for n in numbers}
    yield _lag(topic, known, ranges, ends, arrived, reading, now)
    stamps = probe.newest_stamps(topic, numbers)
    try:
        config |= probe.config(topic)
    except TidemillError as problem:
        yield warning(
            "topic.config", f"the topic's settings cannot be read: {problem}", "give this user DESCRIBE_CONFIGS on it"
        )
    if config:
        yield _timestamps(topic, config, plan)
        yield _retention(topic, probe, config, known, ends, stamps, now)


def reading_finding(why_slow: str | None) -> Finding:
    """Whether records are read the fast way; `why_slow` is what stands in its way."""
    client = client_versions()
    if why_slow is None:
        return ok("source.reading", f"records are read the fast way ({client})")
    return warning("source.reading", f"records are read the slow way ({client}): {why_slow}", FIX)


def _partitions(settings: Settings, there: list[str], reading: Reading) -> Finding:
    check, where = "source.partitions", said(settings)
    found = compare(settings, there, reading.kept)
    details = {"new": found.new, "gone": found.gone, "ended": list(found.ended)}
    if found.resting:
        details["resting"] = list(found.resting)
    if found.trouble is not None:
        return error(check, found.trouble.message, found.trouble.fix, **details)
    if found.new:
        fix = "a run takes them up within seconds, a --bounded one with its next start; `tidemill run` if none runs"
        return warning(
            check, f"{listed(found.new)} not read yet: new in {where} since the lake's last commit", fix, **details
        )
    told = "the same in the lake" if reading.offsets else "the lake has none yet"
    gone = f"; read to the end and gone since: {listed(list(found.ended))}" if found.ended else ""
    rest = f"; of other sources, resting: {listed(list(found.resting))}" if found.resting else ""
    return ok(check, f"{counted(len(there), 'source partition')}, {told}{gone}{rest}", **details)


def _offsets(topic: str, known: Mapping[int, int], ranges: Mapping[int, tuple[int, int]]) -> Finding:
    check = "source.offsets"
    details = {
        "partitions": {f"{topic}/{n}": {"next": known.get(n), "low": a, "high": b} for n, (a, b) in ranges.items()}
    }
    lost = [n for n, offset in known.items() if not ranges[n][0] <= offset <= ranges[n][1]]
    if not lost:
        return ok(check, "every next offset is still in the topic", **details)
    said = []
    for n in lost:
        low, high = ranges[n]
        why = "deleted before they were read" if known[n] < low else "the log was cut, or the topic created anew"
        said.append(f"{topic}/{n} goes on at {known[n]}, Kafka has {low} to {high} ({why})")
    deleted = all(known[n] < ranges[n][0] for n in lost)
    way = "go on behind the gap with tidemill run --accept-gap, or " if deleted else ""
    return error(
        check,
        listed(said),
        f"{way}keep this lake as it is and fill a new one (another --lake and --recovery); a longer retention.ms keeps "
        "it from happening again",
        **details,
    )


def _lag(
    topic: str,
    known: Mapping[int, int],
    ranges: Mapping[int, tuple[int, int]],
    ends: Mapping[int, int],
    arrived: Mapping[int, int],
    reading: Reading,
    now: datetime,
) -> Finding:
    check = "source.lag"
    lag = {n: max(0, end - known.get(n, ranges[n][0])) for n, end in ends.items()}
    total = sum(lag.values())
    read = {n: reading.per_minute.get(f"{topic}/{n}", 0) for n in ends}
    change = (sum(arrived.values()) - sum(read.values())) / 60
    details = {
        "lag": total,
        "change_per_second": round(change, 1),
        "partitions": {f"{topic}/{n}": {"lag": lag[n], "read": read[n], "arrived": arrived[n]} for n in ends},
    }
    if not total:
        held = any(ranges[n][1] > end for n, end in ends.items())
        what = (
            "everything in the topic but what waits behind an open transaction" if held else "everything in the topic"
        )
        return ok(check, f"{what} has been read and committed", **details)
    worst = sorted((n for n in lag if lag[n]), key=lambda n: -lag[n])
    where = listed([f"{topic}/{n} {lag[n]:,}" for n in worst])
    told = f"{total:,} offsets wait ({where})"
    if not reading.running:
        return warning(check, f"{told} and no run reads them", "tidemill run", **details)
    speed = (
        f"in the last minute {sum(read.values()) / 60:,.0f}/s were read and {sum(arrived.values()) / 60:,.0f}/s came"
    )
    silent = None if reading.last_commit is None else to_ms(now) - to_ms(reading.last_commit)
    if silent is not None and silent > MINUTE_MS:
        fix = "look at the run's log; stop it and start it again, which loses and repeats nothing"
        return error(check, f"{told}, a run is on, and it has committed nothing for {span(silent)}", fix, **details)
    if change > 0 and total > max(sum(arrived.values()), 1):
        fix = "more --workers or --processes (at most one per partition), a larger --epoch-ms, fewer rollups"
        return warning(check, f"{told} and they grow by {change:,.0f}/s: {speed}", fix, **details)
    shrinking = f", caught up in about {span(int(total / -change * 1000))}" if change < 0 else ""
    return ok(check, f"{told}: {speed}{shrinking}", **details)


def _transactions(
    topic: str, probe: KafkaProbe, ranges: Mapping[int, tuple[int, int]], ends: Mapping[int, int], now: datetime
) -> Finding:
    check = "source.transactions"
    waiting = {n: ranges[n][1] - end for n, end in ends.items() if ranges[n][1] > end}
    if not waiting:
        return ok(check, "no record waits behind an open transaction", waiting=0, partitions={})
    recent = probe.offsets_at(topic, list(waiting), to_ms(now) - int(HELD_SECONDS * 1000))
    old = [n for n in waiting if (at := recent[n]) is None or at > ends[n]]
    told = f"{behind_transaction(sum(waiting.values()))} ({listed([f'{topic}/{n} {waiting[n]:,}' for n in waiting])})"
    details = {
        "waiting": sum(waiting.values()),
        "partitions": {f"{topic}/{n}": {"waiting": waiting[n], "from": ends[n]} for n in waiting},
        "old": [f"{topic}/{n}" for n in old],
    }
    if not old:
        return ok(check, f"{told}: they can be read once it ends", **details)
    return warning(
        check,
        f"{told}, whose first record is more than {HELD_SECONDS:.0f} s old: no run reads them until it ends, --bounded "
        "ends before them",
        "let the producer that holds it open commit or abort, or end it: Kafka aborts what it left after its "
        "transaction.timeout.ms",
        **details,
    )


def _group(probe: KafkaProbe, settings: Settings) -> Finding:
    check = "source.group"
    group = settings.group
    try:
        members = probe.members(group)
    except SourceError as problem:
        return warning(
            check,
            f"consumer group {group} cannot be looked at: {problem}",
            "give this user the READ right on the group, or set another `group`; the data does not depend on it",
        )
    if not members:
        return ok(check, f"consumer group {group} has no member that could keep our offsets out", members=[])
    # a pipeline of ours notes offsets in the group and never joins it
    return warning(
        check,
        f"consumer group {group} has {counted(len(members), 'member')} that {'is' if len(members) == 1 else 'are'} not "
        f"ours ({listed(members)}), so Kafka refuses our offsets there: {HARMLESS}",
        WAY_OUT,
        members=members,
    )


def _timestamps(topic: str, config: Mapping[str, str], plan: Plan | None) -> Finding:
    check = "topic.timestamps"
    kind = config.get("message.timestamp.type", "unknown")
    if kind == "CreateTime" and plan is not None and plan.max_future_ms is not None:
        return warning(
            check,
            f"topic {topic} keeps the producers' own times (message.timestamp.type=CreateTime), so max_future compares "
            "one clock of the producer with another of the same producer",
            f"kafka-configs --alter --topic {topic} --add-config message.timestamp.type=LogAppendTime, or bound the "
            "event time in the model",
            type=kind,
        )
    return ok(check, f"record timestamps of topic {topic}: {kind}", type=kind)


def _retention(
    topic: str,
    probe: KafkaProbe,
    config: Mapping[str, str],
    known: Mapping[int, int],
    ends: Mapping[int, int],
    stamps: Mapping[int, int],
    now: datetime,
) -> Finding:
    check = "topic.retention"
    keep_ms = int(config.get("retention.ms", "-1"))
    if keep_ms < 0 or "delete" not in config.get("cleanup.policy", "delete"):
        return ok(check, f"topic {topic} keeps its records for ever", retention_ms=None)
    kept = span(keep_ms)
    old = [n for n, stamp in stamps.items() if stamp < to_ms(now) - keep_ms]
    unread = {n: offset for n, offset in known.items() if offset < ends[n]}
    near = probe.offsets_at(topic, list(unread), int(to_ms(now) - RETENTION_NEAR * keep_ms)) if unread else {}
    passing = [n for n, offset in unread.items() if (ends[n] if (at := near[n]) is None else at) > offset]
    details = {
        "retention_ms": keep_ms,
        "passing": [f"{topic}/{n}" for n in passing],
        "old": [f"{topic}/{n}" for n in old],
    }
    if passing:
        return warning(
            check,
            f"retention ({kept}) is about to pass our next offset in {listed([f'{topic}/{n}' for n in passing])}: the "
            "records there are older than 90 % of it and not read yet",
            f"let a run catch up now, or raise retention.ms of topic {topic} first",
            **details,
        )
    if old:
        return warning(
            check,
            f"{listed([f'{topic}/{n}' for n in old])} hold only records whose timestamps are older than retention "
            f"({kept}): the broker deletes them at its next look",
            f"retention.ms=-1 for topic {topic}, or message.timestamp.type=LogAppendTime, where old events are sent",
            **details,
        )
    return ok(check, f"topic {topic} keeps its records for {kept}; nothing unread is near that age", **details)


def _appended(config: Mapping[str, str]) -> bool:
    """Whether a topic's records have the broker's times."""
    return config.get("message.timestamp.type") == "LogAppendTime"


def _clock(
    probe: KafkaProbe,
    settings: Settings,
    topic: str,
    state: TopicState,
    config: Mapping[str, str],
    clock: Callable[[], datetime],
) -> Finding:
    appended = _appended(config)
    newest = max(probe.newest_stamps(topic, range(state.partitions)).values(), default=None)
    # our own time is taken after the stamps: what is made meanwhile must not look ahead
    if appended and newest is not None:
        return broker_clock_finding(newest, f"the newest record of topic {topic}", True, clock())
    try:
        stamp = probe.group_stamp(settings.group)
    except Exception:  # no right to look at the offsets topic: the records are left
        stamp = None
    if stamp is not None:
        return broker_clock_finding(stamp, "the broker's last note of a group's offset", True, clock())
    return broker_clock_finding(newest, f"the newest record of topic {topic}", appended, clock())
