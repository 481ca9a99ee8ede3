"""What a build is called when nobody names it."""

import dagger


async def version_of(service: dagger.Directory) -> str:
    """Return `dev-` and twelve digits of the sources' digest: the same sources have the same version, and image."""
    digest = await service.digest()
    return f"dev-{digest.removeprefix('sha256:')[:12]}"
