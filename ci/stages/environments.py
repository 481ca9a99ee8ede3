"""Every environment's target, asked at once; one that cannot be asked does not keep the others from answering."""

from functools import partial

from ci.settings import Settings
from ci.stages.credentials import Credentials
from ci.stages.errors import StageFailed
from ci.stages.target import Target
from ci.stages.together import together
from ci.targets.protocol import Described, State


async def states(settings: Settings, credentials: Credentials) -> dict[str, Described | str]:
    """Return what each environment's target says of itself, or why it could not be asked."""

    async def state(name: str) -> Described | str:
        try:
            return await Target(settings, name, credentials).ask(State, Described)
        except StageFailed as error:
            return str(error)

    return await together({name: partial(state, name) for name in settings.environments})
