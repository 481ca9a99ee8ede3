"""The image of the service: built once, the same bytes from the same sources."""

import dagger
from dagger import dag

from ci.settings import Settings
from ci.stages.failure import stage
from ci.stages.service import Service
from ci.stages.toolchain import VENV, base, base_with_lock_file, step_location

# The user that the service runs as: a number that no system image uses.
USER = "10001:10001"
# The time of every file in the image: with real times, two builds of the same sources would differ.
EPOCH = 315532800  # 1980-01-01: the oldest time in a zip file, such as a wheel
# The folder in which the image's root is prepared.
STAGING = "/image"
# Not withTimestamps: on a Dagger engine it follows links, and a virtual environment's lead out of it.
TOUCH = f"find {STAGING} -exec touch --no-dereference --date=@{EPOCH} {{}} +"


def image(settings: Settings, service: Service, version: str) -> dagger.Container:
    """Return the service's image: by its own Dockerfile where it has one, else base image, dependencies and sources."""
    if settings.app.dockerfile:
        built = service.directory.docker_build(dockerfile=settings.app.dockerfile)
    else:
        built = _python(settings, service)
    return (
        built.with_exposed_port(settings.app.port)
        .with_label("org.opencontainers.image.title", settings.app.name)
        .with_label("org.opencontainers.image.version", version)
        .with_label("org.opencontainers.image.base.name", settings.base_image())
        .with_env_variable("APP_VERSION", version)
    )


async def build_image(settings: Settings, image: dagger.Container) -> dagger.Container:
    """Run all steps of an image and return the image."""
    async with stage("build", where=step_location(settings)):
        return await image.sync()


def _python(settings: Settings, service: Service) -> dagger.Container:
    package = settings.app.module.partition(":")[0].partition(".")[0]
    return (
        dag.container()
        .from_(settings.base_image())
        # Each a layer of its own. A folder that comes with its name keeps its time; one that is made for it does not.
        .with_directory("/", environment(settings, service).directory(STAGING))
        .with_directory("/", sources(settings, service).directory(STAGING))
        .with_env_variable("PATH", f"{VENV}/bin:$PATH", expand=True)
        .with_env_variable("PYTHONPATH", "/app/src")
        .with_env_variable("PYTHONUNBUFFERED", "1")
        .with_env_variable("PYTHONDONTWRITEBYTECODE", "1")
        .with_workdir("/app")
        .with_user(USER)
        # Docker before 28 does not keep a Swarm service from new privileges: its first process gives them up itself.
        .with_entrypoint(["setpriv", "--no-new-privs", "python", "-m", package])
        .without_default_args()
    )


def environment(settings: Settings, service: Service) -> dagger.Container:
    """Return a container with the image's compiled virtual environment in STAGING, every file dated EPOCH."""
    # Unchecked bytecode holds no time: with times in it, no two builds would be the same.
    compiled = f"python -m compileall -q -j1 --invalidation-mode=unchecked-hash {VENV}"
    # One step, so that no layer holds files that the next changes.
    steps = [
        # Packages of the repository are copied into the environment: the image does not hold their folders.
        "uv sync --quiet --no-install-project --no-dev --no-editable",
        compiled,
        f"mkdir {STAGING}",
        f"mv {VENV} {STAGING}",
        TOUCH,
    ]
    ready = base_with_lock_file(settings, service).with_(service.with_local_packages)
    return ready.with_exec(["sh", "-euc", "; ".join(steps)])


def sources(settings: Settings, service: Service) -> dagger.Container:
    """Return a container with the image's sources in STAGING, and EPOCH on all of them."""
    source = base(settings).with_directory(f"{STAGING}/app/src", service.directory.directory("src"))
    return source.with_exec(["sh", "-euc", TOUCH])


async def dev_version(service: Service) -> str:
    """Return `dev-` and twelve digits of the sources' digest: the same sources have the same version, and image."""
    digest = await service.sources.digest()
    return f"dev-{digest.removeprefix('sha256:')[:12]}"
