"""The container that a Python service is tested, linted and built in: its base image with uv and its dependencies."""

import dagger
from dagger import dag

from ci.settings import Settings

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
        .with_workdir("/app")
    )


def step_location(settings: Settings) -> str:
    """Return the location of a step in the toolchain, for messages."""
    return f"/app in a container of {settings.base_image()}"


def without_caches(container: dagger.Container) -> dagger.Container:
    """Remove the cache mounts, for a container in which nothing is installed any more."""
    return container.without_mount("/root/.cache/pip").without_mount("/root/.cache/uv")


def base_with_lock_file(settings: Settings, service: dagger.Directory) -> dagger.Container:
    """Return the toolchain with the service's pyproject.toml and lock file, and no other source."""
    return (
        base(settings)
        .with_file("pyproject.toml", service.file("pyproject.toml"))
        .with_file("uv.lock", service.file("uv.lock"))
    )


def workbench(settings: Settings, service: dagger.Directory) -> dagger.Container:
    """Return the toolchain with the service and its development dependencies."""
    return (
        base_with_lock_file(settings, service)
        .with_exec(["uv", "sync", "--quiet", "--no-install-project"])
        .with_directory("/app", service)
        .with_env_variable("PATH", f"{VENV}/bin:$PATH", expand=True)
        # Bytecode is compiled once, and outside of the sources.
        .with_env_variable("PYTHONPYCACHEPREFIX", "/root/.cache/python")
    )
