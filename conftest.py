"""Options of the whole suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let what both engines can do run on either."""
    parser.addoption(
        "--engine",
        choices=("local", "dagger"),
        default="local",
        help="what the contract suite, the workflows and some shells run on: the local engine, or a Dagger engine "
        "through the dagger command",
    )
