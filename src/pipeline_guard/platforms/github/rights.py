"""Tells whether our token or App may re-run jobs in a repository, as far as GitHub says."""

from typing import Final

from pipeline_guard.errors import NotAuthorized, NotFound, PlatformError
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.read import dig

NO_RUN: Final = 0
"""No run has this number: what is asked of it changes nothing, and is refused in telling ways."""
NEEDED: Final = "the permission Actions: write"


async def missing_right(client: Client, repository: str) -> str | None:
    """What is lacking to re-run there; None when nothing is, or GitHub does not tell."""
    if client.credentials.is_app:
        return await _of_app(client, repository)
    answer = await client.get(repository, f"/repos/{repository}")
    rights = dig(answer.data, "permissions")
    if isinstance(rights, dict) and rights.get("push") is False:
        return "write access of the token's owner"
    told = answer.headers.get("x-oauth-scopes", "")
    scopes = {item.strip() for item in told.split(",")} - {""}
    if not scopes:  # a fine-grained token: GitHub names its permissions nowhere
        return await _probe(client, repository)
    enough = {"repo"} if dig(answer.data, "private") else {"repo", "public_repo"}
    return None if scopes & enough else "the token's scope repo"


async def _of_app(client: Client, repository: str) -> str | None:
    granted = await client.granted(repository)
    if granted is None or granted.get("actions") in ("write", "admin"):
        return None
    return NEEDED


async def _probe(client: Client, repository: str) -> str | None:
    """Ask for the cancelling of a run that there is not: 404 tells that we might have."""
    try:
        await client.send("POST", repository, f"/repos/{repository}/actions/runs/{NO_RUN}/cancel")
    except NotAuthorized:
        return NEEDED
    except NotFound:
        return None
    except PlatformError as error:
        if error.worth_retry:
            raise
    return None
