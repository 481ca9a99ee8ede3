"""Hints for known failures: what tools and daemons print, and one sentence about what to do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Before a hint. An engine prefixes its own hints in the same way, and then the pipeline adds none.
MARK = "→ "
KILLED = 137
# The line that stands for a kill by the kernel, which prints nothing itself.
OUT_OF_MEMORY = "killed: out of memory"

# The advice about memory where the limit is unknown.
MEMORY = "let it use less, or give it more"


@dataclass(frozen=True)
class Hint:
    """A hint, and the patterns of the failure; patterns with a group `what` come before those without one."""

    sentence: str
    # What replaces `{what}` where the pattern has no such group, and the format where it has one.
    default: str
    patterns: Sequence[str]
    format: str = "{}"


# The first match counts: an error about a registry's certificate also contains that a connection failed.
HINTS = (
    Hint(
        "this user may not use {what}: add the user to its group (`sudo usermod -aG docker $USER`, then log in "
        "again), or name another socket (DOCKER in .env, --docker; DOCKER_HOST)",
        "the Docker socket",
        (
            r"permission denied while trying to connect to the Docker \D+ at (?P<what>[^\s:]+://[^\s:]+)",
            r"(?P<what>/\S*\.sock)\b.*[Pp]ermission denied",
        ),
    ),
    Hint(
        "no Docker daemon answers at {what}: start it (`sudo systemctl start docker`), or name another socket (DOCKER "
        "in .env, --docker; DOCKER_HOST)",
        "that address",
        (r"Cannot connect to the Docker daemon at (?P<what>\S+?)\. ",),
    ),
    Hint(
        "the registry limits the requests of this address or user (429): wait, log in (`docker login`), or name a "
        "mirror's images in [images]",
        "",
        (r"toomanyrequests", r"429 Too Many Requests", r"pull rate limit"),
    ),
    Hint(
        "the registry denies access to {what}: give --registry-user and --registry-password (REGISTRYUSER and "
        "REGISTRYPASSWORD in .env) of a user with access; for an image of another registry, `docker login` there",
        "this repository",
        (
            r"pull access denied for (?P<what>[^\s,]+)",
            r"no basic auth credentials",
            r"\b(?:unauthorized|denied): (?:authenti|authori|access|requested|permission|incorrect|unauth|user|wrong)",
            r"insufficient_scope|failed to authorize",
            r"(?:unexpected|response) status.*: 40[13]\b",
        ),
    ),
    Hint(
        "the TLS certificate of {what} is signed by an unknown CA, such as that of a company's proxy: install the CA "
        "on this machine (/usr/local/share/ca-certificates/NAME.crt, then update-ca-certificates), for a registry "
        "also in Docker (/etc/docker/certs.d/HOST/ca.crt): see docs/infrastructure.md#certificates",
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
    Hint(
        "the proxy refused the connection: check HTTPS_PROXY, and NO_PROXY for the hosts that need no proxy, on this "
        "machine and for Docker's daemon",
        "",
        (
            r"proxyconnect tcp",
            r"Cannot connect to proxy|Unable to connect to proxy",
            r"tunnel error",
            r"407 Proxy Auth|[Rr]eceived HTTP code \d+ from proxy",
        ),
    ),
    Hint(
        "{what} cannot be resolved: check the name, the machine's DNS server (/etc/resolv.conf), and Docker's "
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
    Hint(
        "{what} is full, by bytes or by files (`df -h`, `df -i`), or a quota is: `docker system df` shows what Docker "
        "holds; `ci prune` (`dagger core engine local-cache prune`) and `docker image prune` free space",
        "the disk",
        (
            r"'?(?P<what>/[\w./-]+)'?: (?:[Nn]o space left on device|Disk quota exceeded)",
            r"[Nn]o space left on device",
            r"Disk quota exceeded",
        ),
    ),
    Hint(
        "{what} is taken: `sudo ss -ltnp` shows the process on this machine, `docker ps` the container; in a step, "
        "the step itself started a process with this port. Stop the process, or choose another port",
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
        format="port {}",
    ),
    Hint(
        "{what} does not run on this machine's processors{machine}: use an image or a download for these "
        "processors, or build one",
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
        format="the program or image ({})",
    ),
    Hint(
        # Docker's and Go's message for a registry that serves plain HTTP where the client uses TLS.
        "{what} serves no TLS: list it in Docker's insecure-registries (/etc/docker/daemon.json), or give it a "
        "certificate",
        "the registry",
        (r"https://(?P<what>[^/\"\s]+)[^\n]*HTTP response to HTTPS client", r"HTTP response to HTTPS client"),
    ),
    Hint(
        "the process ran out of memory: {memory}",
        "",
        (OUT_OF_MEMORY, r"(?m)^MemoryError\b", r"[Cc]annot allocate memory", r"heap out of memory"),
    ),
    Hint(
        "{what} does not answer: check that it runs, its name and its port, and firewalls and proxies on the way",
        "a server",
        (
            r"dial tcp (?P<what>[\w.:\[\]-]+): (?:connect: (?:connection refused|no route|.*timed)|i/o timeout)",
            r"[Ff]ailed to connect to (?P<what>\S+ port \d+)",
            r"host='(?P<what>[^']+)'[^\n]*(?:Connection refused|No route to host|timed out)",
            r"\(https?://(?P<what>[\w.:-]+)[^)]*\)(?:\n[^\n]*){0,4}(?:Connection refused|No route to host)",
        ),
    ),
)


def find_hint(text: str, *, exit_code: int = 0, memory: str = MEMORY, machine: str = "") -> str:
    """Return a line with the hint for the first known failure in a text; empty: the text shows no known failure.

    `memory` names the memory limit and how to raise it; `machine` names this machine's processors.
    """
    if MARK in text:
        return ""
    output = text if exit_code != KILLED else f"{text}\n{OUT_OF_MEMORY}"
    for hint in HINTS:
        for pattern in hint.patterns:
            if match := re.search(pattern, output):
                named = match.groupdict().get("what")
                what = hint.format.format(named) if named else hint.default
                there = f" ({machine})" if machine else ""
                return MARK + hint.sentence.format(what=what, memory=memory, machine=there)
    return ""


def with_hint(text: str) -> str:
    """Return a text with its hint behind it, where the text shows a known failure."""
    return " ".join(filter(None, (text, find_hint(text))))
