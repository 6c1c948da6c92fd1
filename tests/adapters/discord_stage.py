"""A sandbox Discord with the adapter connected to it, for the tests of what only Discord has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adapters.discord.platform import DiscordPlatform
from bot.ports import Bucket, Content, Control, Event, Incoming, Place, Ref, Sent
from sandbox.clock import Clock
from sandbox.discord.server import DiscordServer
from sandbox.limits import Limits
from sandbox.record import Entry, Record

E = TypeVar("E", bound=Event)

WITHIN = 20.0  # seconds; a bound for what would otherwise hang

POST = "POST /channels/{c}/messages"
PATCH = "PATCH /channels/{c}/messages/{m}"
ORIGINAL = "PATCH /webhooks/{a}/{t}/messages/@original"
FOLLOW_UP = "POST /webhooks/{a}/{t}"
CALLBACK = "POST /interactions/{i}/{t}/callback"
TYPING = "POST /channels/{c}/typing"
DELETE = "DELETE /channels/{c}/messages/{m}"


class Heard:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.spendings: list[str] = []
        self.refusals: list[tuple[str, float]] = []
        self.figures: list[tuple[str, int, int, float]] = []

    def spent(self, bucket: Bucket) -> None:
        self.spendings.append(bucket.key)

    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None:
        self.figures.append((bucket.key, limit, remaining, reset_after))

    def refused(self, bucket: Bucket, retry_after: float) -> None:
        self.refusals.append((bucket.key, retry_after))


@dataclass
class Stage:
    server: DiscordServer
    platform: DiscordPlatform
    clock: Clock
    limits: Limits
    record: Record
    meter: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        self.ada = self.server.state.person("Ada").id
        self.linus = self.server.state.person("Linus").id
        self.general = self.server.state.channel("general").id
        self.random = self.server.state.channel("random").id
        self.direct = self.server.state.open_dm(self.ada).id

    async def connect(self) -> None:
        await self.platform.connect(self.meter)
        self._events = self.platform.events().__aiter__()

    async def next(self, kind: type[E]) -> E:
        """The next event, which has to be of this kind."""
        async with asyncio.timeout(WITHIN):
            event = await anext(self._events)
        assert isinstance(event, kind), event
        return event

    async def addressed(self) -> Incoming:
        """The next thing that was said to the bot, past what it only overheard."""
        while (heard := await self.next(Incoming)).how == "overheard":
            pass
        return heard

    async def ask(self, text: str = "why?", *, channel: str = "") -> Incoming:
        await self.server.say(self.ada, channel or self.general, f"{self.server.mention} {text}")
        return await self.addressed()

    async def command(self, text: str = "why?", *, channel: str = "") -> Incoming:
        await self.server.command(self.ada, channel or self.general, "ask", text)
        return await self.next(Incoming)

    async def post(self, place: Place, text: str = "one", *, key: str = "k1", reply: str = "r1") -> Ref:
        sent = await self.platform.post(place, content(text, reply=reply), key=key)
        assert isinstance(sent, Sent), sent
        return sent.ref

    def text(self, ref: Ref) -> str:
        """What stands in the message now."""
        return str(self.shown(ref)["text"])

    def shown(self, ref: Ref) -> dict[str, Any]:
        return next(m for m in self.server.messages(ref.channel) if m["id"] == ref.message)

    def by_the_bot(self, channel: str) -> list[dict[str, Any]]:
        return [m for m in self.server.messages(channel) if m["author"] == self.server.bot_id]

    def calls(self, method: str) -> list[Entry]:
        return self.record.entries("call", "discord", method=method)

    def gateway(self, event: str) -> list[Entry]:
        return self.record.entries("event", "discord", event=event)


def content(
    text: str,
    *,
    stop: bool = False,
    reply: str = "r1",
    controls: tuple[Control, ...] = (),
    labels: tuple[str, ...] = (),
) -> Content:
    return Content(text, (Control.STOP,) if stop else controls, reply, labels)


@asynccontextmanager
async def staged(*, connect: bool = True, ping_asker: bool = True) -> AsyncIterator[Stage]:
    """The server runs and the adapter is connected; afterwards both are closed, and no task of ours is left."""
    clock = Clock()
    limits, record = Limits(), Record(clock)
    server = DiscordServer(clock, limits, record)
    await server.start()
    before = asyncio.all_tasks()
    platform = DiscordPlatform(token=server.bot_token, api_url=server.api_url, ping_asker=ping_asker)
    stage = Stage(server, platform, clock, limits, record)
    try:
        if connect:
            await stage.connect()
        yield stage
    finally:
        await platform.close()
        left = [task for task in asyncio.all_tasks() - before if "/adapters/" in _file(task)]
        await server.stop()
    assert not left, f"closed, and still running: {left}"


def _file(task: asyncio.Task[Any]) -> str:
    code = getattr(task.get_coro(), "cr_code", None)
    return code.co_filename if code is not None else ""
