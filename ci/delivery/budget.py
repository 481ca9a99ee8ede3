"""How long a delivery may take: the sum of its stages' time budgets, which its lock outlasts."""

import math

from ci.settings import Environment

# Seconds for the shared parts: a new database creates its files first.
SHARED_PARTS = 120
# Seconds for one switch: a running release is checked, then every replica of the edge takes its configuration.
SWITCH = 45
# Seconds for images on their way, and for the target's own answers, which have no limit of their own.
TRANSFERS = 900
# Seconds by which the lock outlasts the longest delivery.
MARGIN = 60


def time_budget(environment: Environment, test_timeout: float = 300) -> float:
    """Return the seconds that a delivery may take; a longer one is ended and undone.

    The sum of the shared parts, the replicas' steps with the pauses between them, the tests, the switch and the way
    back, the verify window, and images on their way.
    """
    steps = math.ceil(environment.replicas / (environment.update.parallelism or environment.replicas))
    candidate = steps * environment.health.timeout + (steps - 1) * environment.update.delay
    return SHARED_PARTS + candidate + test_timeout + 2 * SWITCH + environment.verify.window + TRANSFERS
