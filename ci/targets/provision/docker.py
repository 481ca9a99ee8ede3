"""Docker on a host, and the certificates that it checks the registry's with."""

import shlex

from ci.targets.errors import NotReadyError
from ci.targets.provision.machine import Machine

ANSWERS = "docker version --format '{{.Server.Version}}'"
# docker-cli: a package of its own since Debian 13, which docker.io merely recommends.
INSTALL = """
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 update -qq
packages='docker.io iptables ca-certificates'
[ -z "$(apt-cache search --names-only '^docker-cli$')" ] || packages="$packages docker-cli"
apt-get -o DPkg::Lock::Timeout=300 install -yqq --no-install-recommends $packages </dev/null
"""
START = """
if [ -d /run/systemd/system ]; then
    systemctl enable --now docker || { journalctl --no-pager -n 10 -u docker; exit 1; }
else
    service docker start </dev/null || { tail -n 10 /var/log/docker.log; exit 1; }
fi
"""
AWAIT = f"for attempt in $(seq 120); do {ANSWERS} 2>/dev/null && exit; sleep 0.5; done; {ANSWERS}"
CERTIFICATES = "/etc/docker/certs.d"


async def install(machine: Machine) -> None:
    """Make a Docker daemon answer: the one that is there, or Debian's.

    Raises:
        NotReadyError: There is none, and no apt-get either.
        DaemonError: It cannot be installed or started.
    """
    if await machine.succeeds(ANSWERS):
        machine.note_unchanged("docker", f"Docker {await machine.run(ANSWERS)} answers")
        return
    verb = "started"
    if not await machine.succeeds("command -v dockerd && command -v docker"):
        if not await machine.succeeds("command -v apt-get"):
            raise NotReadyError(f"{machine.name}: has neither Docker nor apt-get: install Docker there by hand")
        await machine.run(INSTALL)
        verb = "installed"
    # The package may have started it.
    if not await machine.succeeds(ANSWERS):
        await machine.run(START)
    machine.note_change("docker", f"{verb} Docker {await machine.run(AWAIT)}")


async def trust(machine: Machine, registry: str, certificates: str) -> None:
    """Let the daemon check a registry with these certificates; it reads them anew at each pull."""
    path = shlex.quote(f"{CERTIFICATES}/{registry}/ca.crt")
    there = await machine.run(f"cat {path} 2>/dev/null || true")
    if there == certificates.strip():
        machine.note_unchanged("registry CA", f"{registry} is trusted")
        return
    # Never half a file under this name.
    await machine.run(
        f"mkdir -p $(dirname {path}); cat >{path}.new; chmod 644 {path}.new; mv {path}.new {path}", certificates
    )
    machine.note_change("registry CA", f"{registry} is trusted now: {CERTIFICATES}/{registry}/ca.crt")
