"""Rules that may change: as JSON and back."""

import json

from hypothesis import given
from hypothesis import strategies as st

from dataflow.rules import Rules

SPANS = st.integers(0, 2**70)


LATENESS = st.dictionaries(st.text(), SPANS).map(lambda each: tuple(sorted(each.items())))


@given(st.builds(Rules, SPANS, SPANS, SPANS, LATENESS))
def test_rules_are_read_back_as_they_were_written(rules: Rules) -> None:
    assert Rules.of_json(json.loads(json.dumps(rules.as_json()))) == rules
    assert hash(Rules.of_json(rules.as_json())) == hash(rules)
