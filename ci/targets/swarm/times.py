"""How long a deploy can take: the sum of its stages' time-outs, which the lock outlasts."""

import math

from ci.targets.protocol import Proof, Stack

# How long the edge and the database may take, in seconds: a new database makes its files first.
GROUND = 120
# How long a release that is there already may take to be found healthy.
STANDING = 5
# How long an edge may take to answer: one on a node that dies meanwhile is waited for until Swarm knows.
EDGE = 40
# For images on their way, and for the daemon's own answers, which have no limit of their own.
TRANSFERS = 900
# How much longer than the longest deploy its lock holds.
MARGIN = 60


def longest(stack: Stack, proof: Proof | None) -> float:
    """Return how many seconds a deploy may take; one that takes longer is ended and undone.

    The sum of: what every release stands on, the replicas' steps with the pauses between them, the proof, the switch
    and the way back, the watch, and images on their way.
    """
    environment = stack.environment
    steps = math.ceil(environment.replicas / (environment.update.parallelism or environment.replicas))
    candidate = steps * environment.health.timeout + (steps - 1) * environment.update.delay
    proving = proof.timeout if proof else 0
    switch = STANDING + EDGE
    return GROUND + candidate + proving + 2 * switch + environment.verify.window + TRANSFERS
