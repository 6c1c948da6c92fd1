"""Slack as a `Platform`. Law: one attempt for each post and edit; what Slack says comes back as data, what people say goes
nowhere but to Slack and to the core.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import forms, scopes, web
from adapters.slack.asides import STATUS_SECONDS, Asides, title_of
from adapters.slack.connecting import CONNECT_PATIENCE, introduce, is_final, patiently
from adapters.slack.dialect import SlackDialect
from adapters.slack.history import read_thread
from adapters.slack.inbox import NAMES_SECONDS, Inbox
from adapters.slack.line import Line
from adapters.slack.listeners import bolt, dispatch, said
from adapters.slack.names import Names
from adapters.slack.openings import Openings
from adapters.slack.outcomes import TOKEN_LOST, Failure
from adapters.slack.payloads import PLATFORM, Identity
from adapters.slack.removing import remove
from adapters.slack.routes import Routes
from adapters.slack.sessions import Sessions
from adapters.slack.standing import Standings
from adapters.slack.streaming import LIFE_SECONDS
from adapters.slack.transfer import Transfer
from adapters.slack.webhook import Webhook
from adapters.slack.writing import Writing
from bot.ports import (
    Attachment,
    Bucket,
    Button,
    Check,
    ConnectError,
    Content,
    Control,
    Deleted,
    Event,
    File,
    Health,
    Incoming,
    Meter,
    Op,
    Outcome,
    Panel,
    Person,
    Place,
    Pressed,
    Profile,
    Ref,
    Sent,
    Standing,
    Unavailable,
    Unread,
)
from bot.ports import Line as Said

log = logging.getLogger(__name__)

PARTNERS = 10_000  # remembered people, of direct messages
GROUPS_SECONDS = 1.0  # a form has to be open three seconds after the press


class SlackPlatform:
    """Socket Mode where an app token is given, else the Events API on `http_host`:`http_port` (0: any free port)."""

    def __init__(
        self,
        *,
        bot_token: str,
        app_token: str = "",
        signing_secret: str = "",
        api_url: str = "https://slack.com/api/",
        http_port: int | None = None,
        http_host: str = "127.0.0.1",
        page_limit: int = 10_000,
        streaming: Literal["edit", "native"] = "edit",
        stream_life: float = LIFE_SECONDS,
        agent: bool = False,
        check: Check | None = None,
    ) -> None:
        """`streaming`: "native" has answers in direct messages grow by Slack's own streams, for so many seconds each.

        `agent`: the app was made from the agent's manifest; each direct message begins a thread with a title.

        `check`: what is wrong in a form stands at its fields, and it stays open.
        """
        if not app_token and not (signing_secret and http_port is not None):
            raise ValueError("Slack needs an app token (Socket Mode), or a signing secret and a port (HTTP)")
        self._bot_token = bot_token
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._api_url = api_url
        self._http_host = http_host
        self._http_port = http_port
        self._streaming = streaming
        self._stream_life = stream_life
        self._agent = agent
        self._check = check
        self._partners: OrderedDict[str, Person] = OrderedDict()  # of direct messages, by channel
        self._profile = Profile(PLATFORM, page_limit, SlackDialect(), STATUS_SECONDS)
        self._routes = Routes()
        self._inbox = Inbox(
            name_of=self._known,
            learn=self._introduced,
            noticed=self._noticed,
            opened=self._opened,
            routes=self._routes,
        )
        self._me = Identity("", "")
        self._connection: _Connection | None = None
        self._lines: tuple[Line, ...] = ()
        self._webhook: Webhook | None = None
        self._turned_away = ""
        self._missing: tuple[str, ...] = ()
        self._closed = False

    # ------------------------------------------------------------------------------------------------- lifetime

    @property
    def profile(self) -> Profile:
        return self._profile

    @property
    def http_port(self) -> int | None:
        """The port that receives events, once connected over HTTP."""
        return self._webhook.port if self._webhook is not None else None

    async def connect(self, meter: Meter) -> None:
        if self._connection is not None:
            raise RuntimeError("this SlackPlatform was connected before; make another one to connect again")
        session = web.session()
        client = web.client(self._api_url, self._bot_token, session)
        names = Names(client)
        standings = Standings(client, names.introduce)
        names.share(standings.learned)
        connection = self._connection = _Connection(
            session,
            client,
            Asides(client, session, self._routes),
            names,
            standings,
            Openings(client, standings),
            Transfer(client, session, self._api_url),
            Sessions(client) if self._agent else None,
        )
        try:
            me, self._missing = await introduce(client, self._api_url, agent=self._agent)
            self._me = me
            self._inbox.introduce(me)
            connection.names.introduce(me.user, me.name)
            connection.standings.introduce(me)
            connection.writing = Writing(
                client,
                me.team,
                meter,
                self._heard,
                native=self._streaming == "native",
                stopped=self._stopped,
                life=self._stream_life,
            )
            app = bolt(self._inbox, me, web.client(self._api_url, None, session), web.QUIET, self._check)
            if self._app_token:
                await self._socket(app, connection)
            else:
                await self._http(app)
        except BaseException:
            await self.close()
            raise
        log.info("connected", extra={"team": me.team, "bot": me.user, "missing_scopes": list(self._missing)})

    async def close(self) -> None:
        self._closed = True
        self._inbox.close()
        await asyncio.gather(*(line.close() for line in self._lines))
        if self._webhook is not None:
            await self._webhook.close()
        if self._connection is not None:
            await self._connection.asides.close()
            if self._connection.sessions is not None:
                await self._connection.sessions.close()
            await self._connection.names.close()
            await self._connection.openings.close()
            await self._connection.standings.close()
            await self._connection.session.close()

    def health(self) -> Health:
        notes: list[str] = []
        if self._connection is None or self._closed:
            notes.append("Slack: not connected.")
        elif self._lines and not any(line.up for line in self._lines):
            why = f" ({self._lines[0].trouble})" if self._lines[0].trouble else ""
            notes.append(f"Slack: the socket is down{why}; connecting again.")
        elif not self._lines and self._webhook is None:
            notes.append("Slack: still connecting.")
        if self._turned_away:
            notes.append(f"Slack: the bot token is refused ({self._turned_away}); install the app again.")
        ready = not notes and not scopes.REQUIRED & set(self._missing)
        return Health(ready, (*notes, *scopes.notes(self._missing)))

    async def _socket(self, app: AsyncApp, connection: _Connection) -> None:
        async def deliver(payload: dict[str, Any]) -> object:
            return said(await dispatch(app, AsyncBoltRequest(mode="socket_mode", body=payload)))

        loop = asyncio.get_running_loop()
        deadline = loop.time() + CONNECT_PATIENCE
        opener = web.client(self._api_url, None, connection.session)
        line = Line(connection.session, opener, self._app_token, deliver)
        spare = Line(connection.session, opener, self._app_token, deliver, spare=True)
        self._lines = (line, spare)
        attempt = 0
        while (failed := await line.open()) is not None:
            attempt += 1
            if is_final(failed):
                raise ConnectError(
                    f"Slack refused the app token ({failed.code}). SLACK_APP_TOKEN is an app-level token (xapp-...) "
                    "with the scope connections:write, and Socket Mode has to be switched on for the app."
                )
            await patiently(failed, attempt, deadline, "Slack opened no socket")
        spare.keep()

    async def _http(self, app: AsyncApp) -> None:
        webhook = Webhook(app, self._signing_secret, self._http_host, self._http_port or 0)
        try:
            await webhook.open()
        except OSError as error:
            raise ConnectError(
                f"Port {self._http_port} on {self._http_host} cannot be listened on ({error.strerror}). "
                "SLACK_HTTP_PORT has to be free."
            ) from None
        self._webhook = webhook

    # ------------------------------------------------------------------------------------------------- what arrives

    async def events(self) -> AsyncIterator[Event]:
        async for event in self._inbox.events():
            if isinstance(event, Deleted) and event.message in self._writing.streams.withdrawn:
                continue  # by ourselves
            if isinstance(event, Incoming) and event.place.private:
                if self._there.openings.begins(event) or (self._agent and not event.threaded):
                    self._entitle(event)
                self._partners[event.place.channel] = event.person
                if len(self._partners) > PARTNERS:
                    self._partners.popitem(last=False)
            for one in self._meant(event):
                yield one

    def _entitle(self, asked: Incoming) -> None:
        """The first question of a conversation with an agent."""
        title = title_of(asked.text)
        self._there.asides.title(asked.place, title)
        if self._there.sessions is not None:
            self._there.sessions.titled(asked.place, title)

    def _meant(self, event: Event) -> Sequence[Event]:
        """The event itself; but Slack's own stop button may name no more than a thread."""
        sessions = self._there.sessions
        if sessions is not None and isinstance(event, Deleted):
            sessions.gone(event.message)
        if sessions is None or not isinstance(event, Pressed):
            return (event,)
        no_more = not event.reply and event.message.message == event.place.thread
        return sessions.stopped(event) if no_more and event.control is Control.STOP else (event,)

    def _stopped(self, ref: Ref, reply: str) -> None:
        """A person has ended a stream by Slack's own button, and an append has met that."""
        place = Place(PLATFORM, self._me.team, ref.channel, private=True)
        person = self._partners.get(ref.channel, Person(""))
        self._inbox.add(Pressed(Control.STOP, reply, person, place, ref))

    def _known(self, user: str) -> str:
        return self._connection.names.known(user) if self._connection is not None else ""

    async def _introduced(self, ids: Sequence[str]) -> None:
        await self._there.names.learn(ids, within=NAMES_SECONDS)

    def _opened(self, place: Place, person: Person) -> None:
        self._there.openings.opened(place, person)

    def _noticed(self, user: str, *teams: str) -> None:
        self._there.standings.noticed(user, *teams)

    # ------------------------------------------------------------------------------------------------- what is said

    def buckets(
        self,
        op: Op,
        place: Place,
        ref: Ref | None,
        *,
        age: float = 0.0,  # noqa: ARG002  the protocol's
    ) -> Sequence[Bucket]:
        """Slack counts an edit of an old message like any other: `age` plays no part."""
        return self._writing.buckets(op, place, ref)

    async def post(self, place: Place, content: Content, *, key: str) -> Outcome:
        outcome = await self._writing.post(place, content, key)
        if isinstance(outcome, Sent) and place.thread:
            self._inbox.posted(outcome.ref, place.thread)
        return self._seen(place, outcome, content)

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
        return self._seen(place, await self._writing.edit(ref, content), content)

    def _seen(self, place: Place, outcome: Outcome, content: Content) -> Outcome:
        """Whether an answer goes on shows in the buttons under it."""
        if isinstance(outcome, Sent) and self._there.sessions is not None:
            self._there.sessions.shown(place, outcome.ref, content)
        return outcome

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        return await self._writing.find(place, key)

    async def status(self, place: Place, text: str) -> None:
        sessions = self._there.sessions
        if sessions is not None:
            (sessions.owed if text else sessions.over)(place)
        await self._there.asides.status(replace(place, thread=self._writing.streams.thread(place)), text)

    async def name(self, person: Person) -> str:
        return await self._there.names.get(person.id)

    async def standing(self, place: Place, person: Person) -> Standing:  # noqa: ARG002  the protocol's
        return await self._there.standings.of(person.id)

    async def whisper(self, place: Place, person: Person, text: str, buttons: Sequence[Button] = ()) -> bool:
        return await self._there.asides.whisper(place, person, text, buttons)

    async def open(self, place: Place, person: Person, panel: Panel) -> bool:  # noqa: ARG002  the protocol's
        roles = any(field.kind == "roles" for group in panel.groups for field in group.fields)
        groups = await self._there.standings.offered(within=GROUPS_SECONDS) if roles else ()
        return await self._there.asides.open(place, forms.view(panel, place, groups))

    async def delete(self, place: Place, ref: Ref) -> Outcome:
        return await remove(self._there.client, place, ref)

    async def upload(self, place: Place, file: File, text: str) -> Outcome:
        # An answer that grows natively stands in a thread which its place does not name.
        there = replace(place, thread=self._writing.streams.thread(place))
        return await self._there.transfer.upload(there, file, text)

    async def download(self, attachment: Attachment, *, limit: int) -> File | Unread:
        return await self._there.transfer.download(attachment, limit)

    async def branch(self, place: Place, message: Ref, name: str) -> Place | None:  # noqa: ARG002  the protocol's
        """Slack's threads need no making: an answer in a channel stands in one already."""
        return None

    async def history(self, incoming: Incoming, *, limit: int) -> Sequence[Said]:
        """What stands in its thread before it. A thread that it opens itself has nothing before it."""
        asked, place = incoming.message, incoming.place
        if not place.thread or (asked is not None and asked.message == place.thread) or limit < 1:
            return ()
        return await read_thread(
            self._there.client,
            channel=place.channel,
            root=place.thread,
            before=asked.message if asked is not None else "",
            limit=limit,
            me=self._me,
            names=self._there.names,
        )

    def _heard(self, failed: Failure | None) -> None:
        """Each answer to a post or an edit also says whether the bot as a whole is still welcome."""
        code = failed.code if failed is not None and failed.code in TOKEN_LOST else ""
        if failed is not None and not code:
            return
        if code and code != self._turned_away:
            log.error("Slack refuses the bot token", extra={"code": code})
        self._turned_away = code

    @property
    def _there(self) -> _Connection:
        if self._connection is None:
            raise RuntimeError("this SlackPlatform is not connected; call connect() first")
        return self._connection

    @property
    def _writing(self) -> Writing:
        writing = self._there.writing
        if writing is None:
            raise RuntimeError("this SlackPlatform is still connecting; wait for connect()")
        return writing


@dataclass(slots=True)
class _Connection:
    """What lives from `connect` to `close`. `writing` waits for the workspace to be known."""

    session: aiohttp.ClientSession
    client: AsyncWebClient
    asides: Asides
    names: Names
    standings: Standings
    openings: Openings
    transfer: Transfer
    sessions: Sessions | None  # of an agent
    writing: Writing | None = None
