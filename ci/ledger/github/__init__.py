"""What GitHub knows: who opened an environment for a run, and how a repository's environments are guarded."""

from ci.ledger.github.bootstrap import bootstrap
from ci.ledger.github.consulting import approve_from_github, consulted

__all__ = ["approve_from_github", "bootstrap", "consulted"]
