"""What to do about errors of Flink's that people meet first, known by its own words."""

import re
from collections.abc import Sequence

_KNOWN = (
    (
        r"jar or artifact resource .* not found",
        "the gateway does not see that file: put it where it runs, or name another with --jar",
    ),
    (
        r"NoResourceAvailableException|slot request timeout",
        "the cluster has too few free slots: lower the parallelism, end another job, or start it with more --slots",
    ),
    (
        r"Could not find any factory for identifier|ClassNotFoundException|NoClassDefFoundError",
        "a jar is missing on that cluster: gateway and TaskManagers need those that flink/cluster/pom.xml names",
    ),
    (
        r"not present in metadata|UnknownTopicOrPartition|does not host this topic",
        "a topic is missing: make it, or look at the name; Flink makes none",
    ),
    (
        r"transaction timeout is larger than",
        "set 'properties.transaction.timeout.ms' of the sink to what the broker's transaction.max.timeout.ms allows",
    ),
    (
        r"node assignment|No resolvable bootstrap|Failed to (?:construct|create) (?:kafka|new Kafka)Admin",
        "the TaskManagers do not reach that Kafka: its address must be one that they see",
    ),
    (
        r"Cannot map (?:checkpoint|savepoint) state|Failed to rollback|state for the operator|max parallelism",
        "the savepoint is of another job: go on with the SQL that wrote it, or begin anew without it",
    ),
    (
        r"Cannot find (?:checkpoint|savepoint)|could not find (?:checkpoint|savepoint)|No such file or directory",
        "the cluster cannot read that path: a savepoint must lie where JobManager and TaskManagers both reach it",
    ),
)


def with_hint(causes: Sequence[str]) -> str:
    """The causes in one line, and the way out where it is known."""
    said = ": ".join(causes)
    hints = [fix for pattern, fix in _KNOWN if re.search(pattern, said, re.IGNORECASE)]
    return f"{said}; {hints[0]}" if hints else said
