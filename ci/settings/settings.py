"""The whole of `pipeline.toml`."""

from collections.abc import Sequence

from pydantic import Field, ValidationError

from ci.frozen import FrozenModel
from ci.settings.app import App, Images, Registry
from ci.settings.conflicts import ParsedSettings, find_conflicts
from ci.settings.environment import Environment
from ci.settings.github import Github
from ci.settings.lint import Lint
from ci.settings.overrides import apply_overrides, read_file, read_overrides
from ci.settings.people import Person, PersonName, Signing
from ci.settings.problems import FILE, SettingsError, explain_errors, locate_problems, suggest_nearest
from ci.settings.values import Name


# No pydantic-settings: it reads variables and files of a host, which a function's process does not have, and its
# import takes 55 ms in each process.
class Settings(FrozenModel):
    """The service and its environments, as the file and the overrides describe them."""

    app: App
    """The service."""
    registry: Registry
    """The repository of the service's images."""
    images: Images = Images()
    """The third-party images that the pipeline uses."""
    lint: Lint = Lint()
    """Which findings of the linters stop a delivery."""
    people: dict[PersonName, Person] = Field(default_factory=dict)
    """Who takes part: NAME is the principal of the person's keys in `allowed_signers`."""
    signing: Signing = Signing()
    """The files with the keys that sign."""
    github: Github = Github()
    """The repository whose reviewers' approvals count."""
    environments: dict[Name, Environment]
    """The environments, in the order of promotion."""

    @classmethod
    def parse(cls, text: str, overrides: Sequence[str] = ()) -> "Settings":
        """Read the file's text with overrides such as `environments.dev.replicas=3` over it.

        Raises:
            SettingsError: The settings are wrong; the message has a line for each problem.
        """
        changes = read_overrides(overrides)
        data = apply_overrides(read_file(text), changes)
        overridden = [change.path for change in changes]
        try:
            settings = cls.model_validate(data)
        except ValidationError as error:
            found = locate_problems(find_conflicts(ParsedSettings.parse_valid_parts(data)), overridden)
            raise SettingsError([*explain_errors(error, cls, overridden), *found]) from error
        parsed = ParsedSettings(data, settings.app, settings.registry, settings.people, settings.environments)
        if problems := locate_problems(find_conflicts(parsed), overridden):
            raise SettingsError(problems)
        return settings

    def environment(self, name: str) -> Environment:
        """Return an environment by its name.

        Raises:
            SettingsError: There is none of that name; the message lists the names.
        """
        if name not in self.environments:
            known = ", ".join(self.environments)
            what = f"no such environment{suggest_nearest(name, self.environments)}; there are {known}"
            raise SettingsError([f"{FILE}: environments.{name}: {what}"])
        return self.environments[name]

    def base_image(self) -> str:
        """Return the base image of the service's image."""
        return str(getattr(self.images, self.app.base_image, self.app.base_image))
