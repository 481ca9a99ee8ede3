"""Known causes of failures, by what tools and daemons say: what it is and what to do about it, in a sentence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Before a sentence of advice; an engine that gives one itself puts it before its own, and then there is no second one.
MARK = "→ "
KILLED = 137
# What a process is killed for, by those who can tell.
OUT_OF_MEMORY = "killed: out of memory"

# What to do about memory, where nothing is known of a limit.
MEMORY = "let it use less, or give it more"


@dataclass(frozen=True)
class Cause:
    """A cause; the patterns that tell what it is about, as a group `what`, stand before those that do not."""

    advice: str
    # What it is about where nothing tells, and how that is written where something does.
    something: str
    patterns: Sequence[str]
    written: str = "{}"


# The first that fits counts: what is said of a registry's certificate also says that a connection failed.
CAUSES = (
    Cause(
        "{what} may not be used by this user: let them into its group (`sudo usermod -aG docker $USER`, then log in "
        "again), or name another socket (DOCKER in .env, --docker; DOCKER_HOST)",
        "the Docker socket",
        (
            r"permission denied while trying to connect to the Docker \D+ at (?P<what>[^\s:]+://[^\s:]+)",
            r"(?P<what>/\S*\.sock)\b.*[Pp]ermission denied",
        ),
    ),
    Cause(
        "no Docker daemon answers at {what}: start it (`sudo systemctl start docker`), or name another socket (DOCKER "
        "in .env, --docker; DOCKER_HOST)",
        "that address",
        (r"Cannot connect to the Docker daemon at (?P<what>\S+?)\. ",),
    ),
    Cause(
        "the registry has had enough requests from this address or user for now (429): wait, log in (`docker login`), "
        "or name the images of a mirror in [images]",
        "",
        (r"toomanyrequests", r"429 Too Many Requests", r"pull rate limit"),
    ),
    Cause(
        "the registry does not let us use {what}: give --registry-user and --registry-password (REGISTRYUSER and "
        "REGISTRYPASSWORD in .env) of a user who may; for an image of another registry, `docker login` there",
        "this repository",
        (
            r"pull access denied for (?P<what>[^\s,]+)",
            r"no basic auth credentials",
            r"\b(?:unauthorized|denied): (?:authenti|authori|access|requested|permission|incorrect|unauth|user|wrong)",
            r"insufficient_scope|failed to authorize",
            r"(?:unexpected|response) status.*: 40[13]\b",
        ),
    ),
    Cause(
        "{what} shows a certificate of a CA that is not known here, as a company's proxy that looks into TLS does: "
        "give this machine that CA (/usr/local/share/ca-certificates/NAME.crt, then update-ca-certificates), and for a "
        "registry Docker too (/etc/docker/certs.d/HOST/ca.crt): see docs/infrastructure.md#certificates",
        "a server",
        (
            r"https://(?P<what>[\w.:-]+)[^\n]*(?:x509: certificate signed by|x509: .*unknown|certificate verif)",
            r"host='(?P<what>[^']+)'[^\n]*certificate verify failed: (?:unable to get|self.signed)",
            r"\(https://(?P<what>[\w.:-]+)[^)]*\)(?:\n[^\n]*){0,3}invalid peer certificate: UnknownIssuer",
            r"x509: certificate signed by unknown authority",
            r"certificate verify failed: (?:unable to get|self.signed)",
            r"invalid peer certificate: UnknownIssuer",
            r"SSL certificate problem: (?:unable to get|self.signed)",
            r"server certificate verification failed",
            r"SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT",
            r"Certificate verification failed: The certificate is NOT trusted",
        ),
    ),
    Cause(
        "the proxy did not let it through: look at HTTPS_PROXY, and at NO_PROXY for what is reached without it, here "
        "and for Docker's daemon",
        "",
        (
            r"proxyconnect tcp",
            r"Cannot connect to proxy|Unable to connect to proxy",
            r"tunnel error",
            r"407 Proxy Auth|[Rr]eceived HTTP code \d+ from proxy",
        ),
    ),
    Cause(
        "{what} has no address here: look at the name, at the machine's DNS server (/etc/resolv.conf), and at Docker's "
        '("dns" in /etc/docker/daemon.json)',
        "a host",
        (
            r"lookup (?P<what>[\w.-]+)(?: on \S+)?: (?:no such host|server misbehaving|Temporary failure|i/o timeout)",
            r"[Cc]ould not resolve (?:host(?:name)?:? |proxy: )?'?(?P<what>[\w.-]+)",
            r"bad address '(?P<what>[^']+)'",
            r"(?:Temporary failure resolving|Failed to resolve) '(?P<what>[^']+)'",
            r"unable to resolve host address .(?P<what>[\w.-]+)",
            r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (?P<what>\S+)",
            r"\(https?://(?P<what>[\w.-]+)[^)]*\)(?:\n[^\n]*){0,4}(?:dns error|lookup address information)",
            r"Name or service not known",
            r"Temporary failure in name resolution",
            r"No address associated with hostname",
        ),
    ),
    Cause(
        "{what} is full, by bytes or by files (`df -h`, `df -i`), or a quota is: `docker system df` tells what Docker "
        "holds; `ci prune` (`dagger core engine local-cache prune`) and `docker image prune` free some of it",
        "the disk",
        (
            r"'?(?P<what>/[\w./-]+)'?: (?:[Nn]o space left on device|Disk quota exceeded)",
            r"[Nn]o space left on device",
            r"Disk quota exceeded",
        ),
    ),
    Cause(
        "{what} is taken: `sudo ss -ltnp` tells by what on this machine, `docker ps` by which container; in a step, "
        "something that it started itself has it. End that, or choose another port",
        "a port",
        (
            r"Bind for \S+:(?P<what>\d+) failed: port is already allocated",
            r"listen \w+ \S*:(?P<what>\d+): bind: address already in use",
            r"bind on address \('[^']*', (?P<what>\d+)",
            r"EADDRINUSE: address already in use \S*:(?P<what>\d+)",
            r"bind\(\) to \S+:(?P<what>\d+) failed \(98",
            r"host-mode port already in use",
            r"[Aa]ddress already in use",
            r"port is already allocated",
        ),
        written="port {}",
    ),
    Cause(
        "{what} is for other processors than those that it was to run on{machine}: use an image or a download for "
        "those, or build it for them",
        "a program",
        (
            r"does not match the specified platform: (?P<what>wanted [\w/]+, actual: [\w/]+)",
            r"no matching manifest for (?P<what>[\w/]+)",
            r"exec (?P<what>/\S+): exec format error",
            r"(?P<what>/\S+): (?:cannot execute binary file|[Ee]xec format error)",
            r"[Ee]xec format error: '(?P<what>[^']+)'",
            r"[Ee]xec format error",
            r"unsupported platform",
        ),
        written="what was asked for ({})",
    ),
    Cause(
        # A registry that is asked with TLS and has none; Docker says so, and so do Go's tools.
        "{what} speaks without TLS: name it in Docker's insecure-registries (/etc/docker/daemon.json), or give it a "
        "certificate",
        "the registry",
        (r"https://(?P<what>[^/\"\s]+)[^\n]*HTTP response to HTTPS client", r"HTTP response to HTTPS client"),
    ),
    Cause(
        "it needed more memory than it had: {memory}",
        "",
        (OUT_OF_MEMORY, r"(?m)^MemoryError\b", r"[Cc]annot allocate memory", r"heap out of memory"),
    ),
    Cause(
        "{what} does not answer: is it running, is this its name and port, and do a firewall or a proxy let us there?",
        "a server",
        (
            r"dial tcp (?P<what>[\w.:\[\]-]+): (?:connect: (?:connection refused|no route|.*timed)|i/o timeout)",
            r"[Ff]ailed to connect to (?P<what>\S+ port \d+)",
            r"host='(?P<what>[^']+)'[^\n]*(?:Connection refused|No route to host|timed out)",
            r"\(https?://(?P<what>[\w.:-]+)[^)]*\)(?:\n[^\n]*){0,4}(?:Connection refused|No route to host)",
        ),
    ),
)


def advice(text: str, *, exit_code: int = 0, memory: str = MEMORY, machine: str = "") -> str:
    """Return a line with a sentence about the cause that a text tells of; empty: it tells of none that is known.

    `memory` says which limit was met and how it is raised, `machine` which processors there are.
    """
    if MARK in text:
        return ""
    said = text if exit_code != KILLED else f"{text}\n{OUT_OF_MEMORY}"
    for cause in CAUSES:
        for pattern in cause.patterns:
            if found := re.search(pattern, said):
                named = found.groupdict().get("what")
                what = cause.written.format(named) if named else cause.something
                there = f" ({machine})" if machine else ""
                return MARK + cause.advice.format(what=what, memory=memory, machine=there)
    return ""


def advised(text: str) -> str:
    """Return a text with advice behind it, where there is some."""
    return " ".join(filter(None, (text, advice(text))))
