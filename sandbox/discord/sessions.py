"""A Gateway session and the socket it is on. Law: a dispatch never waits for a socket.

Docs: events/gateway ("List of Intents", sharding, resuming), topics/opcodes-and-status-codes.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.discord.state import Json

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME = 0, 1, 2, 3, 4, 6
RECONNECT, MEMBERS, INVALID_SESSION, HELLO, ACK = 7, 8, 9, 10, 11

GUILDS, GUILD_MESSAGES, GUILD_REACTIONS, GUILD_TYPING = 1 << 0, 1 << 9, 1 << 10, 1 << 11
DIRECT_MESSAGES, DIRECT_REACTIONS, DIRECT_TYPING = 1 << 12, 1 << 13, 1 << 14
GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT = 1 << 1, 1 << 8, 1 << 15
PRIVILEGED = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT
ALL_INTENTS = (1 << 26) - 1 & ~(1 << 17 | 1 << 18 | 1 << 19 | 1 << 22 | 1 << 23)
EVERYTHING = ALL_INTENTS

# Event -> the intent that it needs in a guild, and in a DM (docs: "List of Intents").
NEEDS = {
    "MESSAGE_CREATE": (GUILD_MESSAGES, DIRECT_MESSAGES),
    "MESSAGE_UPDATE": (GUILD_MESSAGES, DIRECT_MESSAGES),
    "MESSAGE_DELETE": (GUILD_MESSAGES, DIRECT_MESSAGES),
    "MESSAGE_DELETE_BULK": (GUILD_MESSAGES, DIRECT_MESSAGES),
    "MESSAGE_REACTION_ADD": (GUILD_REACTIONS, DIRECT_REACTIONS),
    "MESSAGE_REACTION_REMOVE": (GUILD_REACTIONS, DIRECT_REACTIONS),
    "MESSAGE_REACTION_REMOVE_ALL": (GUILD_REACTIONS, DIRECT_REACTIONS),
    "MESSAGE_REACTION_REMOVE_EMOJI": (GUILD_REACTIONS, DIRECT_REACTIONS),
    "TYPING_START": (GUILD_TYPING, DIRECT_TYPING),
    "INTERACTION_CREATE": (0, 0),
}
# A session keeps this many events for a RESUME; Discord's own number is not published.
REPLAY_MAX = 2000


@dataclass(slots=True, eq=False)
class Session:
    """One identified client. `events` are (sequence number, event, data), the last REPLAY_MAX of them."""

    id: str
    intents: int
    shard: tuple[int, int] | None
    seq: int = 0
    events: deque[tuple[int, str, Json]] = field(default_factory=lambda: deque(maxlen=REPLAY_MAX))
    connection: Connection | None = None
    left_at: float = 0.0

    def takes(self, guild_id: str | None) -> bool:
        """Whether this shard is the guild's; DMs and what belongs to no guild go to shard 0."""
        if self.shard is None:
            return True
        index, count = self.shard
        return index == ((int(guild_id) >> 22) % count if guild_id else 0)


@dataclass(slots=True, eq=False)
class Connection:
    """One WebSocket. `sending` carries frames to its writer, so that a dispatch never waits for a socket."""

    socket: web.WebSocketResponse
    request: web.Request
    name: str
    deflate: Any = None
    sending: asyncio.Queue[Json] = field(default_factory=asyncio.Queue)
    session: Session | None = None
    beat: float = 0.0

    def send(self, op: int, data: Any, *, seq: int | None = None, event: str | None = None) -> None:
        self.sending.put_nowait({"op": op, "d": data, "s": seq, "t": event})

    async def write(self) -> None:
        """Send what is queued until the socket closes."""
        while not self.socket.closed:
            text = json.dumps(await self.sending.get(), separators=(",", ":"))
            try:
                if self.deflate is None:
                    await self.socket.send_str(text)
                else:
                    data = self.deflate.compress(text.encode())
                    await self.socket.send_bytes(data + self.deflate.flush(zlib.Z_SYNC_FLUSH))
            except (ConnectionError, RuntimeError):
                return  # the client went away; its session keeps the event for a RESUME
