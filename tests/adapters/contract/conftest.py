"""One suite over every adapter: the real client of a platform against that platform's sandbox server.

The harness, so that a third platform costs one fixture:

    Stage      a sandbox server, the adapter connected to it, and the record of what a viewer saw; built by one
               fixture for each platform (`slack`, `discord`) with `staged(...)`
    Words      how that platform calls things in the record and in scripted faults: data, never behaviour
    stage      the parametrised fixture that the tests take; each test runs once for each name in PLATFORMS

A test speaks the shape that the sandbox's servers share (say, press, command, delete, messages, faults) and
`bot.ports`, nothing else. What only one platform has is tested beside this folder (test_slack_*, test_discord_*).
Limits are real and time is not scaled, but no test waits for a fixed time: it waits for an event or for the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pytest

from adapters.discord.platform import DiscordPlatform
from adapters.slack.platform import SlackPlatform
from bot.ports import Bucket, Content, Control, Event, Incoming, Place, Platform, Ref, Sent
from bot.reply.pages import Document
from sandbox.clock import Clock
from sandbox.discord.server import DiscordServer
from sandbox.faults import Faults
from sandbox.limits import Limits
from sandbox.record import Entry, Record
from sandbox.slack.server import SlackServer

E = TypeVar("E", bound=Event)

PLATFORMS = ("slack", "discord")
# pytest-asyncio asks for the current loop once, and so makes one in the main thread that nobody closes: its
# ResourceWarning would hit whichever test runs when it is collected. Said to be none, none is made.
asyncio.set_event_loop(None)

WITHIN = 10.0  # seconds; a bound for what would otherwise hang


class ChatServer(Protocol):
    """What both chat servers of the sandbox can do."""

    faults: Faults
    mention: str

    @property
    def bot_id(self) -> str: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def people(self) -> list[dict[str, Any]]: ...
    def channels(self) -> list[dict[str, Any]]: ...
    def messages(self, channel: str) -> list[dict[str, Any]]: ...
    async def say(
        self, person: str, channel: str, text: str, *, thread: str = "", reply_to: str = ""
    ) -> str: ...
    async def command(self, person: str, channel: str, name: str, text: str) -> str: ...
    async def press(self, person: str, channel: str, message: str, control: str) -> Any: ...
    async def delete(self, person: str, channel: str, message: str) -> None: ...


class Heard:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.spendings: list[Bucket] = []
        self.refusals: list[tuple[Bucket, float]] = []
        self.figures: list[tuple[Bucket, int, int, float]] = []

    def spent(self, bucket: Bucket) -> None:
        self.spendings.append(bucket)

    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None:
        self.figures.append((bucket, limit, remaining, reset_after))

    def refused(self, bucket: Bucket, retry_after: float) -> None:
        self.refusals.append((bucket, retry_after))


@dataclass(frozen=True, slots=True)
class Words:
    """How one platform calls things.

    post, edit     method names in the record and in faults
    denied         (HTTP status, error code) of an answer that says: not here
    too_long       a text that the platform will not take
    """

    post: str
    edit: str
    denied: tuple[int, str]
    too_long: str


@dataclass
class Stage:
    """What a contract test is given."""

    name: str
    words: Words
    server: ChatServer
    platform: Platform
    clock: Clock
    limits: Limits
    record: Record
    disconnect: Callable[[], Awaitable[None]]
    follow_up: Callable[[Place, Ref], dict[str, str]]
    meter: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        people = [person["id"] for person in self.server.people() if not person["bot"]]
        self.person, self.other = people[0], people[1]
        channels = self.server.channels()
        self.channel, self.elsewhere = [c["id"] for c in channels if c["kind"] == "channel"][:2]
        self.direct = next(c["id"] for c in channels if c["kind"] == "dm" and c["person"] == self.person)

    # ---------------------------------------------------------------------------------------------- what people do

    async def ask(self, text: str = "why?", *, channel: str = "") -> Incoming:
        """A person mentions the bot; the event that comes of it."""
        await self.server.say(self.person, channel or self.channel, f"{self.server.mention} {text}")
        return await self.next(Incoming)

    async def next(self, kind: type[E]) -> E:
        """The next event, which has to be of this kind."""
        async with asyncio.timeout(WITHIN):
            event = await anext(self._events)
        assert isinstance(event, kind), event
        return event

    # ---------------------------------------------------------------------------------------------- what the bot does

    async def posted(self, text: str = "one", *, stop: bool = False, key: str = "k1") -> tuple[Place, Ref]:
        """A question and the first message of its answer."""
        incoming = await self.ask()
        sent = await self.platform.post(incoming.place, self.content(text, stop=stop), key=key)
        assert isinstance(sent, Sent), sent
        return incoming.place, sent.ref

    def content(self, text: str, *, stop: bool = False) -> Content:
        """Claude's words as this platform writes them."""
        document = Document(self.platform.profile.dialect, 1_000_000)
        document.feed(text)
        document.end()
        [page] = document.pages()
        return Content(page.text, (Control.STOP,) if stop else (), "r1")

    def scripted(self, method: str, answer: tuple[int, str]) -> None:
        """The next call of this method is answered so."""
        status, error = answer
        self.server.faults.fault(method, status=status, error=error)

    # ---------------------------------------------------------------------------------------------- what people see

    def shown(self, ref: Ref) -> dict[str, Any]:
        """The message as a viewer sees it now."""
        return next(m for m in self.server.messages(ref.channel) if m["id"] == ref.message)

    def by_the_bot(self, channel: str) -> list[dict[str, Any]]:
        return [m for m in self.server.messages(channel) if m["author"] == self.server.bot_id]

    def calls(self, method: str) -> list[Entry]:
        return self.record.entries("call", self.name, method=method)

    def listen(self) -> None:
        self._events = self.platform.events().__aiter__()


@asynccontextmanager
async def staged(
    name: str,
    words: Words,
    server: ChatServer,
    platform_of: Callable[[], Platform],
    world: tuple[Clock, Limits, Record],
    disconnect: Callable[[], Awaitable[None]],
    follow_up: Callable[[Place, Ref], dict[str, str]],
) -> AsyncIterator[Stage]:
    """The server runs, the adapter is connected; afterwards both are closed, and nothing is left running."""
    await server.start()
    try:
        stage = Stage(name, words, server, platform_of(), *world, disconnect, follow_up)
        before = asyncio.all_tasks()
        await stage.platform.connect(stage.meter)
        stage.listen()
        try:
            yield stage
        finally:
            await stage.platform.close()
        left = [task for task in asyncio.all_tasks() - before if _ours(task)]
        assert not left, f"closed, and still running: {left}"
    finally:
        await server.stop()


def _ours(task: asyncio.Task[Any]) -> bool:
    """Tasks that the adapter began; the servers' own end with them."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and "/adapters/" in code.co_filename


def a_world() -> tuple[Clock, Limits, Record]:
    clock = Clock()
    return clock, Limits(), Record(clock)


@pytest.fixture
async def slack() -> AsyncIterator[Stage]:
    world = a_world()
    server = SlackServer(*world)

    def platform() -> Platform:
        return SlackPlatform(bot_token=server.bot_token, app_token=server.app_token, api_url=server.api_url)

    words = Words(
        post="chat.postMessage",
        edit="chat.update",
        denied=(200, "not_in_channel"),
        too_long="x" * 15_000,
    )

    async def cut() -> None:
        await server.disconnect("", only_first=True)

    def in_thread(place: Place, _ref: Ref) -> dict[str, str]:
        return {"thread": place.thread}

    async with staged("slack", words, server, platform, world, cut, in_thread) as stage:
        await world[2].wait(lambda r: server.connections == 2)
        yield stage


@pytest.fixture
async def discord() -> AsyncIterator[Stage]:
    world = a_world()
    server = DiscordServer(*world)

    def platform() -> Platform:
        # A reply that notifies its asker is a setting, and a test of its own.
        return DiscordPlatform(token=server.bot_token, api_url=server.api_url, ping_asker=False)

    words = Words(
        post="POST /channels/{c}/messages",
        edit="PATCH /channels/{c}/messages/{m}",
        denied=(403, "50013"),
        too_long="x" * 2_001,
    )

    def as_reply(_place: Place, ref: Ref) -> dict[str, str]:
        return {"reply_to": ref.message}

    async with staged("discord", words, server, platform, world, server.disconnect, as_reply) as stage:
        yield stage


@pytest.fixture(params=PLATFORMS)
def stage(request: pytest.FixtureRequest) -> Stage:
    """The platforms, one after the other."""
    chosen = request.getfixturevalue(request.param)
    assert isinstance(chosen, Stage)
    return chosen
