"""The library's own list of properties."""

from dataflow.sources.kafka.property_names import property_names


def test_the_library_names_its_properties() -> None:
    names = property_names()
    assert {"security.protocol", "sasl.mechanism", "ssl.ca.location", "log_level", "batch.size"} <= set(names)
    assert len(names) == len(set(names)) > 100
