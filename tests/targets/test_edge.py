"""The edge on a real Swarm: one atomic switch, no lost request, metrics, and a port of the host's own."""

import socket
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from ci.delivery.verification import verify_current
from ci.targets.errors import NotReadyError
from ci.targets.swarm.edge import read_edge_metrics
from ci.targets.swarm.names import Names
from ci.targets.target import ReleaseDescription
from tests.agents import Agent, Images

Traffic = Callable[[Agent], AbstractContextManager[Counter[str]]]


async def test_switch_under_load_loses_no_request(serving: Agent, images: Images, traffic: Traffic) -> None:
    wanted = ReleaseDescription(image=images.service("two"), version="2")
    one = (await serving.state()).current.release
    async with serving.target() as target, serving.changed("environments.dev.keep_previous=0").target() as forgetful:
        two = (await target.prepare_candidate(wanted)).release
        with traffic(serving) as seen:
            assert (await target.start_release(wanted)).ok
            assert set(seen) == {"200 one"}, seen
            await target.route(two)
            assert await target.read_routes() == {two}
            assert await target.probe(two) == ""
            await target.record_routing(current=two, previous=one, stable=two)
            assert (await verify_current(target)).outcome == "pass"
            # The release before is kept, so that going back starts nothing.
            assert await target.retire() == await target.retire()
            assert (await target.check_health(one)).ok
            await target.route(one)
            await target.record_routing(current=one, previous=two, stable=one)
            retired = await forgetful.retire()
            assert (retired.kept, retired.removed) == ("", (two,))
    assert set(seen) == {"200 one", "200 two"}, seen
    assert min(seen.values()) > 50
    state = await serving.state()
    assert (state.current.release, len(state.releases)) == (one, 1)


async def test_probe_names_what_users_reach_instead(serving: Agent) -> None:
    current = (await serving.state()).current.release
    async with serving.target() as target:
        assert await target.probe(current) == ""
        await target.route("")
        assert await target.probe(current) == "the edge routes to nothing"
        await target.route(current)
        assert await target.probe(current) == ""


async def test_own_traffic_is_enough_for_a_verdict(serving: Agent) -> None:
    async with serving.target() as target:
        before = await target.read_metrics()
        verdict = await verify_current(target)
        after = await target.read_metrics()
    assert verdict.outcome == "pass", verdict
    assert after.counters.since(before.counters).requests >= verdict.requests >= 10
    assert after.ended == before.ended


async def test_metrics_come_in_the_text_format_of_prometheus(serving: Agent) -> None:
    async with serving.target() as target:
        helper = await target._open_helper()
        (text,) = await read_edge_metrics(target.daemon, Names(serving.stack), helper)
    assert "caddy_http_request_duration_seconds" in text


async def test_routing_is_remembered_with_its_time(serving: Agent) -> None:
    state = await serving.state()
    current = state.current.release
    async with serving.target() as target:
        await target.record_routing(current=current, previous="web-before", stable="web-stable")
        again = await target.read_state()
        assert (again.previous.release, again.stable, again.since) == ("web-before", "web-stable", state.since)
        await target.record_routing(current=current, previous=state.previous.release, stable=state.stable)
    assert await serving.state() == state


@pytest.mark.full
async def test_edge_whose_port_the_host_itself_has_says_so(agent: Agent, images: Images) -> None:
    port = agent.stack.environment.edge.port
    async with agent.target() as target:
        with socket.create_server(("", port)), pytest.raises(NotReadyError) as failure:
            await target.prepare_candidate(ReleaseDescription(image=images.service("one"), version="1"))
    assert f"→ port {port} is taken: `sudo ss -ltnp` shows" in str(failure.value)
