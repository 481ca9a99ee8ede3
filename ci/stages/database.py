"""A throw-away PostgreSQL beside a step, for tests and for a laptop."""

from collections.abc import Callable

import dagger
from dagger import dag

from ci.settings import Settings

ALIAS = "database"
# A password that guards nothing: the database is reached by the step that binds it alone, and ends with it.
URL = f"postgresql://service:service@{ALIAS}:5432/service"


def postgres(settings: Settings, purpose: str) -> dagger.Service:
    """Return a temporary PostgreSQL; steps of the same `purpose` share one."""
    return (
        dag.container()
        .from_(settings.images.postgres)
        .with_env_variable("POSTGRES_USER", "service")
        .with_env_variable("POSTGRES_PASSWORD", "service")
        .with_env_variable("POSTGRES_DB", "service")
        .with_env_variable("SLIPWAY_PURPOSE", purpose)
        .with_exposed_port(5432)
        # Durability is of no use to a database that is thrown away.
        .as_service(args=["postgres", "-c", "fsync=off", "-c", "full_page_writes=off"], use_entrypoint=True)
    )


def with_database(settings: Settings, purpose: str) -> Callable[[dagger.Container], dagger.Container]:
    """Return a function for `with_`: it gives a container the database, where the service wants one."""

    def bind(container: dagger.Container) -> dagger.Container:
        if settings.app.database == "none":
            return container
        return container.with_service_binding(ALIAS, postgres(settings, purpose)).with_env_variable("DATABASE_URL", URL)

    return bind
