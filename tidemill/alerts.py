"""Alert rules of a pipeline: `from tidemill import alerts`."""

from dataflow.pipeline.alert_rules import Threshold, distinct, threshold
from dataflow.pipeline.pair_rules import Pair, absence, sequence

__all__ = ["Pair", "Threshold", "absence", "distinct", "sequence", "threshold"]
