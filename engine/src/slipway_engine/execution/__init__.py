"""Containers that run: steps, services and shells."""
