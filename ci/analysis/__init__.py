"""Metrics in, a verdict out."""

from ci.analysis.prometheus import Counters, read_counters
from ci.analysis.verdict import Limits, Verdict, judge, quantile

__all__ = ["Counters", "Limits", "Verdict", "judge", "quantile", "read_counters"]
