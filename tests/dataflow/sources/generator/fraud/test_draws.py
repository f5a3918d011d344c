"""Draws: the same for ever, each purpose for itself."""

from dataflow.sources.generator.fraud.draws import Draws


def test_draws_are_the_same_on_every_machine() -> None:
    draws = Draws(1, "test")
    assert [draws.whole(0, 1_000) for _ in range(4)] == [62, 622, 205, 79]


def test_purposes_and_seeds_draw_differently() -> None:
    assert len({Draws(seed, purpose).share() for seed in range(3) for purpose in ("a", "b")}) == 6


def test_draws_stay_in_their_range_and_skewed_ones_near_its_begin() -> None:
    draws = Draws(2, "test")
    even, skewed = ([draw(10, 1_010) for _ in range(9_000)] for draw in (draws.whole, draws.skewed))
    assert (min(even), max(even)) == (10, 1_009)
    assert min(skewed) >= 10
    assert max(skewed) < 1_010
    assert 0.3 < sum(each < 10 + 1_000 / 27 for each in skewed) / 9_000 < 0.37


def test_what_has_a_probability_happens_about_as_often() -> None:
    draws = Draws(3, "test")
    assert 900 < sum(draws.happens(0.1) for _ in range(10_000)) < 1_100
