"""Descriptions of the edge and of the helper container."""

import json
import re
from collections.abc import Mapping

from ci import edge
from ci.targets.stack import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.names import Names
from ci.targets.swarm.specs.parts import (
    NANO,
    NO_PRIVILEGES,
    Reference,
    Spec,
    digest_of,
    drop_privileges,
    mount_config,
    mount_volume,
    rotate_logs,
    service,
)
from ci.targets.swarm.specs.readiness import READINESS

EDGE_START = "edge-start"
# Labels of a helper container: its stack, and whether its run holds the lock.
HELPER = "slipway.helper"
HELPER_OF_LOCK = "slipway.helper-of-lock"
# The edge's own address on the stack's network. Its container has another one, which every process of its host reaches.
INSIDE = "SLIPWAY_INSIDE"
# Before the time at which a configuration was given to the edges, in microseconds; an "@id" means nothing to Caddy.
STAMP = "slipway-"
# An edge starts with the newest configuration, its own or a peer's, so that a node that was away routes to no removed
# release; without any, the edge routes to no release.
RUN = """
memory="${{XDG_CONFIG_HOME:-$HOME/.config}}/caddy/autosave.json"
mkdir -p "${{memory%/*}}"
stamp() {{ sed -n 's/.*"@id": *"{stamp}\\([0-9]*\\)".*/\\1/p' "$1" 2>/dev/null | grep . || echo 0; }}
for peer in $(getent ahosts {edges} | cut -d ' ' -f 1 | sort -u); do
    wget -q -T 2 -O /tmp/peer.json "http://$peer:{port}/config/" || continue
    [ "$(stamp /tmp/peer.json)" -le "$(stamp "$memory")" ] || cp /tmp/peer.json "$memory"
done
export {inside}=$(hostname -i | cut -d ' ' -f 1)
# Without its readiness check an edge would route by an old list: it ends with the check, and Swarm starts it anew.
(sh -c "$1" readiness "$memory"; kill $$) &
exec caddy run --resume --config /etc/caddy/start.json
"""


def edge_service(stack: Stack, image: str, start: Reference, sysctls: Mapping[str, str]) -> Spec:
    """Describe the edge, one on every node: each publishes the port of its own node."""
    names, port = Names(stack), stack.environment.edge.port
    run = RUN.format(inside=INSIDE, stamp=STAMP, edges=n.host(n.EDGE), port=edge.ADMIN_PORT)
    container = {
        "Image": image,
        "Command": ["sh", "-c", run, "edge", READINESS],
        "Configs": [mount_config(start, "/etc/caddy/start.json")],
        "Mounts": [mount_volume(names, "edge-config", "/config"), mount_volume(names, "edge-data", "/data")],
        "StopGracePeriod": 30 * NANO,
        "Sysctls": dict(sysctls),
        # Caddy's file carries this capability, so that a container without it could not even start it.
        **drop_privileges("CAP_NET_BIND_SERVICE"),
    }
    spec = service(names, n.EDGE, container, [names.network]) | {"Mode": {"Global": {}}}
    spec["EndpointSpec"]["Ports"] = [
        {"Protocol": "tcp", "TargetPort": port, "PublishedPort": port, "PublishMode": "host"}
    ]
    spec["TaskTemplate"] |= rotate_logs(stack)
    # A port of the host cannot be taken twice: the old one has to go first.
    spec["UpdateConfig"] = {"Parallelism": 1, "Order": "stop-first"}
    spec["Labels"][n.SPEC] = digest_of(spec)
    return spec


def edge_sysctls(kernel: str) -> dict[str, str]:
    """Return what the edge needs of a kernel such as `6.1.0-28-amd64`.

    At a reload Caddy opens its port anew and closes the old socket. Connections that wait there to be accepted would be
    reset, unless the kernel hands them to the new one, which Linux can since 5.14.
    """
    version = tuple(int(part) for part in re.findall(r"\d+", kernel)[:2])
    return {"net.ipv4.tcp_migrate_req": "1"} if version >= (5, 14) else {}


def edge_start(stack: Stack) -> str:
    """Return the configuration of a new edge."""
    return with_private_admin(edge.empty_config(stack.environment.edge.port))


def with_private_admin(config: str) -> str:
    """Restrict an edge's administration port to the stack's network."""
    changed = json.loads(config)
    changed["admin"]["listen"] = f"{{env.{INSIDE}}}:{edge.ADMIN_PORT}"
    return json.dumps(changed, sort_keys=True)


def helper(stack: Stack, image: str, seconds: int, *, locked: bool) -> Spec:
    """Describe a helper container on the stack's network; the container ends by itself."""
    names = Names(stack)
    return {
        "Image": image,
        "Entrypoint": ["sleep", str(seconds)],
        "Labels": {**names.owner, HELPER: names.namespace, HELPER_OF_LOCK: str(locked).lower()},
        "HostConfig": {"NetworkMode": names.network, "AutoRemove": True, "Init": True, **NO_PRIVILEGES},
    }
