"""Docker Swarm as the place where a service lives."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ci.targets import protocol as p
from ci.targets.daemon import Daemon
from ci.targets.swarm.deploying import deploy
from ci.targets.swarm.images import push
from ci.targets.swarm.locking import lock, unlock
from ci.targets.swarm.preflight import preflight
from ci.targets.swarm.proving import prove
from ci.targets.swarm.recovery import handle_recover
from ci.targets.swarm.releases import candidate, discard, retire
from ci.targets.swarm.removal import remove
from ci.targets.swarm.rolling_back import rollback
from ci.targets.swarm.secrets import list_secrets, put_secret
from ci.targets.swarm.state import state
from ci.targets.swarm.switching import switch, switch_back
from ci.targets.swarm.watching import measure, watch

PHASES: Mapping[type[p.Request], Callable[[Daemon, Any], Awaitable[Any]]] = {
    p.Preflight: preflight,
    p.Push: push,
    p.Lock: lock,
    p.Unlock: unlock,
    p.Candidate: candidate,
    p.Prove: prove,
    p.Deploy: deploy,
    p.Rollback: rollback,
    p.Switch: switch,
    p.Watch: watch,
    p.Metrics: measure,
    p.Retire: retire,
    p.SwitchBack: switch_back,
    p.Discard: discard,
    p.Recover: handle_recover,
    p.State: state,
    p.PutSecret: put_secret,
    p.ListSecrets: list_secrets,
    p.Remove: remove,
}


async def handle(daemon: Daemon, request: p.AnyRequest) -> p.AnyOutcome:
    """Carry out a request on a swarm."""
    outcome: p.AnyOutcome = await PHASES[type(request)](daemon, request)
    return outcome
