"""Metrics in, a verdict out."""

from ci.analysis.prometheus import Counters, read_counters
from ci.analysis.verdict import Limits, Verdict, judge

__all__ = ["Counters", "Limits", "Verdict", "judge", "read_counters"]
