"""The pipeline measured against the same work by hand; the numbers are printed, and nothing is asserted."""
