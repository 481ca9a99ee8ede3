"""The container that a Python service is tested, linted and built in: its base image with uv and its dependencies."""

import dagger
from dagger import dag

from ci.settings import Settings

UV_VERSION = "0.13.9"
VENV = "/venv"


def base(settings: Settings) -> dagger.Container:
    """Return the service's base image with uv, which installs into VENV what the lock file says."""
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
        # Companies and closed networks have certificates of their own; the engine tells the system's tools of them.
        .with_env_variable("UV_SYSTEM_CERTS", "true")
        .with_workdir("/app")
    )


def step_location(settings: Settings) -> str:
    """Say where a step of it runs."""
    return f"/app in a container of {settings.base_image()}"


def without_caches(container: dagger.Container) -> dagger.Container:
    """Take the caches away, for a container that is not installed into any more."""
    return container.without_mount("/root/.cache/pip").without_mount("/root/.cache/uv")


def base_with_lock_file(settings: Settings, service: dagger.Directory) -> dagger.Container:
    """Return the toolchain with what says which dependencies the service has: only the lock file changes it."""
    return (
        base(settings)
        .with_file("pyproject.toml", service.file("pyproject.toml"))
        .with_file("uv.lock", service.file("uv.lock"))
    )


def workbench(settings: Settings, service: dagger.Directory) -> dagger.Container:
    """Return the service with everything that its developers use on it."""
    return (
        base_with_lock_file(settings, service)
        .with_exec(["uv", "sync", "--quiet", "--no-install-project"])
        .with_directory("/app", service)
        .with_env_variable("PATH", f"{VENV}/bin:$PATH", expand=True)
        # What a step starts often it compiles once, and not among the sources.
        .with_env_variable("PYTHONPYCACHEPREFIX", "/root/.cache/python")
    )
