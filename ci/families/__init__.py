"""Families of functions that are objects of their own, so that the root stays a page long."""

from ci.families.github import Github
from ci.families.secrets import Secrets

__all__ = ["Github", "Secrets"]
