"""A module with one of everything.

It is what the tests of the command line call.
"""

from kinds.main import Kinds as Kinds
