"""The setup of a repository on GitHub: planned without a token, applied with one; a second run changes nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ci.ledger.errors import RefusedError
from ci.ledger.github.client import Github
from ci.ledger.github.confirmation import read_token
from ci.ledger.github.errors import GithubError, GithubMissingError, GithubUnreachableError
from ci.ledger.github.merge import environment_body, merge_environment, merge_protection, protects
from ci.ledger.github.plan import EnvironmentPlan, RepositoryPlan, plan_repository
from ci.settings import Settings

NO_REPOSITORY = 'pipeline.toml: github.repository: must be set: [github] repository = "OWNER/NAME"'


@dataclass(frozen=True)
class BootstrapResult:
    """The plan, a line each, and the changes that were made; None: there was no token."""

    lines: tuple[str, ...]
    changes: tuple[str, ...] | None = None


async def bootstrap_repository(settings: Settings, token_file: str) -> BootstrapResult:
    """Plan how the repository is protected; with a token, apply the plan.

    Raises:
        RefusedError: pipeline.toml does not name the repository, or names a login that GitHub does not know.
        GithubError: GitHub rejects a part of it; the other changes stay, and the message lists both.
    """
    plan = plan_repository(settings)
    if not token_file:
        return BootstrapResult(plan.lines)
    if not settings.github.repository:
        raise RefusedError(NO_REPOSITORY)
    async with Github.connect(settings.github.api, read_token(token_file)) as github:
        changes = await _apply_changes(Setup(github, settings.github.repository, plan))
    return BootstrapResult(plan.lines, tuple(changes))


@dataclass(frozen=True)
class Change:
    """A difference from the plan, and the request that removes it."""

    description: str
    apply: Callable[[], Awaitable[None]]


async def _apply_changes(setup: "Setup") -> list[str]:
    applied: list[str] = []
    failed: list[str] = []
    async for change in setup.find_changes():
        try:
            await change.apply()
        except GithubUnreachableError:
            raise
        except GithubError as error:
            # A feature that the team's GitHub plan lacks must not stop the rest.
            failed.append(f"{change.description}: {error}")
        else:
            applied.append(change.description)
    if failed:
        raise GithubError("\n".join([*failed, *(f"applied: {description}" for description in applied)]))
    return applied


@dataclass(frozen=True)
class Setup:
    """A repository and its plan."""

    github: Github
    repository: str
    plan: RepositoryPlan

    async def find_changes(self) -> AsyncIterator[Change]:
        """Yield the differences one by one: each is applied before the next is looked for."""
        for environment in self.plan.environments:
            path = f"/repos/{self.repository}/environments/{environment.name}"
            present = await self._read(path)
            ids = [await self._read_id(login) for login in environment.reviewers]
            body = merge_environment(present, environment, ids)
            if not present or body != environment_body(present):
                yield Change(environment.describe(self.plan.branch), partial(self.github.put, path, body))
            async for change in self._find_branch_changes(environment, f"{path}/deployment-branch-policies"):
                yield change
        path = f"/repos/{self.repository}/branches/{self.plan.branch}/protection"
        present = await self._read(path)
        if not protects(present, self.plan.protection):
            body = merge_protection(present, self.plan.protection)
            yield Change(self.plan.protection.description, partial(self.github.put, path, body))

    async def _find_branch_changes(self, environment: EnvironmentPlan, path: str) -> AsyncIterator[Change]:
        branch = self.plan.branch
        policies = await self._read_policies(path)
        if (branch, "branch") not in policies:
            body = {"name": branch, "type": "branch"}
            description = f"environment {environment.name}: allows runs of {branch}"
            yield Change(description, partial(self.github.post, path, body))
        for (name, kind), number in policies.items():
            if (name, kind) != (branch, "branch"):
                description = f"environment {environment.name}: allows no more runs of the {kind} {name}"
                yield Change(description, partial(self.github.delete, f"{path}/{number}"))

    async def _read(self, path: str) -> dict[str, Any]:
        try:
            found = await self.github.get(path)
        except GithubMissingError:
            return {}
        return found if isinstance(found, dict) else {}

    async def _read_id(self, login: str) -> int:
        found = await self._read(f"/users/{login}")
        if "id" not in found:
            raise RefusedError(f"pipeline.toml: people: GitHub has no user with the login {login}")
        return int(found["id"])

    async def _read_policies(self, path: str) -> dict[tuple[str, str], int]:
        try:
            found = await self.github.pages(path, "branch_policies")
        except GithubMissingError:
            return {}
        return {(policy["name"], policy.get("type", "branch")): policy["id"] for policy in found}
