"""discord.py's client as we want it: few intents, no caches of people or messages, our own readers of our events.

Law: no payload ends the connection; one that cannot be read is one line in the log, without its words.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import aiohttp
import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route

_log = logging.getLogger(__name__)

SILENCE_SECONDS: Final = 60.0
"""A connection on which nothing came for so long, not even the answer to a heartbeat (every 41 s), is a dead one."""

GOODBYE_SECONDS: Final = 2.0
"""For a closing handshake. discord.py waits half a minute for it, and hears nothing meanwhile: after a RECONNECT or an
INVALID SESSION, too."""

Handler: TypeAlias = Callable[[Mapping[str, Any]], None]


def intents(*, content: bool) -> discord.Intents:
    """No more than what is used: guilds and channels, messages and reactions there and in direct conversations, and what
    the messages say.
    """
    wanted = discord.Intents.none()
    wanted.guilds = True
    wanted.guild_messages = True
    wanted.dm_messages = True
    wanted.guild_reactions = True
    wanted.dm_reactions = True
    wanted.message_content = content
    return wanted


def point_at(api_url: str) -> None:
    """Discord's address for discord.py's REST calls. A class attribute, so for the whole process: two platforms of one
    process cannot log in at two addresses at once. Nothing else of discord.py is pointed anywhere: the Gateway's
    address is asked of the API and handed over with each connection.
    """
    Route.BASE = api_url


class Socket(DiscordWebSocket):
    """discord.py's connection, which leaves soon and takes a RESUMED that says nothing."""

    _said = ""

    def log_receive(self, said: Any, /) -> None:
        """discord.py tells here what it is about to read, as text."""
        self._said = said

    async def received_message(self, msg: Any, /) -> None:
        try:
            await super().received_message(msg)
        except TypeError:
            # discord.py writes into what RESUMED says, for which Discord documents no field.
            payload = json.loads(self._said)
            if payload.get("t") != "RESUMED" or payload.get("d") is not None:
                raise
            await super().received_message(json.dumps({**payload, "d": {}}))

    async def close(self, code: int = 4000) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await super().close(code)


class Client(discord.Client):
    """discord.py's client with its parsers guarded, and those of our events replaced by ours.

    `_connection.parsers` is discord.py's table from event name to parser (private, unchanged since 1.0, held by
    tests/adapters/test_discord_gateway.py).
    """

    def __init__(
        self,
        *,
        content: bool,
        trace: aiohttp.TraceConfig,
        handlers: Mapping[str, Handler],
        heard: Callable[[str], None],
    ) -> None:
        super().__init__(
            intents=intents(content=content),
            allowed_mentions=discord.AllowedMentions.none(),
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            # Waiting for the last guild is for bots that count them; a task that outlives a close is the price.
            guild_ready_timeout=0.0,
            max_ratelimit_timeout=30.0,
            heartbeat_timeout=SILENCE_SECONDS,
            http_trace=trace,
        )
        self._heard = heard
        parsers = self._connection.parsers
        for name in {*parsers, *handlers}:
            parsers[name] = self._guarded(name, handlers.get(name) or parsers[name])

    def _guarded(self, name: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
        def guarded(data: Any) -> None:
            try:
                parse(data)
            except Exception as trouble:  # noqa: BLE001  # one payload that cannot be read must not end the connection
                # The exception's text may quote the payload: its type is all that is told.
                _log.warning("a %s event could not be read: %s", name, type(trouble).__name__)
            else:
                self._heard(name)

        return guarded

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Nothing: pauses before an IDENTIFY are the loop's."""
