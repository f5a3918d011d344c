"""Did you mean."""

from dataflow.spelling import suggest


def test_the_nearest_name_is_suggested() -> None:
    assert suggest("campain", ["ad_id", "campaign", "cost"]) == "; did you mean campaign?"


def test_a_name_that_is_like_none_is_answered_with_all() -> None:
    assert suggest("zzz", ("ad_id", "cost")) == "; there are ad_id, cost"


def test_names_are_shown_as_they_are_written() -> None:
    assert suggest("campain", ["campaign"], shown=repr) == "; did you mean 'campaign'?"
    assert suggest("zzz", ["ad_id", "cost"], shown=repr) == "; there are 'ad_id', 'cost'"
