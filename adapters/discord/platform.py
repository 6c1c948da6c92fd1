"""Discord as a `Platform`: the Gateway in, REST out. Law: no verb raises for what Discord answers, and none waits but for its one call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Final

import aiohttp
import discord
from yarl import URL

from adapters.discord import commands, history, reading
from adapters.discord.asides import Asides
from adapters.discord.budgets import route_of
from adapters.discord.calls import Calls
from adapters.discord.dialect import DiscordDialect
from adapters.discord.files import Files
from adapters.discord.gateway import OWN_API, Gateway
from adapters.discord.hearing import Hearing
from adapters.discord.interactions import Interactions
from adapters.discord.rest import Rest
from adapters.discord.seen import Seen
from adapters.discord.standing import Standings
from adapters.discord.threads import Threads
from adapters.discord.writing import Writing
from bot.ports import (
    Attachment,
    Bucket,
    Button,
    Content,
    Event,
    File,
    Health,
    Incoming,
    Line,
    Meter,
    Op,
    Outcome,
    Panel,
    Person,
    Place,
    Profile,
    Ref,
    Standing,
    Unavailable,
    Unread,
)

_log = logging.getLogger(__name__)

PAGE_LIMIT: Final = 2_000
"""Documented: `content` has at most 2000 characters."""

STATUS_SECONDS: Final = 8.0
"""Typing lasts 10 s (documented); renewed two seconds before."""

MEANINGLESS: Final = frozenset({"reply_in", "guests", "outsiders"})
"""Settings that Discord has nothing for: a reply to a message stands in its channel, and nobody is half a member."""

COMMANDS_TIMEOUT: Final = 5.0
STATUS_TIMEOUT: Final = 5.0
TYPING_APART: Final = 1.25  # seconds: under the 5 in 5 s that its route is seen to allow in a channel
NAME_TIMEOUT: Final = 5.0

_TALKATIVE: Final = (
    "discord.client",
    "discord.gateway",
    "discord.http",
    "discord.state",
    "discord.webhook.async",
)
"""discord.py's loggers that write payloads, people's words included, at DEBUG."""


class DiscordPlatform:
    """One Discord application, on one Gateway session.

    `api_url` of another server (a sandbox, a proxy) is enough: its Gateway's address is asked of its
    `GET /gateway/bot`. It is process-wide for discord.py's own few calls, see `client.point_at`.
    `ping_asker`: the first page of an answer notifies who asked, as a reply does.
    """

    def __init__(
        self, *, token: str, api_url: str = OWN_API, page_limit: int = PAGE_LIMIT, ping_asker: bool = True
    ) -> None:
        self._token = token.strip()
        self._api_url = api_url.rstrip("/")
        self._profile = Profile("discord", page_limit, DiscordDialect(), STATUS_SECONDS, without=MEANINGLESS)
        self._seen = Seen()
        # Writing needs no Gateway, and replies that a crash left unfinished are mended while we connect.
        self._rest = Rest(token=self._token, api_url=self._api_url)
        self._calls = Calls(self._rest)
        self._interactions = Interactions(self._calls)
        self._writing = Writing(self._calls, self._seen, self._interactions, ping_asker=ping_asker)
        self._asides = Asides(self._calls, self._interactions)
        self._standings = Standings(self._calls, self._seen)
        self._threads = Threads(self._calls, self._seen)
        self._files = Files(self._rest, self._calls, self._seen, self._interactions, api_url=self._api_url)
        self._hearing = Hearing(self._seen, self._interactions, self._asides, self._standings)
        self._gateway: Gateway | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._note = ""
        self._registered = asyncio.Event()
        self._typed: dict[str, float] = {}  # channel -> when
        self._closed = False

    @property
    def profile(self) -> Profile:
        return self._profile

    # ------------------------------------------------------------------------------------------------------- lifetime

    async def connect(self, meter: Meter) -> None:
        """Log in, find the Gateway, start receiving. Raises `ConnectError` with a sentence."""
        _quieten()
        self._calls.meter = meter
        self._gateway = Gateway(
            token=self._token,
            api_url=self._api_url,
            rest=self._rest,
            trace=self._trace,
            handlers=self._hearing.handlers,
            logged_in=self._logged_in,
        )
        try:
            await self._gateway.open()
            # Ready means that /ask is there, too; but an outage of that one route is no reason not to start.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._registered.wait(), COMMANDS_TIMEOUT)
        except BaseException:
            await self.close()
            raise

    def _logged_in(self, gateway: Gateway) -> None:
        """We know who we are. Called before the first event, and again if the Gateway had to log in anew."""
        client = gateway.client
        self._seen.client = client
        if client.user is None or client.application_id is None:
            raise RuntimeError("logged in without knowing as whom")
        self._seen.me = str(client.user.id)
        self._calls.application = str(client.application_id)
        for task in self._tasks:
            task.cancel()
        task = asyncio.get_running_loop().create_task(
            commands.register(client, client.application_id, self._set_note, self._registered),
            name="discord:commands",
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop receiving and close every connection. Idempotent."""
        self._closed = True
        self._hearing.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._gateway is not None:
            await self._gateway.close()
        await self._interactions.close()
        await self._rest.close()

    def health(self) -> Health:
        if self._gateway is None:
            return Health(ready=False, notes=("Discord is not connected yet.",))
        notes = (*self._gateway.notes, *((self._note,) if self._note else ()))
        return Health(ready=self._gateway.connected and not self._closed, notes=notes)

    def _set_note(self, sentence: str) -> None:
        self._note = sentence

    def events(self) -> AsyncIterator[Event]:
        return self._hearing.events()

    # ---------------------------------------------------------------------------------------------------------- verbs

    def buckets(self, op: Op, place: Place, ref: Ref | None, *, age: float = 0.0) -> Sequence[Bucket]:
        return self._writing.buckets(op, place, ref, age)

    async def post(self, place: Place, content: Content, *, key: str) -> Outcome:
        return await self._writing.post(place, content, key)

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
        return await self._writing.edit(place, ref, content)

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        """See `Writing.find` for what is sure."""
        return await self._writing.find(place, key)

    async def status(self, place: Place, text: str) -> None:
        """Typing. It ends by itself, or with the next message, so "" has nothing to do. Several replies that begin
        at once need only one: a channel is told at most once in `TYPING_APART` seconds, which its budget always has.
        """
        now = asyncio.get_running_loop().time()
        self._typed = {channel: at for channel, at in self._typed.items() if now - at < TYPING_APART}
        if not text or place.channel in self._typed or not self._writing.shows_typing(place):
            return
        self._typed[place.channel] = now
        try:
            async with asyncio.timeout(STATUS_TIMEOUT):
                await self._writing.typing(place)
        except TimeoutError:
            _log.info("typing in channel %s took longer than %.0f s", place.channel, STATUS_TIMEOUT)

    async def whisper(
        self,
        place: Place,
        person: Person,  # noqa: ARG002  the protocol's; an interaction is its person's
        text: str,
        buttons: Sequence[Button] = (),
    ) -> bool:
        """By the command, button or form that the person has just used. False without one: Discord has no other way."""
        return await self._asides.whisper(place.route, text, buttons)

    async def open(
        self,
        place: Place,
        person: Person,  # noqa: ARG002  the same
        panel: Panel,
    ) -> bool:
        """A modal, which has to be the first answer to an interaction; or messages that only the person sees."""
        return await self._asides.open(place.route, panel)

    async def standing(self, place: Place, person: Person) -> Standing:
        return await self._standings.of(place, person)

    async def delete(self, place: Place, ref: Ref) -> Outcome:
        return await self._writing.delete(place, ref)

    async def upload(self, place: Place, file: File, text: str) -> Outcome:
        return await self._files.upload(place, file, text)

    async def download(self, attachment: Attachment, *, limit: int) -> File | Unread:
        return await self._files.download(attachment, limit=limit)

    async def branch(self, place: Place, message: Ref, name: str) -> Place | None:
        return await self._threads.branch(place, message, name)

    async def name(self, person: Person) -> str:
        known = person.name or self._seen.person_name(person.id)
        if known or not person.id.isdigit():
            return known
        try:
            async with asyncio.timeout(NAME_TIMEOUT):
                found = await self._writing.person(person.id)
        except TimeoutError:
            return ""
        name = reading.display_name(found) if found is not None else ""
        self._seen.named(person.id, name)
        return name

    async def history(self, incoming: Incoming, *, limit: int) -> Sequence[Line]:
        """What stands in its thread or reply chain before it. A question that came by a menu replies to the message that
        the menu was opened on.
        """
        asked, place = incoming.message, incoming.place
        if limit < 1:
            return ()
        reader = history.Reader(self._writing.read, self._seen.me, self._seen, place.workspace)
        lines: Sequence[Line] = ()
        start = incoming.answers
        if incoming.scope == f"thread:{place.channel}":
            parent = place.parent or self._seen.parent_of(place.channel)
            before = asked.message if asked is not None else ""
            lines = await history.read_thread(
                reader, channel=place.channel, parent=parent, before=before, limit=limit
            )
        elif start is not None:
            lines = await history.read_chain(reader, start=start, limit=limit)
        elif asked is None and place.reply_to:
            start = Ref(place.channel, place.reply_to)
            lines = await history.read_chain(reader, start=start, limit=limit)
        about = incoming.about.message if incoming.about is not None and asked is None else None
        return [line for line in lines if line.message != about]

    # --------------------------------------------------------------------------------------------- discord.py's calls

    def _trace(self) -> aiohttp.TraceConfig:
        """What Discord answers to discord.py's own calls goes to the same budgets (its supported hook)."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._traced)
        return config

    async def _traced(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        url = str(params.url)
        if not url.startswith(self._api_url):
            return
        route, major = route_of(params.method, params.url.path.removeprefix(URL(self._api_url).path))
        self._calls.overheard(route, major, params.response.status, params.response.headers)


def _quieten() -> None:
    """Keep discord.py's loggers above DEBUG, where they write what people say, and its two warnings about voice, which
    nobody asked for, to itself. For the whole process: loggers and that class are.
    """
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_worth_a_line)


def _worth_a_line(record: logging.LogRecord) -> bool:
    """A filter rather than a level: a level of its own would talk where the service is set to be quieter."""
    # discord.py 2.7.1 takes an acknowledgement that outruns its own clock for one that is a heartbeat late.
    late = record.name == "discord.gateway" and str(record.msg).startswith("Can't keep up")
    return record.levelno > logging.DEBUG and not late
