"""Alert rules of a pipeline: `from tidemill import alerts`."""

from dataflow.pipeline.alert_rules import Threshold, distinct, threshold

__all__ = ["Threshold", "distinct", "threshold"]
