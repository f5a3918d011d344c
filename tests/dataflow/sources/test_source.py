"""What is said of records that a source may not give yet."""

from dataflow.sources.source import behind_transaction


def test_one_record_waits_and_several_wait() -> None:
    assert behind_transaction(1).startswith("1 record waits behind an open transaction")
    assert behind_transaction(1_200).startswith("1,200 records wait behind an open transaction")
