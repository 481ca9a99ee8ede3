"""`ci version`."""

import platform
import sys

from slipway_engine.cli.options import Options


def run(_options: Options, _arguments: list[str]) -> int:
    """Print the version, and the API's that it speaks."""
    from importlib.metadata import version  # noqa: PLC0415 - slow to import

    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    sys.stdout.write(f"ci {version('slipway-engine')} (Dagger API {version('dagger-io')}) linux/{machine}\n")
    return 0
