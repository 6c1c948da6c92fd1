"""Slack's Web API: one session, one client, and every answer as data. Law: one attempt, no waiting, no exception.

The SDK's client is given no retry handler at all: its default one sends a post again after a lost connection
(two messages), and its rate limit handler would deliver an old text late.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any, TypeAlias

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.outcomes import Failure, failure

Answer: TypeAlias = Mapping[str, Any]

QUIET = logging.getLogger("adapters.slack.sdk")
"""What the SDK and Bolt say. At DEBUG they print whole messages and at INFO the body of a badly signed request, so
their own level is fixed here, whatever the rest of the program logs."""
QUIET.setLevel(logging.WARNING)
# Bolt finds SLACK_BOT_TOKEN in the environment by itself and then warns that it has a client already.
QUIET.addFilter(lambda record: "`token` will be unused" not in record.getMessage())


def session() -> aiohttp.ClientSession:
    """Connections are kept and shared. The outermost bound is the caller's own; these catch what hangs below it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=100, ttl_dns_cache=300, keepalive_timeout=20),
        timeout=aiohttp.ClientTimeout(total=30, sock_connect=10),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=True,
    )


def client(base_url: str, token: str | None, http: aiohttp.ClientSession | None) -> AsyncWebClient:
    made = AsyncWebClient(token=token, base_url=base_url, session=http, retry_handlers=[], logger=QUIET)
    # The SDK takes any proxy variable for any address, also for loopback; the session knows NO_PROXY.
    made.proxy = None
    return made


async def attempt(
    call: Awaitable[AsyncSlackResponse], *, within: float | None = None
) -> AsyncSlackResponse | Failure:
    """The answer, or what failed. Only the caller's cancellation leaves as an exception."""
    try:
        async with asyncio.timeout(within):
            return await call
    except (
        SlackClientError,
        aiohttp.ClientError,
        TimeoutError,
        OSError,
        ValueError,
        AttributeError,
    ) as error:
        # ValueError and AttributeError: the SDK trips over bodies that are no JSON object, see `outcomes`.
        return failure(error)


async def ask(call: Awaitable[AsyncSlackResponse], *, within: float | None = None) -> Answer | Failure:
    """The answer's body, or what failed."""
    response = await attempt(call, within=within)
    if isinstance(response, Failure):
        return response
    data = response.data
    return data if isinstance(data, Mapping) else Failure(response.status_code, "not_an_answer")
