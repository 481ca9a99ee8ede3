"""The container that a Python service is tested, linted and built in: its base image with uv and its dependencies."""

import dagger
from dagger import dag

from ci.settings import Settings
from ci.stages.service import HOME, Service

UV_VERSION = "0.13.9"
VENV = "/venv"


def base(settings: Settings) -> dagger.Container:
    """Return the service's base image with uv, which installs the locked dependencies into VENV."""
    return (
        dag.container()
        .from_(settings.base_image())
        .with_mounted_cache("/root/.cache/pip", dag.cache_volume("slipway-pip"))
        .with_mounted_cache("/root/.cache/uv", dag.cache_volume("slipway-uv"))
        .with_exec(["pip", "install", "--quiet", "--root-user-action=ignore", f"uv=={UV_VERSION}"])
        .with_env_variable("UV_FROZEN", "1")
        # The cache is a volume of its own, so files cannot be linked from it.
        .with_env_variable("UV_LINK_MODE", "copy")
        .with_env_variable("UV_PYTHON_DOWNLOADS", "never")
        .with_env_variable("UV_PROJECT_ENVIRONMENT", VENV)
        # Companies and closed networks have CAs of their own, which the engine adds to the system's certificates.
        .with_env_variable("UV_SYSTEM_CERTS", "true")
        .with_workdir(HOME)
    )


def step_location(settings: Settings) -> str:
    """Return the location of a step in the toolchain, for messages."""
    return f"/app in a container of {settings.base_image()}"


def without_caches(container: dagger.Container) -> dagger.Container:
    """Remove the cache mounts, for a container in which nothing is installed any more."""
    return container.without_mount("/root/.cache/pip").without_mount("/root/.cache/uv")


def base_with_lock_file(settings: Settings, service: Service) -> dagger.Container:
    """Return the toolchain with the service's lock file and the manifests that it needs, and no other source."""
    return base(settings).with_(service.with_manifests)


def workbench(settings: Settings, service: Service) -> dagger.Container:
    """Return the toolchain with the service and its development dependencies."""
    sync = ["uv", "sync", "--quiet", "--no-install-project"]
    # Packages of the repository come with the sources: the others stay in the cache when these change.
    first = [*sync, "--no-install-workspace", "--no-install-local"] if service.has_local_packages else sync
    ready = base_with_lock_file(settings, service).with_exec(first).with_(service.with_sources)
    return (
        (ready.with_exec(sync) if service.has_local_packages else ready)
        .with_env_variable("PATH", f"{VENV}/bin:$PATH", expand=True)
        # Bytecode is compiled once, and outside of the sources.
        .with_env_variable("PYTHONPYCACHEPREFIX", "/root/.cache/python")
    )
