"""A container's configuration."""

from typing import Self

from slipway_engine.api.container.state import State
from slipway_engine.api.context import Context
from slipway_engine.api.service import Service
from slipway_engine.errors import EngineError, Unsupported
from slipway_engine.model.container import Port, RegistryLogin, drop_pair, put_pair
from slipway_engine.model.healthcheck import HealthcheckConfig
from slipway_engine.model.secret import Secret
from slipway_engine.model.step import Binding, SecretVariable

NO_ANNOTATIONS = "Docker's image store, through which images are published here, cannot carry them"


class Config(State):
    """The fields that return a container with another configuration."""

    def with_env_variable(self, _: Context, name: str, value: str, expand: bool = False) -> Self:
        """Set a variable."""
        without = self.replace(secrets=tuple(v for v in self.secrets if v.name != name))
        return without.replace(environment=put_pair(self.environment, name, self.expand_variables(value, expand)))

    def without_env_variable(self, _: Context, name: str) -> Self:
        """Remove a variable."""
        return self.replace(environment=drop_pair(self.environment, name))

    def with_volatile_variable(self, _: Context, name: str, value: str) -> Self:
        """Set a variable whose value does not matter to the cache."""
        return self.replace(volatile=put_pair(self.volatile, name, value))

    def without_volatile_variable(self, _: Context, name: str) -> Self:
        """Remove such a variable."""
        return self.replace(volatile=drop_pair(self.volatile, name))

    def with_secret_variable(self, _: Context, name: str, secret: Secret) -> Self:
        """Set a variable to a secret, which only the processes of steps see."""
        others = tuple(v for v in self.secrets if v.name != name)
        return self.replace(
            secrets=(*others, SecretVariable(name, secret)), environment=drop_pair(self.environment, name)
        )

    def without_secret_variable(self, _: Context, name: str) -> Self:
        """Remove a secret variable."""
        return self.replace(secrets=tuple(v for v in self.secrets if v.name != name))

    def with_label(self, _: Context, name: str, value: str) -> Self:
        """Set a label."""
        return self.replace(label_items=put_pair(self.label_items, name, value))

    def without_label(self, _: Context, name: str) -> Self:
        """Remove a label."""
        return self.replace(label_items=drop_pair(self.label_items, name))

    def with_annotation(self, _: Context, name: str, value: str) -> Self:
        """Refuse: Docker would lose the annotations."""
        raise Unsupported("Container.withAnnotation", NO_ANNOTATIONS)

    def without_annotation(self, _: Context, name: str) -> Self:
        """Refuse: Docker would lose the annotations."""
        raise Unsupported("Container.withoutAnnotation", NO_ANNOTATIONS)

    def with_workdir(self, _: Context, path: str, expand: bool = False) -> Self:
        """Set the working directory."""
        return self.replace(working_directory=self.absolute_path(path, expand).rstrip("/") or "/")

    def without_workdir(self, _: Context) -> Self:
        """Go back to the root as the working directory."""
        return self.replace(working_directory="")

    def with_user(self, _: Context, name: str) -> Self:
        """Set the user."""
        return self.replace(user_name=name)

    def without_user(self, _: Context) -> Self:
        """Go back to root as the user."""
        return self.replace(user_name="")

    def with_entrypoint(self, _: Context, args: list[str], keep_default_args: bool = False) -> Self:
        """Set the entrypoint; this removes the default arguments unless `keep_default_args`."""
        return self.replace(entrypoint_args=tuple(args), command=self.command if keep_default_args else ())

    def without_entrypoint(self, _: Context, keep_default_args: bool = False) -> Self:
        """Remove the entrypoint."""
        return self.replace(entrypoint_args=(), command=self.command if keep_default_args else ())

    def with_default_args(self, _: Context, args: list[str]) -> Self:
        """Set the default arguments."""
        return self.replace(command=tuple(args))

    def without_default_args(self, _: Context) -> Self:
        """Remove the default arguments."""
        return self.replace(command=())

    def with_default_terminal_cmd(
        self,
        _: Context,
        args: list[str],
        experimental_privileged_nesting: bool = False,
        insecure_root_capabilities: bool = False,
    ) -> Self:
        """Set what a terminal runs."""
        return self.replace(terminal_command=tuple(args))

    def with_exposed_port(
        self,
        _: Context,
        port: int,
        protocol: str = "TCP",
        description: str | None = None,
        experimental_skip_healthcheck: bool = False,
    ) -> Self:
        """Add a port that the container listens on."""
        others = tuple(p for p in self.ports if (p.port, p.protocol) != (port, protocol))
        return self.replace(ports=(*others, Port(port, protocol, description, experimental_skip_healthcheck)))

    def without_exposed_port(self, _: Context, port: int, protocol: str = "TCP") -> Self:
        """Remove a port."""
        return self.replace(ports=tuple(p for p in self.ports if (p.port, p.protocol) != (port, protocol)))

    def with_docker_healthcheck(
        self,
        _: Context,
        args: list[str],
        shell: bool = False,
        interval: str = "",
        timeout: str = "",
        start_period: str = "",
        start_interval: str = "",
        retries: int = 0,
    ) -> Self:
        """Set the health check of the published image."""
        check = HealthcheckConfig(tuple(args), shell, interval, timeout, start_period, start_interval, retries)
        check.as_config()  # a duration that makes no sense fails here, where it was written
        return self.replace(healthcheck=check)

    def without_docker_healthcheck(self, _: Context) -> Self:
        """Remove the health check."""
        return self.replace(healthcheck=None)

    def with_service_binding(self, _: Context, alias: str, service: Service) -> Self:
        """Make a service reachable under a host name while steps run."""
        others = tuple(b for b in self.bindings if b.alias != alias)
        return self.replace(bindings=(*others, Binding(alias, service)))

    def with_registry_auth(self, _: Context, address: str, username: str, secret: Secret) -> Self:
        """Log in to a registry for `from` and `publish`."""
        others = tuple(login for login in self.logins if login.address != address)
        return self.replace(logins=(*others, RegistryLogin(address, username, secret)))

    def without_registry_auth(self, _: Context, address: str) -> Self:
        """Forget a login."""
        return self.replace(logins=tuple(login for login in self.logins if login.address != address))

    def with_error(self, _: Context, err: str) -> Self:
        """Fail with this message, unless it is empty."""
        if err:
            raise EngineError(err)
        return self
