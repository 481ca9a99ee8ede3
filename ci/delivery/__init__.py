"""The sequence of a delivery, independent of the kind of target.

`deploy.py` is the sequence; `run.py` holds the lock around it, recovers what a killed run left, and records the end.
"""
