"""Options of the whole suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the contract suite run on either engine."""
    parser.addoption(
        "--engine",
        choices=("local", "dagger"),
        default="local",
        help="what the contract suite talks to: the local engine, or a Dagger engine through the dagger command",
    )
