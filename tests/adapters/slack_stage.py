"""A sandbox Slack with the adapter connected to it, for the tests of what only Slack has."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from adapters.slack.platform import SlackPlatform
from bot.ports import Bucket, Content, Event, Incoming, Outcome, Place, Ref, Sent
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Entry, Record
from sandbox.slack.server import SlackServer

E = TypeVar("E", bound=Event)
GENERAL, ADA, GRACE, LINUS, ROBOT = "C0GENERAL", "U0ADA", "U0GRACE", "U0LINUS", "U0ROBOT"
TEAM = "T0SANDBOX"


class Meter:
    def __init__(self) -> None:
        self.spendings: list[str] = []

    def spent(self, bucket: Bucket) -> None:
        self.spendings.append(bucket.key)

    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None:
        raise AssertionError("Slack sends no such headers")

    def refused(self, bucket: Bucket, retry_after: float) -> None:
        raise AssertionError("nothing outside the outbox spends a budget")


class Workspace:
    """The sandbox's Slack and the adapter in it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.limits = Limits()
        self.record = Record(self.clock)
        self.server = SlackServer(self.clock, self.limits, self.record)
        self.meter = Meter()
        self.platform: SlackPlatform

    def make(self, **settings: Any) -> SlackPlatform:
        given = {"bot_token": self.server.bot_token, "app_token": self.server.app_token, **settings}
        self.platform = SlackPlatform(api_url=self.server.api_url, **given)
        return self.platform

    async def connect(self, **settings: Any) -> None:
        await self.make(**settings).connect(self.meter)
        self._events = self.platform.events().__aiter__()
        await self.record.wait(lambda _: self.server.connections == 2)

    async def ask(self, text: str = "why?", *, channel: str = GENERAL, thread: str = "") -> Incoming:
        await self.server.say(ADA, channel, f"{self.server.mention} {text}", thread=thread)
        return await self.next(Incoming)

    async def next(self, kind: type[E]) -> E:
        async with asyncio.timeout(10):
            event = await anext(self._events)
        assert isinstance(event, kind), event
        return event

    async def post(self, place: Place, text: str, key: str = "k") -> Outcome:
        return await self.platform.post(place, Content(text), key=key)

    async def posted(self, text: str = "one") -> tuple[Place, Ref]:
        place = (await self.ask()).place
        sent = await self.post(place, text)
        assert isinstance(sent, Sent)
        return place, sent.ref

    async def restart(self, **settings: Any) -> None:
        """The bot is gone and comes back; what it knew is lost."""
        await self.platform.close()
        await self.connect(**settings)

    async def seen(self, **wanted: Any) -> Entry:
        """The newest thing that a viewer saw with these marks."""
        found = await self.record.wait(lambda record: record.entries("shown", "slack", **wanted))
        return found[-1]

    def calls(self, method: str) -> list[Entry]:
        return self.record.entries("call", "slack", method=method)

    def shown(self, ref: Ref) -> str:
        return str(next(m["text"] for m in self.server.messages(ref.channel) if m["id"] == ref.message))
