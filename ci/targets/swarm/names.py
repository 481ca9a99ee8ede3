"""What the objects of a stack are called, and the labels by which they are found."""

from collections.abc import Mapping

from ci.targets.stack import Stack

# `docker stack ls`, `services`, `ps` and `rm` go by this label.
NAMESPACE = "com.docker.stack.namespace"
# The owner of every object. The stack's name does not tell: `a-b-dev` may be `dev` of `a-b`, or `b-dev` of `a`.
APP = "slipway.app"
ENVIRONMENT = "slipway.environment"
# On secrets instead of the namespace: `docker stack rm` leaves the database's volume, and its password must stay too.
STACK = "slipway.stack"
# On a release: its image and version, and the port and paths at which it answers.
IMAGE = "slipway.image"
VERSION = "slipway.version"
PORT = "slipway.port"
# On a failed release that is kept without traffic: until when.
KEPT_UNTIL = "slipway.kept-until"
HEALTH_PATH = "slipway.health-path"
VERSION_PATH = "slipway.version-path"
# On a service that is not a release: the digest of its description when it was created.
SPEC = "slipway.spec"
# On the edge: the current release, the previous one, and the stable one: the release on which the
# last finished delivery ended. scripts/rollback.sh writes the same labels, and who ran it.
CURRENT = "slipway.current"
PREVIOUS = "slipway.previous"
STABLE = "slipway.stable"
SINCE = "slipway.since"
BY_HAND = "slipway.by-hand"
ROUTING = (CURRENT, PREVIOUS, STABLE, SINCE, BY_HAND)
# On a secret that the settings name: its name and the number of its value.
SECRET = "slipway.secret"  # noqa: S105 - a label
SECRET_VERSION = "slipway.secret-version"  # noqa: S105 - a label

EDGE = "edge"
DATABASE = "db"
RELEASE = "web-"
# Secrets: the URL of the service's database, and the password of the stack's own database.
DATABASE_VOLUME = "database"
DATABASE_URL = "database-url"
DATABASE_PASSWORD = "database-password"  # noqa: S105 - the name of the secret


class Names:
    """The names of one stack's objects."""

    def __init__(self, stack: Stack) -> None:
        """Derive every name from the stack's own."""
        self.namespace, self.app, self.environment = stack.namespace, stack.app.name, stack.name
        self.owner: Mapping[str, str] = {APP: stack.app.name, ENVIRONMENT: stack.name}
        self.labels: Mapping[str, str] = {NAMESPACE: stack.namespace, **self.owner}
        self.secret_labels: Mapping[str, str] = {STACK: stack.namespace, **self.owner}
        # Namespace and environment together name the owner, also on objects of versions without the app's label.
        self.of_stack = {"label": [f"{NAMESPACE}={stack.namespace}", f"{ENVIRONMENT}={stack.name}"]}
        self.secrets_of_stack = {"label": [f"{STACK}={stack.namespace}", f"{ENVIRONMENT}={stack.name}"]}
        # The filters for the stack's objects and for its secrets, without regard to their owner.
        self.with_name_of_stack = (
            {"label": [f"{NAMESPACE}={stack.namespace}"]},
            {"label": [f"{STACK}={stack.namespace}"]},
        )

    def full(self, name: str) -> str:
        """Return the name that an object of the stack has on the whole target."""
        return f"{self.namespace}_{name}"

    def short(self, name: str) -> str:
        """Return the name that an object has inside the stack."""
        return name.removeprefix(f"{self.namespace}_")

    @property
    def network(self) -> str:
        """The network of the stack, which one-off containers can join."""
        return self.full("default")

    @property
    def data_network(self) -> str:
        """The network of the database, with no way out."""
        return self.full("data")


def host(service: str) -> str:
    """Return the name that resolves to a service's replicas inside the stack: never to a virtual IP."""
    return f"tasks.{service}"


def has_own_database(stack: Stack) -> bool:
    """Return whether the stack runs the service's database: a secret with its URL means one elsewhere."""
    return stack.app.database == "postgres" and DATABASE_URL not in declared_secrets(stack)


def declared_secrets(stack: Stack) -> tuple[str, ...]:
    """Return the secrets that the environment's releases read."""
    return stack.environment.secrets
