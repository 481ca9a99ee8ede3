"""The whole of `pipeline.toml`."""

from collections.abc import Sequence

from pydantic import Field, ValidationError

from ci.frozen import FrozenModel
from ci.settings.app import App, Images, Registry
from ci.settings.conflicts import Known, conflicts
from ci.settings.environment import Environment
from ci.settings.github import Github
from ci.settings.overrides import laid_over, read_file, read_overrides
from ci.settings.people import Person, PersonName, Release
from ci.settings.problems import FILE, SettingsError, explain, nearest, placed
from ci.settings.values import Name


# pydantic alone: what pydantic-settings adds, it reads from variables and files of a host, which a function's process
# does not have; and importing it takes each process 55 ms.
class Settings(FrozenModel):
    """The service and its environments, as the file and the overrides describe them."""

    app: App
    registry: Registry
    images: Images = Images()
    people: dict[PersonName, Person] = Field(default_factory=dict)
    release: Release = Release()
    github: Github = Github()
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
        overridden = [change.path for change in changes]
        try:
            settings = cls.model_validate(data)
        except ValidationError as error:
            found = placed(conflicts(Known.salvaged(data)), overridden)
            raise SettingsError([*explain(error, cls, overridden), *found]) from error
        known = Known(data, settings.app, settings.people, settings.environments)
        if problems := placed(conflicts(known), overridden):
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
