"""The service: its folder, and what of the repository its lock file needs beside the folder."""

from dataclasses import dataclass
from pathlib import PurePosixPath

import dagger
from dagger import dag

from ci.agent.workspace import LOCK_FILE, Workspace, find_workspace, lock_folders
from ci.settings import FILE, Settings
from ci.stages.errors import Refused

# The folder of the container that holds the service, or the workspace with the service in it.
HOME = "/app"


@dataclass(frozen=True)
class Service:
    """A service of the repository."""

    source: dagger.Directory
    workspace: Workspace

    @classmethod
    async def of(cls, settings: Settings, source: dagger.Directory) -> "Service":
        """Find the service's lock file and its local packages.

        Raises:
            Refused: A local package lies outside of the repository.
        """
        path = str(PurePosixPath(settings.app.path))
        for folder in lock_folders(path):
            lock_file = str(PurePosixPath(folder, LOCK_FILE))
            if await source.exists(lock_file):
                try:
                    workspace = find_workspace(path, folder, await source.file(lock_file).contents())
                except ValueError as error:
                    raise Refused(f"{FILE}: app.path: {lock_file}: {error}") from error
                return cls(source, workspace)
        # A service with a Dockerfile may have no lock file.
        return cls(source, Workspace(path, path))

    @property
    def directory(self) -> dagger.Directory:
        """The service's own folder."""
        return self.source.directory(self.workspace.service)

    @property
    def workdir(self) -> str:
        """The service's folder in a container."""
        return self._place(self.workspace.service)

    @property
    def has_local_packages(self) -> bool:
        """Whether the service depends on packages of the repository."""
        return bool(self.workspace.dependencies)

    @property
    def sources(self) -> dagger.Directory:
        """Everything that the service is made of; for most services their own folder."""
        outside = self.workspace.outside
        if not outside:
            return self.directory
        return dag.directory().with_directory(
            "/", self.source, include=[f"{self.workspace.service}/**", *(f"{path}/**" for path in outside), *outside]
        )

    def with_manifests(self, container: dagger.Container) -> dagger.Container:
        """Add the lock file and the manifests that it needs, and make the service's folder the working directory."""
        for path in self.workspace.manifests:
            container = container.with_file(self._place(path), self.source.file(path))
        return container.with_workdir(self.workdir)

    def with_sources(self, container: dagger.Container) -> dagger.Container:
        """Add the service's folder, and the packages of the repository that it depends on."""
        return self.with_local_packages(container.with_directory(self.workdir, self.directory))

    def with_local_packages(self, container: dagger.Container) -> dagger.Container:
        """Add the packages of the repository that the service depends on."""
        for path in self.workspace.dependencies:
            container = container.with_directory(self._place(path), self.source.directory(path))
        return container

    def _place(self, path: str) -> str:
        return str(PurePosixPath(HOME, PurePosixPath(path).relative_to(self.workspace.root)))
