"""The whole of `pipeline.toml`."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from ci.settings.app import App, Images, Registry
from ci.settings.environment import Environment
from ci.settings.overrides import laid_over, read_file, read_overrides
from ci.settings.problems import FILE, SettingsError, explain, nearest
from ci.settings.values import Name, Part


class Settings(Part):
    """The service and its environments, as the file and the overrides describe them."""

    app: App
    registry: Registry
    images: Images = Images()
    # In the file's order, which is the order of promotion.
    environments: dict[Name, Environment]

    @classmethod
    def parse(cls, text: str, overrides: Sequence[str] = ()) -> "Settings":
        """Read the file's text with overrides such as `environments.dev.replicas=3` over it.

        Raises:
            SettingsError: Everything that is wrong with them, a line each.
        """
        changes = read_overrides(overrides)
        data = laid_over(read_file(text), changes)
        try:
            settings = cls.model_validate(data)
        except ValidationError as error:
            raise SettingsError(explain(error, cls, [change.path for change in changes])) from error
        if problems := list(_conflicts(settings)):
            raise SettingsError(problems)
        return settings

    def environment(self, name: str) -> Environment:
        """Return an environment by its name.

        Raises:
            SettingsError: There is none of that name; it lists those that there are.
        """
        if name not in self.environments:
            known = ", ".join(self.environments)
            what = f"no such environment{nearest(name, self.environments)}; there are {known}"
            raise SettingsError([f"{FILE}: environments.{name}: {what}"])
        return self.environments[name]

    def base_image(self) -> str:
        """Return the image that the service is built on."""
        return str(getattr(self.images, self.app.base_image, self.app.base_image))


def _conflicts(settings: Settings) -> Iterator[str]:
    if not settings.environments:
        yield f"{FILE}: environments: must hold at least one environment, like [environments.dev]"
    if not (settings.app.module or settings.app.dockerfile):
        yield f"{FILE}: app: must have a module (like orders.main:app) or a dockerfile"
    taken: dict[tuple[str, int], str] = {}
    for name, environment in settings.environments.items():
        first = taken.setdefault((environment.target.address, environment.edge.port), name)
        if first != name:
            yield (
                f"{FILE}: environments.{name}.edge.port: must differ from that of {first}, which lives on the same "
                f"target (is {environment.edge.port})"
            )
