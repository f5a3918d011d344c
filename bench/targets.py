"""What Tidemill is to reach, target by target, and where the figure that decides it comes from."""

from collections.abc import Callable
from dataclasses import dataclass

from bench import pair_figures
from bench import target_words as words
from bench.figures import Results, of, rate_ratio
from bench.names import (
    BARE,
    BYTEWAX,
    DIRECT,
    DUCKDB,
    FLINK_ALERTS,
    HERE,
    LAMINARDB,
    PATHWAY,
    PROCESSES,
    QUIX,
    SPARK,
    SPARK_STREAM,
    WORKERS,
    committed_alerts,
    early_alerts,
    flink,
)

Measured = Callable[[Results], float | None]
"""The figure out of all results; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table.

    `wanted` is the least that is wanted, the most where `at_most`. `result` names the file of bench/results that
    the figure is in, `profile` the profile that shows where the time goes if the target is missed; `why` says what no
    profile can.
    """

    name: str
    wanted: float
    result: str
    measured: Measured
    unit: str = "times"
    at_most: bool = False
    profile: str | None = None
    why: str | None = None

    def met(self, value: float) -> bool:
        """Whether this value is enough."""
        return value <= self.wanted if self.at_most else value >= self.wanted

    @property
    def asked(self) -> str:
        """As it is said in a table."""
        return f"{'at most' if self.at_most else 'at least'} {self.wanted:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of rates: of one contender over the quickest of some others. `whole`: only with start and end."""

    result: str
    group: str | None
    here: str
    others: tuple[str, ...]
    whole: bool = False

    def __call__(self, results: Results) -> float | None:
        """While running, where both sides say that, unless it is about the whole."""
        return self._least(results, steady=not self.whole)

    def with_start(self, results: Results) -> float | None:
        """Start and end included."""
        return self._least(results, steady=False)

    def _least(self, results: Results, *, steady: bool) -> float | None:
        stored = results.get(self.result)
        if stored is None:
            return None
        rows = stored.group(self.group)
        found = [rate_ratio(rows, self.here, other, steady=steady) for other in self.others]
        return min((each for each in found if each is not None), default=None)


def _ratio(result: str, group: str | None, here: str, other: str, *, whole: bool = False) -> Ratio:
    return Ratio(result, group, here, (other,), whole)


def _over_flink(here: str, *parallelisms: int) -> Ratio:
    """Over the quickest of the job's forms."""
    return Ratio("engines", "one", here, tuple(flink(form, p) for p in parallelisms for form in ("upsert", "final")))


def _cpu_us(result: str, group: str | None, name: str) -> Measured:
    def measured(results: Results) -> float | None:
        stored = results.get(result)
        found = None if stored is None else of(stored.group(group), name)
        return None if found is None else found.cpu_s_per_million

    return measured


def _peak_mib(results: Results) -> float | None:
    """The most that one process of a worker held in any comparison at full speed."""
    places = (("throughput", None), ("engines", "one"), ("engines", "ads"), ("peers", None), ("backfill", None))
    found = [
        row.peak_rss_mib
        for name, group in places
        if name in results
        for row in results[name].group(group)
        if row.name in (HERE, "tidemill run")
    ]
    return max(found, default=None)


def _grown_mib(results: Results) -> float | None:
    stored = results.get("hour")
    return None if stored is None else float(stored.figures["grown_mib"])


def _latency_ms(run: str, name: str) -> Measured:
    """Of a run of bench.latency: with epochs of so many ms, or that of the delta rows."""

    def measured(results: Results) -> float | None:
        stored = results.get("latency")
        found = None if stored is None else stored.figures.get(run, {}).get(name)
        return None if found is None else float(found)

    return measured


def _fold_mrows(results: Results) -> float | None:
    """Million rows a second of CPU time, with a thousand keys."""
    stored = results.get("fold")
    return None if stored is None else float(stored.figures["rows_per_s"]["1000"]) / 1e6


def _fold_of_many(results: Results) -> float | None:
    """The rate with a million keys against that with a thousand."""
    stored = results.get("fold")
    rates = None if stored is None else stored.figures["rows_per_s"]
    return rates and float(rates["1000000"]) / float(rates["1000"])


def _ids(name: str) -> Measured:
    def measured(results: Results) -> float | None:
        stored = results.get("fold")
        return None if stored is None else float(stored.figures["ids"][name])

    return measured


def _pairs(what: str, unit: float = 1) -> Measured:
    """Of the worst of the rules over pairs of ten million keys."""

    def measured(results: Results) -> float | None:
        stored = results.get("pair_rules")
        found = None if stored is None else pair_figures.worst(stored.figures, what)
        return found and found / unit

    return measured


def _told_ms(name: str, of: str) -> Measured:
    def measured(results: Results) -> float | None:
        line = None if (stored := results.get("early_alerts")) is None else stored.figures.get(name)
        return line and float(line[of])

    return measured


def _against_peers(results: Results) -> float | None:
    """The p99 of what is told early over that of the better one of the others."""
    found = [_told_ms(name, "p99")(results) for name in (early_alerts(250), FLINK_ALERTS, QUIX)]
    ours, *others = found
    known = [each for each in others if each is not None]
    return None if ours is None or not known else ours / min(known)


def _behind_epoch_ms(results: Results) -> float | None:
    """By how much more than an epoch of 250 ms a commit lies behind its records, at the p99."""
    told = _told_ms(committed_alerts(250), "p99")(results)
    return None if told is None else told - 250


def _rate_with_rules(results: Results) -> float | None:
    stored = results.get("alert_rules")
    if stored is None:
        return None
    cpu = stored.figures["cpu_s"]
    return float(min(cpu["without"]) / min(cpu["pipeline"]))


def _shape(name: str) -> Measured:
    return _ratio("record_shapes", None, name, "plain")


_IDS = "Each id is two words of hash, its time and a link, and is looked for at a random place of the memory's table."

TARGETS = (
    Target(
        "default path, one rollup, against the bare loop",
        2.2,
        "engines",
        _ratio("engines", "one", HERE, BARE),
        profile="one",
        why=words.DEFAULT_PATH,
    ),
    Target(
        "default path, ads pipeline, against the bare loop",
        1.6,
        "throughput",
        _ratio("throughput", None, HERE, BARE),
        profile="ads",
        why=words.DEFAULT_PATH,
    ),
    Target("default path against Flink SQL, the same rule, p = 1", 7, "engines", _over_flink(HERE, 1), profile="one"),
    Target("default path against Flink SQL, the same rule, p = 2", 5.5, "engines", _over_flink(HERE, 2), profile="one"),
    Target("direct path against Flink SQL", 10, "engines", _over_flink(DIRECT, 1, 2), profile="direct"),
    Target("direct path against the bare loop", 4, "engines", _ratio("engines", "one", DIRECT, BARE), profile="direct"),
    Target(
        "direct path, CPU of the process",
        0.45,
        "engines",
        _cpu_us("engines", "one", DIRECT),
        "us an event",
        at_most=True,
        profile="direct",
    ),
    Target(
        "records with an unknown key against plain ones",
        0.85,
        "record_shapes",
        _shape("one unknown key"),
        profile="unknown",
    ),
    Target("records with UTF-8 against plain ones", 0.85, "record_shapes", _shape("UTF-8"), profile="UTF-8"),
    Target("records with escapes against plain ones", 0.85, "record_shapes", _shape("escapes"), profile="escapes"),
    Target(
        "records with keys in random order against plain ones",
        0.85,
        "record_shapes",
        _shape("shuffled keys"),
        profile="shuffled",
    ),
    Target(
        "files, -w 2, against one DuckDB query by the exact rule, start included",
        1.5,
        "backfill",
        _ratio("backfill", None, WORKERS, DUCKDB, whole=True),
        profile="files",
        why=words.STARTED,
    ),
    Target(
        "files, -w 2 against one worker",
        1.8,
        "backfill",
        _ratio("backfill", None, WORKERS, "tidemill run"),
        profile="files",
        why=words.WORKERS,
    ),
    Target(
        "files, two processes against one",
        1.7,
        "backfill",
        _ratio("backfill", None, PROCESSES, "tidemill run"),
        profile="files",
        why=words.PROCESSES,
    ),
    Target(
        "peak memory at full speed, one worker", 300, "throughput", _peak_mib, "MiB", at_most=True, why=words.MEMORY
    ),
    Target("memory that one hour at full speed adds", 10, "hour", _grown_mib, "MiB", at_most=True),
    Target(
        "rules over pairs, ten million keys: memory, peak",
        2,
        "pair_rules",
        _pairs("peak_mb", 1000),
        "GB",
        at_most=True,
        why=words.PAIRS,
    ),
    Target(
        "rules over pairs, ten million keys: until judged after a restart",
        5,
        "pair_rules",
        _pairs("restart_s"),
        "s",
        at_most=True,
        why=words.PAIRS,
    ),
    Target(
        "20,000 events/s, epochs of 100 ms, p99",
        250,
        "latency",
        _latency_ms("100", "p99"),
        "ms",
        at_most=True,
        why=words.LATENCY,
    ),
    Target(
        "publishing a commit, p50",
        2,
        "latency",
        _latency_ms("100", "publish_p50"),
        "ms",
        at_most=True,
        why=words.PUBLISHING,
    ),
    Target(
        "1,000 events/s, from the poll to the delta row, p50",
        5,
        "latency",
        _latency_ms("delta", "p50"),
        "ms",
        at_most=True,
        why=words.DELTA,
    ),
    Target(
        "alerts told early, 20,000 events/s, p50",
        5,
        "early_alerts",
        _told_ms(early_alerts(250), "p50"),
        "ms",
        at_most=True,
        why=words.EARLY,
    ),
    Target(
        "alerts told early, 20,000 events/s, p99",
        25,
        "early_alerts",
        _told_ms(early_alerts(250), "p99"),
        "ms",
        at_most=True,
        why=words.EARLY,
    ),
    Target(
        "alerts told early against the better one of Flink SQL and Quix Streams, p99",
        0.5,
        "early_alerts",
        _against_peers,
        at_most=True,
        why=words.EARLY,
    ),
    Target(
        "a commit with an alert behind its record, beyond an epoch of 250 ms, p99",
        50,
        "early_alerts",
        _behind_epoch_ms,
        "ms",
        at_most=True,
        why=words.LATENCY,
    ),
    Target("rate that is kept with ten alert rules", 0.6, "alert_rules", _rate_with_rules),
    Target(
        "against Spark, the quicker of a batch and Structured Streaming",
        4,
        "engines",
        Ratio("engines", "one", HERE, (SPARK, SPARK_STREAM)),
        profile="one",
    ),
    Target("against Pathway", 10, "peers", _ratio("peers", None, HERE, PATHWAY), profile="one"),
    Target("against LaminarDB", 6, "peers", _ratio("peers", None, HERE, LAMINARDB), profile="one"),
    Target("against Quix Streams", 50, "peers", _ratio("peers", None, HERE, QUIX), profile="one"),
    Target("against plain Bytewax", 50, "peers", _ratio("peers", None, HERE, BYTEWAX), profile="one"),
)
"""In the order of the report. Ratios are of rates: while running, where both sides say that."""
