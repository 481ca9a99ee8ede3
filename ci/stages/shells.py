"""The containers that people open a terminal in."""

import dagger

from ci.settings import Settings
from ci.stages.build import image
from ci.stages.database import with_database
from ci.stages.service import Service
from ci.stages.toolchain import base, workbench

STAGES = ("test", "lint", "build", "toolchain")


def container(settings: Settings, service: Service, stage: str) -> dagger.Container:
    """Return a stage's container as it is before its command runs; raises ValueError for a stage that is none."""
    match stage:
        case "test":
            return workbench(settings, service).with_(with_database(settings, "shell"))
        case "lint":
            return workbench(settings, service)
        case "build":
            # With a health check and a port, a Dagger engine would wait until the shell answers as a service.
            ready = image(settings, service, "dev-shell").without_docker_healthcheck()
            return ready.without_exposed_port(settings.app.port).with_(with_database(settings, "shell"))
        case "toolchain":
            return base(settings)
    raise ValueError(f"{stage!r} is not a stage: there are {', '.join(STAGES)}")
