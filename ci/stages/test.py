"""The service's unit tests, against a real database."""

import dagger

from ci.settings import Settings
from ci.stages.database import with_database
from ci.stages.service import Service
from ci.stages.toolchain import workbench

REPORTS = "/reports"


def run_tests(settings: Settings, service: Service) -> dagger.Container:
    """Return the container in which the tests ran; REPORTS holds `junit.xml` and `coverage.xml`."""
    return (
        workbench(settings, service)
        .with_(with_database(settings, "test"))
        .with_exec(
            [
                "python",
                "-m",
                "pytest",
                settings.app.tests.unit,
                "--color=no",
                f"--junitxml={REPORTS}/junit.xml",
                "--cov",
                # A failed run ends with its failures, not with a table of lines.
                "--no-cov-on-fail",
                f"--cov-report=xml:{REPORTS}/coverage.xml",
                "--cov-report=term:skip-covered",
            ]
        )
    )
