"""What `make bench` runs, in order: each part's module, its result, and its arguments for a trial with small inputs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One measurement: `python -m MODULE` writes bench/results/RESULT.*.

    `quick` are the arguments of a trial, after which no figure is worth anything. `needs`: what else must be on the
    machine, in words; a part that cannot run is told and left out, and does not end the whole.
    """

    module: str
    result: str
    quick: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    needs: str = ""

    @property
    def command(self) -> str:
        """As somebody would type it."""
        return " ".join(("python -m", self.module, *self.arguments))


_JAVA = "Java 17 and Maven, for Kafka"
_ENGINES = "Java 17 and Maven, for Kafka and Flink; `make spark`"

PARTS = (
    Part("bench.throughput", "throughput", ("--events", "50000"), needs=_JAVA),
    Part(
        "bench.engines",
        "engines",
        ("--events", "50000", "--keys", "1000", "--latency-rate", "500", "--latency-seconds", "15"),
        needs=_ENGINES,
    ),
    Part("bench.peers.compare", "peers", ("--events", "50000"), needs=f"{_JAVA}; `sh deploy/bootstrap.sh peer NAME`"),
    Part("bench.ysb", "ysb", ("--events", "30000", "--no-flink"), needs=_ENGINES),
    Part("bench.record_shapes", "record_shapes", ("--events", "20000"), needs=_JAVA),
    Part("bench.growth", "growth", ("--events", "20000", "--quick"), needs=_JAVA),
    Part(
        "bench.latency",
        "latency",
        ("--rate", "500", "--seconds", "12", "--epochs-ms", "250", "--delta-rate", "200"),
        needs=_JAVA,
    ),
    Part(
        "bench.early_alerts",
        "early_alerts",
        ("--rate", "500", "--seconds", "15", "--epochs-ms", "250", "--no-flink", "--no-quix"),
        needs=f"{_JAVA} and Flink; `sh deploy/bootstrap.sh peer quix`",
    ),
    Part("bench.backfill", "backfill", ("--events", "50000"), needs=_ENGINES),
    Part("bench.decode", "decode", ("--records", "1000")),
    Part("bench.fold", "fold", ("--rounds", "5", "--batches", "5", "--ids", "100000")),
    Part("bench.files", "files", ("--records", "20000")),
    Part("bench.formats", "formats", ("--records", "1000", "--rounds", "5")),
    Part("bench.start", "start", ("--rounds", "5")),
    Part("bench.direct", "direct", ("--events", "50000"), needs=_JAVA),
    Part("bench.run_start", "run_start", ("--rounds", "5"), needs=_JAVA),
    Part("bench.idle", "idle", ("--seconds", "3"), needs=_JAVA),
    Part("bench.answers", "answers", ("--records", "10000")),
    Part("bench.fuzz", "fuzz", ("--records", "5000"), needs=_JAVA),
    Part("bench.fuzz_formats", "fuzz_formats", ("--records", "5000")),
    Part("bench.fuzz_json", "fuzz_json", ("--records", "5000"), ("--records", "10000000")),
    Part("bench.one_broken", "one_broken", ("--records", "200")),
    Part("bench.safe_sql", "safe_sql", ("--records", "20000")),
    Part("bench.disk", "disk", ("--rate", "500", "--seconds", "10")),
    Part(
        "bench.alert_rules",
        "alert_rules",
        ("--commits", "3", "--records", "20000", "--keys", "20000", "--rounds", "1"),
    ),
    Part("bench.pair_rules", "pair_rules", ("--commits", "3", "--keys", "20000")),
    Part("bench.pair_rescale", "pair_rescale", ("--keys", "20000")),
    Part("bench.fraud", "fraud", ("--minutes", "10", "--seeds", "1")),
    Part("bench.hour", "hour", ("--seconds", "15")),
    Part("bench.profile", "profile", ("--events", "20000"), needs=_JAVA),
)

BY_RESULT = {part.result: part for part in PARTS}
