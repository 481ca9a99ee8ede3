"""The test image: the service's integration and smoke tests, of exactly its sources, with their locked dependencies."""

import dagger

from ci.settings import Settings
from ci.stages.service import Service
from ci.stages.toolchain import without_caches, workbench


def test_image(settings: Settings, service: Service) -> dagger.Container:
    """Return the image that runs a release's tests in a helper container on the stack's network."""
    return workbench(settings, service).with_(without_caches)
