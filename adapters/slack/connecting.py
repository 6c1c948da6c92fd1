"""Coming into a workspace. Law: a typing error is said at once, in a sentence that names the setting; an incident is waited
out for a minute.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import scopes, web
from adapters.slack.line import pause
from adapters.slack.outcomes import REFUSED, Failure
from adapters.slack.payloads import Identity, text
from bot.ports import ConnectError

log = logging.getLogger(__name__)

CONNECT_PATIENCE = (
    60.0  # Slack's own incidents last longer, but whoever starts a bot wants to hear of a typing error
)
AUTH_SECONDS = 10.0


async def introduce(client: AsyncWebClient, api_url: str, *, agent: bool) -> tuple[Identity, tuple[str, ...]]:
    """(who we are, the scopes that are missing); also the proof that the token is good."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CONNECT_PATIENCE
    attempt = 0
    while isinstance(response := await web.attempt(client.auth_test(), within=AUTH_SECONDS), Failure):
        attempt += 1
        if is_final(response):
            raise ConnectError(
                f"Slack refused the bot token ({response.code}). SLACK_BOT_TOKEN is the Bot User OAuth Token "
                "(xoxb-...) of an app that is installed in the workspace."
            )
        await patiently(response, attempt, deadline, f"Slack could not be reached at {api_url}")
    data = response.data if isinstance(response.data, Mapping) else {}
    team, user = text(data, "team_id"), text(data, "user_id")
    if not team or not user:
        raise ConnectError(f"{api_url} does not answer as Slack does: auth.test named no team and no user.")
    lacking = scopes.missing(response.headers.get("x-oauth-scopes"))
    if lacking:
        log.warning("the app lacks scopes", extra={"missing": list(lacking)})
    bot, handle, organisation = (text(data, name) for name in ("bot_id", "user", "enterprise_id"))
    return Identity(team, user, bot, handle, organisation, agent), lacking


def is_final(failed: Failure) -> bool:
    """Slack has said no to us, rather than not now: trying again while nobody mends it is no use."""
    said_no = failed.status == 200 and failed.applied is False and failed.code not in REFUSED
    return said_no or (400 <= failed.status < 500 and failed.status not in (408, 429))


async def patiently(failed: Failure, attempt: int, deadline: float, sentence: str) -> None:
    """Before the next attempt to connect, or a ConnectError if that would be too late."""
    length = pause(attempt) if failed.retry_after is None else failed.retry_after
    if asyncio.get_running_loop().time() + length > deadline:
        raise ConnectError(
            f"{sentence} ({failed.code}), {attempt} attempts. Is the network there, and Slack?"
        )
    log.warning(
        "not connected yet", extra={"code": failed.code, "attempt": attempt, "again_in": round(length, 1)}
    )
    await asyncio.sleep(length)
