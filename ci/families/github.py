"""`github approve` and `github bootstrap`."""

import dataclasses
from typing import Annotated

import dagger
from dagger import Doc

from ci.agent.protocol import requests as r
from ci.decorators import object_type, uncached
from ci.stages.project import Project


@object_type
class Github:
    """GitHub's environments: their approvals, and their set-up."""

    project: Project

    @uncached
    async def approve(
        self,
        env: Annotated[str, Doc("The environment: a name in pipeline.toml")],
        version: Annotated[str, Doc("The version, like 1.4.2")],
        run: Annotated[str, Doc("The number of the workflow run, instead of --github-run")] = "",
    ) -> str:
        """Record the reviewers who approved a version's deployment in a GitHub run."""
        github_run = run or self.project.credentials.github_run
        request = r.ApproveFromGithub(environment=env, version=version, github_run=github_run)
        return await (await self.project.agent()).message(request)

    @uncached
    async def bootstrap(
        self,
        token: Annotated[
            dagger.Secret | None, Doc("May administer the repository; without it, nothing changes")
        ] = None,
    ) -> str:
        """Set up GitHub's environments, reviewers and branch protection from pipeline.toml, or print how."""
        credentials = dataclasses.replace(self.project.credentials, github_token=token)
        agent = await dataclasses.replace(self.project, credentials=credentials).agent()
        return await agent.message(r.BootstrapGithub())
