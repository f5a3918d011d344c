"""What is said of offsets that Kafka no longer has; that it is noticed is shown in test_source."""

from dataflow.sources.kafka.lost import created_anew, offset_lost


def test_records_that_were_deleted_are_counted() -> None:
    said = str(offset_lost("ads/0", 5, 12, 40))
    assert "ads/0: offset 5 is to be read next, but Kafka has only offsets 12 to 40: 7 offsets were deleted" in said
    assert "Nothing was skipped" in said
    assert "To go on at 12 in this lake, with the gap in its ledger, run with --accept-gap" in said


def test_a_log_that_was_cut_back_is_told_as_such_and_is_no_gap_to_accept() -> None:
    said = str(offset_lost("ads/0", 50, 0, 40))
    assert "the partition's log was cut back" in said
    assert "--accept-gap" not in said


def test_of_a_topic_made_anew_both_ids_are_told() -> None:
    assert "(its id was a1 and is b2): that offset belongs to the old one" in str(created_anew("ads/0", 5, "a1", "b2"))
