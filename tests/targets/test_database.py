"""The database of a stack: for its releases alone, with a password that outlives every release."""

import json

import pytest

from ci.agent.protocol.responses import Delivered
from ci.targets.errors import NotReadyError
from ci.targets.target import ReleaseDescription, TestRun
from tests.agents import Agent, Images, deploy_request
from tests.machine import docker


@pytest.mark.full
async def test_database_answers_releases_alone(agent: Agent, images: Images) -> None:
    agent = agent.changed("app.database=postgres")
    delivered = await agent.ask(Delivered, deploy_request("1", images.service("one")))
    assert delivered.ok, delivered
    password = agent.fetch("/database").text
    assert len(password) > 20
    assert (await agent.deploy("2", images.service("two"))).ok
    assert agent.fetch("/database").text == password
    label = f"label=com.docker.swarm.service.name={agent.stack.namespace}_db"
    (container,) = docker("ps", "--quiet", "--filter", label).split()
    assert password not in json.dumps(json.loads(docker("inspect", container)))
    script = "import socket; socket.create_connection(('tasks.db', 5432), 3)"
    async with agent.target() as target:
        outsider = await target.run_tests(TestRun(image="python:3.13-slim", command=("python", "-c", script)))
    assert outsider.status == "failed"
    assert "gaierror" in outsider.output


async def test_database_whose_password_is_lost_is_not_begun_anew(agent: Agent, images: Images) -> None:
    agent = agent.changed("app.database=postgres")
    labels = ("--label", f"com.docker.stack.namespace={agent.stack.namespace}")
    volume = docker("volume", "create", *labels, f"{agent.stack.namespace}_database")
    async with agent.target() as target:
        with pytest.raises(NotReadyError) as failure:
            await target.prepare_candidate(ReleaseDescription(image=images.service("one"), version="one"))
    assert f"'docker volume rm {volume}'" in str(failure.value)
    assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}") == volume
