"""Errors that Flink 2.3 said in experiments, each with its way out."""

import pytest

from flink.cluster.hints import with_hint


@pytest.mark.parametrize(
    ("cause", "way_out"),
    [
        ("NoResourceAvailableException: Could not acquire the minimum required resources", "--slots"),
        ("ValidationException: Could not find any factory for identifier 'nope' that implements ...", "pom.xml"),
        ("NoClassDefFoundError: com/github/luben/zstd/RecyclingBufferPool", "pom.xml"),
        ("TimeoutException: Topic absent not present in metadata after 60000 ms", "a topic is missing"),
        ("UnknownTopicOrPartitionException: This server does not host this topic-partition", "a topic is missing"),
        ("TimeoutException: Timed out waiting for a node assignment. Call: listNodes", "do not reach that Kafka"),
        (
            "KafkaException: Unexpected error in InitProducerIdResponse; The transaction timeout is larger than the "
            "maximum value allowed by the broker (as configured by transaction.max.timeout.ms)",
            "'properties.transaction.timeout.ms'",
        ),
        ("FileNotFoundException: Cannot find checkpoint or savepoint file/directory 'file:///nowhere/sp'", "reach it"),
        ("FileNotFoundException: jar or artifact resource [/nowhere/x.jar] not found", "--jar"),
    ],
)
def test_a_known_error_has_its_way_out(cause: str, way_out: str) -> None:
    told = with_hint(["FlinkException: first", cause])
    assert told.startswith(f"FlinkException: first: {cause}; ")
    assert way_out in told.removeprefix(f"FlinkException: first: {cause}; ")


def test_any_other_error_stands_for_itself() -> None:
    assert with_hint(["ArithmeticException: / by zero"]) == "ArithmeticException: / by zero"
    assert with_hint([]) == ""
