"""The sandbox's Discord. Law: a client needs nothing but another base address to take it for Discord.

api_url      REST ("http://127.0.0.1:5002/api/v10")
gateway_url  the Gateway ("ws://127.0.0.1:5002/gateway"), as GET /gateway/bot tells it
cdn_url      attachments and avatars
"""

from __future__ import annotations

import socket
import struct
import time
import zlib

from aiohttp import web

from sandbox.clock import Clock
from sandbox.discord.bodies import REQUEST_MAX
from sandbox.discord.buckets import Buckets
from sandbox.discord.channels import Channels
from sandbox.discord.commands import Commands
from sandbox.discord.gateway import Gateway
from sandbox.discord.guild import Guild
from sandbox.discord.interactions import Interactions
from sandbox.discord.payloads import Messages
from sandbox.discord.people import People
from sandbox.discord.posts import Posts
from sandbox.discord.reactions import Reactions
from sandbox.discord.rest import Rest
from sandbox.discord.state import State, bot_token
from sandbox.discord.webhooks import Webhooks
from sandbox.discord.writing import Writing
from sandbox.faults import Faults
from sandbox.limits import Limits
from sandbox.record import Record

APPLICATION_ID = "1180000000000000001"
GUILD_ID = "1180000000000000002"


class DiscordServer(People):
    """One guild, its people and the bot, over HTTP and WebSocket.

    buckets   the switches of the rate limits (`rehash`, `hide`, `share_post_and_patch`)
    gateway   the switches of the Gateway (`disconnect`, `reconnect`, `invalidate`, `twice`, `lose`, `reverse` ...,
              `allowed_intents`, `compress`, `mute_acks`, `refuse_resumes`)
    faults    scripted faults by route, such as "PATCH /channels/{c}/messages/{m}"
    rest      `latency` of every call; `picky_user_agent`: refuse clients that do not name themselves as Discord asks
    """

    def __init__(self, clock: Clock, limits: Limits, record: Record) -> None:
        self._clock, self._limits, self._record = clock, limits, record
        self.application_id, self.guild_id, self.bot_id = APPLICATION_ID, GUILD_ID, APPLICATION_ID
        self.bot_name = "claude"
        self.mention = f"<@{APPLICATION_ID}>"
        self.state = State(GUILD_ID, APPLICATION_ID, APPLICATION_ID, self.bot_name)
        self.state.populate()
        self.faults = Faults()
        self.buckets = Buckets(clock, limits, record)
        self.gateway = Gateway(clock, self.state, self.buckets, record)
        self.bodies = Messages(self.state)
        self.posts = Posts(clock, self.state, self.bodies, self.gateway, record)
        self.interactions = Interactions(clock, self.state, self.bodies, self.gateway, record)
        self.rest = Rest(clock, self.buckets, self.faults, record)
        self.rest.about_token = self.interactions.about
        self.rest.add(
            Guild(self.state, self.gateway).routes()
            + Channels(self.state, self.posts).routes()
            + Writing(clock, self.state, self.buckets, self.gateway, self.posts, self.bodies).routes()
            + Reactions(self.state, self.posts).routes()
            + Webhooks(self.state, self.interactions, self.posts, self.bodies).routes()
            + Commands(self.state, record).routes()
        )
        self.bot_token = bot_token(self.bot_id)
        self.url = self.api_url = self.gateway_url = self.cdn_url = ""
        self._runner: web.AppRunner | None = None

    @property
    def bot_token(self) -> str:
        """Changing it is what a reset in the portal does: every call answers 401 from then on."""
        return self.rest.token

    @bot_token.setter
    def bot_token(self, token: str) -> None:
        self.rest.token = self.gateway.token = token

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes any that is free. The addresses are known afterwards."""
        app = web.Application(client_max_size=REQUEST_MAX)
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_get("/gateway/", self.gateway.serve)
        app.router.add_get("/cdn/{path:.+}", self._file)
        app.router.add_route("*", "/api/{path:.*}", self.rest.serve)
        # A client that hung up before its answer needs no log line: faults do that on purpose.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        listener = socket.create_server((host, port))
        await web.SockSite(self._runner, listener).start()
        at = f"{host}:{listener.getsockname()[1]}"
        self.url, self.api_url = f"http://{at}", f"http://{at}/api/v10"
        self.gateway_url, self.cdn_url = f"ws://{at}/gateway", f"http://{at}/cdn"
        self.gateway.url, self.bodies.cdn = self.gateway_url, self.cdn_url

    async def stop(self) -> None:
        """Close every connection and stop listening. Idempotent."""
        self.interactions.close()
        self.posts.close()
        await self.gateway.disconnect(1001)
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def connections(self) -> int:
        """How many identified clients are connected."""
        return sum(session.connection is not None for session in self.gateway.sessions.values())

    async def disconnect(self, code: int | None = None) -> None:
        """Drop the bot's Gateway connections, with a close code or (None) as a cable does."""
        await self.gateway.disconnect(code)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """Attachments, by their signed links, and a plain avatar for everybody."""
        parts = request.match_info["path"].split("/")
        if parts[0] != "attachments":
            return web.Response(body=_square(), content_type="image/png")
        channel = self.state.channels.get(parts[1]) if len(parts) == 4 else None
        held = [file for one in (channel.messages.values() if channel else ()) for file in one.attachments]
        found = next(
            (file for file in (*held, *self.state.loose.values()) if len(parts) == 4 and file.id == parts[2]),
            None,
        )
        ends = request.query.get("ex", "")
        try:
            fresh = int(ends, 16) > time.time()
        except ValueError:
            fresh = False
        if found is None or not fresh or found.filename != parts[3]:
            return web.Response(status=404, text="This content is no longer available.")
        kind = found.content_type or "application/octet-stream"
        return web.Response(body=found.data, headers={"Content-Type": kind})


def _square() -> bytes:
    """A PNG of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\x00\x80"))
        + chunk(b"IEND", b"")
    )
