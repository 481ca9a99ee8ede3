"""`secrets set`, `secrets rotate` and `secrets list`."""

from typing import Annotated

import dagger
from dagger import Doc

from ci.agent.home import SECRET
from ci.agent.protocol import requests as r
from ci.agent.protocol import responses
from ci.decorators import object_type, uncached, uncached_as
from ci.results import Deployment, SecretList
from ci.stages.deliver import deliver
from ci.stages.errors import Refused
from ci.stages.project import Project

Env = Annotated[str, Doc("The environment: a name in pipeline.toml")]
Name = Annotated[str, Doc("The secret's name")]
Value = Annotated[dagger.Secret, Doc("The secret's value")]


@object_type
class Secrets:
    """The service's secrets, which exist only on an environment's target."""

    project: Project

    @uncached_as("set")
    async def put(self, env: Env, name: Name, value: Value) -> str:
        """Set a secret; releases read the new value from the next delivery on."""
        request = r.SetSecret(environment=env, name=name)
        return await (await self.project.agent()).message(request, secrets={SECRET: value})

    @uncached
    async def rotate(
        self,
        env: Env,
        name: Name,
        value: Value,
        key: Annotated[dagger.Secret | None, Doc("The OpenSSH private key to sign with")] = None,
    ) -> Deployment:
        """Set a secret, and deliver the current release again with the new value."""
        agent = await self.project.agent(key)
        current = (await agent.run(r.ReadStatus(environment=env), responses.Status)).state.current
        if not current.version:
            raise Refused(
                f"{env}: nothing serves there: set the secret, `ci call secrets set --env {env} …`, and deploy"
            )
        await agent.run(r.SetSecret(environment=env, name=name), responses.Done, secrets={SECRET: value})
        return Deployment.of(
            await deliver(agent, r.Deliver(environment=env, action="restore", version=current.version))
        )

    @uncached_as("list")
    async def show(self, env: Env) -> SecretList:
        """List an environment's secrets and the releases that read each one; values are never shown."""
        agent = await self.project.agent()
        return SecretList.of(env, await agent.run(r.ListSecrets(environment=env), responses.Secrets))
