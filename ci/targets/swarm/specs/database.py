"""The stack's own PostgreSQL: one node, one volume."""

from ci.targets.stack import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.names import Names
from ci.targets.swarm.specs.parts import (
    NANO,
    SECRET_FOLDER,
    Reference,
    Spec,
    digest_of,
    drop_privileges,
    mount_secret,
    mount_volume,
    rotate_logs,
    service,
)

DATABASE_USER = "service"


def database(stack: Stack, image: str, password: Reference) -> Spec:
    """Describe the database."""
    names = Names(stack)
    container = {
        "Image": image,
        "Env": [
            f"POSTGRES_USER={DATABASE_USER}",
            f"POSTGRES_DB={DATABASE_USER}",
            f"POSTGRES_PASSWORD_FILE={SECRET_FOLDER}/{n.DATABASE_PASSWORD}",
            # A folder inside the volume, which may hold things of its own.
            "PGDATA=/var/lib/postgresql/data/pgdata",
        ],
        "Secrets": [mount_secret(password, names)],
        "Mounts": [mount_volume(names, n.DATABASE_VOLUME, "/var/lib/postgresql/data")],
        "StopGracePeriod": 60 * NANO,
        # Its start makes the volume its user's, and becomes that user.
        **drop_privileges("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID"),
        "Healthcheck": {
            "Test": ["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", DATABASE_USER],
            "Interval": NANO,
            "Timeout": 3 * NANO,
            # This check tells when the database has started. Swarm must not kill a database because answers are late.
            "Retries": 1_000_000,
        },
    }
    spec = service(names, n.DATABASE, container, [names.data_network])
    spec["TaskTemplate"] |= rotate_logs(stack)
    spec["UpdateConfig"] = {"Parallelism": 1, "Order": "stop-first"}
    spec["Labels"][n.SPEC] = digest_of(spec)
    return spec


def database_url(password: str) -> str:
    """Return the URL of the database for the service."""
    return f"postgresql://{DATABASE_USER}:{password}@{n.host(n.DATABASE)}:5432/{DATABASE_USER}"
