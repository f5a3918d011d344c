"""Alert rules of a pipeline: `from tidemill import alerts`."""

from dataflow.pipeline.alert_rules import Threshold, distinct, threshold
from dataflow.pipeline.closed_rules import Compare, Silence, compare, earlier, mean, silence
from dataflow.pipeline.pair_rules import Pair, absence, sequence

__all__ = [
    "Compare",
    "Pair",
    "Silence",
    "Threshold",
    "absence",
    "compare",
    "distinct",
    "earlier",
    "mean",
    "sequence",
    "silence",
    "threshold",
]
