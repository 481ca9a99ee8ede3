"""Setting a repository on GitHub up: what is missing is told, and with a token done; a second time changes nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ci.ledger.errors import RefusedError
from ci.ledger.github.client import Github
from ci.ledger.github.consultation import read_token
from ci.ledger.github.errors import GithubError, GithubMissingError, GithubUnreachableError
from ci.ledger.github.present import environment_body, merged_environment, merged_protection, protects
from ci.ledger.github.wanted import Place, Wanted, wanted
from ci.ledger.protocol import BootstrapGithub, Planned
from ci.ledger.store.store import Ledger

UNNAMED = 'pipeline.toml: github.repository: which one? say it: [github] repository = "OWNER/NAME"'
WOULD = "this is what would be set up; --token with one that may administer the repository does it"


@dataclass(frozen=True)
class Change:
    """Something that is not as it should be, and what makes it so."""

    told: str
    make: Callable[[], Awaitable[None]]


async def bootstrap(_: Ledger, request: BootstrapGithub) -> Planned:
    """Say how the repository should be guarded; with a token, make it so.

    Raises:
        RefusedError: pipeline.toml does not say which repository, or names somebody whom GitHub does not know.
        GithubError: GitHub will not do all of it; what was done stays done, and the message tells of both.
    """
    settings = request.settings
    plan = wanted(settings)
    if not request.github.token_file:
        return Planned(message="\n".join([WOULD, *plan.lines]), lines=plan.lines)
    if not settings.github.repository:
        raise RefusedError(UNNAMED)
    async with Github.connect(settings.github.api, read_token(request.github.token_file)) as github:
        done = await _made(Setup(github, settings.github.repository, plan))
    count = f"changed in {settings.github.repository}: {len(done)}" if done else "everything was set up already"
    return Planned(message="\n".join([count, *done]), lines=plan.lines, changes=tuple(done))


async def _made(setup: "Setup") -> list[str]:
    done: list[str] = []
    failed: list[str] = []
    async for change in setup.changes():
        try:
            await change.make()
        except GithubUnreachableError:
            raise
        except GithubError as error:
            # What a plan does not offer must not keep the rest from being set up.
            failed.append(f"{change.told}: {error}")
        else:
            done.append(change.told)
    if failed:
        raise GithubError("\n".join([*failed, *(f"done nevertheless: {told}" for told in done)]))
    return done


@dataclass(frozen=True)
class Setup:
    """The way from what a repository has to what it should have."""

    github: Github
    repository: str
    plan: Wanted

    async def changes(self) -> AsyncIterator[Change]:
        """Yield what differs, one after another: each is made before the next is looked at."""
        for place in self.plan.places:
            path = f"/repos/{self.repository}/environments/{place.name}"
            present = await self._present(path)
            body = merged_environment(present, place, [await self._id(login) for login in place.reviewers])
            if not present or body != environment_body(present):
                yield Change(place.told(self.plan.branch), partial(self.github.put, path, body))
            async for change in self._branches(place, f"{path}/deployment-branch-policies"):
                yield change
        path = f"/repos/{self.repository}/branches/{self.plan.branch}/protection"
        present = await self._present(path)
        if not protects(present, self.plan.protection):
            body = merged_protection(present, self.plan.protection)
            yield Change(self.plan.protection.told, partial(self.github.put, path, body))

    async def _branches(self, place: Place, path: str) -> AsyncIterator[Change]:
        branch = self.plan.branch
        policies = await self._policies(path)
        if (branch, "branch") not in policies:
            body = {"name": branch, "type": "branch"}
            yield Change(f"environment {place.name}: takes runs of {branch}", partial(self.github.post, path, body))
        for (name, kind), number in policies.items():
            if (name, kind) != (branch, "branch"):
                told = f"environment {place.name}: takes no more runs of the {kind} {name}"
                yield Change(told, partial(self.github.delete, f"{path}/{number}"))

    async def _present(self, path: str) -> dict[str, Any]:
        try:
            found = await self.github.get(path)
        except GithubMissingError:
            return {}
        return found if isinstance(found, dict) else {}

    async def _id(self, login: str) -> int:
        found = await self._present(f"/users/{login}")
        if "id" not in found:
            raise RefusedError(f"pipeline.toml: people: GitHub knows nobody whose login is {login}")
        return int(found["id"])

    async def _policies(self, path: str) -> dict[tuple[str, str], int]:
        try:
            found = await self.github.pages(path, "branch_policies")
        except GithubMissingError:
            return {}
        return {(policy["name"], policy.get("type", "branch")): policy["id"] for policy in found}
