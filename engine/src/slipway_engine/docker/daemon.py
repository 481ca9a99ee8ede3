"""All that one session uses of Docker's daemon."""

from dataclasses import dataclass

from slipway_engine.docker.client import Docker
from slipway_engine.docker.images import Images
from slipway_engine.docker.objects import Objects
from slipway_engine.docker.results import Results
from slipway_engine.docker.tools import Toolbox
from slipway_engine.environment import Environment
from slipway_engine.events import Events
from slipway_engine.store.database import Store


@dataclass(frozen=True)
class Daemon:
    """The connection, and what the session has made or looked up through it."""

    docker: Docker
    objects: Objects
    images: Images
    results: Results
    tools: Toolbox

    @classmethod
    def connect(cls, environment: Environment, store: Store, events: Events) -> "Daemon":
        """Connect to the daemon that the environment names, at the first request."""
        docker = Docker(environment.docker_host)
        objects = Objects(docker, store, environment.cache_bytes)
        images = Images(docker, objects, events)
        tools = Toolbox(docker, objects, images, store, environment.ca_bundle)
        return cls(docker, objects, images, Results(docker, objects, images, store), tools)

    async def close(self) -> None:
        """Remove what is the session's only, and disconnect."""
        await self.objects.close()
        await self.docker.close()
