"""Slipway: a delivery pipeline written as Dagger functions."""
