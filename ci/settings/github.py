"""`[github]`: the repository whose reviewers' approvals count."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from ci.frozen import FrozenModel
from ci.settings.values import checked_url


def _checked_slug(slug: str) -> str:
    if not re.fullmatch(r"([A-Za-z0-9_-]+/[A-Za-z0-9._-]+)?", slug):
        raise ValueError("must be OWNER/NAME, like team/orders")
    return slug


def _checked_api(address: str) -> str:
    split = urlsplit(checked_url(address))
    if split.scheme != "https" and not (split.scheme == "http" and _is_private(split.hostname or "")):
        raise ValueError("must start with https://, since a token goes there; http:// only with a private IP address")
    return address.rstrip("/")


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _checked_branch(branch: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}", branch):
        raise ValueError("must be a branch's name, like main")
    return branch


class Github(FrozenModel):
    """`[github]`: the repository and branch of the workflows, and the API that is asked about their runs."""

    repository: Annotated[str, AfterValidator(_checked_slug)] = ""
    """OWNER/NAME of the repository whose approvals count; empty: approvals on GitHub do not count."""
    branch: Annotated[str, AfterValidator(_checked_branch)] = "main"
    """The branch of the workflows that deploy."""
    api: Annotated[str, AfterValidator(_checked_api)] = "https://api.github.com"
    """The API's address; a GitHub Enterprise Server has `https://HOST/api/v3`."""
