"""What arrives, on its way to the core. Law: acknowledged first, passed on once, and never an exception out of here.

Bolt routes and acknowledges; the listeners only put events into a queue, so that an acknowledgement (3 s, else
Slack sends it all again) waits for nothing. Bolt itself has no memory of what it has seen, answers 404 to events
without a listener (which Slack takes for a failure), and its own filter for the bot's messages also drops the news
that somebody deleted one: so here is a short memory, a listener for everything, and the filter in `events`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import events, reading
from adapters.slack.events import Identity, Malformed, NameOf
from bot.ports import Event, Incoming

log = logging.getLogger(__name__)

REMEMBERED = 5_000
"""Keys. Slack redelivers for six minutes at most; 30,000 events an hour (then app_rate_limited) make 3,000 of them."""

NAMES_SECONDS = 0.5
"""How long a message waits for the names of those whom it mentions, counted from its arrival: events are handed on in
order, so this is also the most that anybody waits. users.info answers in a fifth of it."""

_ANY = re.compile("")

Payload: TypeAlias = Mapping[str, Any]


class Inbox:
    """The queue between Slack and the core, and the Bolt app that fills it.

    `learn(ids)` has names looked up that a message mentions and `name_of` does not know.

    `emptied(incoming, body)` is called for a command without a question; `asked(key, body)` for one with a question.
    """

    def __init__(
        self,
        *,
        name_of: NameOf,
        asked: Callable[[Incoming, Payload], None],
        emptied: Callable[[Incoming, Payload], None],
        learn: Callable[[Sequence[str]], Awaitable[None]] | None = None,
    ) -> None:
        self._me = Identity("", "")
        self._name_of = name_of
        self._asked = asked
        self._emptied = emptied
        self._learn = learn
        self._queue: asyncio.Queue[Event | asyncio.Task[Event | None] | None] = asyncio.Queue()
        # key -> whether it was addressed to us: a mention may follow the same message overheard.
        self._seen: OrderedDict[str, bool] = OrderedDict()
        self._closed = False

    def introduce(self, me: Identity) -> None:
        """Who we are; to be said before anything arrives."""
        self._me = me

    async def events(self) -> AsyncIterator[Event]:
        """In the order of arrival, until `close`."""
        while (item := await self._queue.get()) is not None:
            event = await item if isinstance(item, asyncio.Task) else item
            if event is not None:
                yield event
        self._queue.put_nowait(None)  # whoever else iterates ends too

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put_nowait(None)

    def event(self, body: Payload) -> None:
        with _Guard("event", body):
            event = events.message(body, self._me, self._name_of)
            if isinstance(event, Incoming) and not self._is_new(
                event.key, addressed=event.how != "overheard"
            ):
                return
            if isinstance(event, Incoming) and (unknown := reading.strangers(body["event"], self._name_of)):
                # `close` need not cancel it: what it waits for ends with the names, and in half a second at most.
                self._queue.put_nowait(asyncio.create_task(self._named(body, unknown), name="slack-names"))
            elif event is not None:
                self._queue.put_nowait(event)

    async def _named(self, body: Payload, unknown: Sequence[str]) -> Event | None:
        """The event once more, when the names are known that it mentions, or in time without them."""
        if self._learn is not None:
            try:
                async with asyncio.timeout(NAMES_SECONDS):
                    await self._learn(unknown)
            except TimeoutError:
                log.info("names came too late", extra={"count": len(unknown)})
        return events.message(body, self._me, self._name_of)

    def command(self, body: Payload) -> None:
        with _Guard("command", body):
            incoming = events.command(body, self._me, self._name_of)
            if not self._is_new(incoming.key, addressed=True):
                return
            if incoming.text:
                self._asked(incoming, body)
                self._queue.put_nowait(incoming)
            else:
                self._emptied(incoming, body)

    def press(self, body: Payload) -> None:
        with _Guard("press", body):
            pressed = events.press(body, self._me, self._name_of)
            if pressed is None:
                return
            # Slack's trigger ids are unique; a server like it may repeat them, but not for one press of one message.
            key = f"press:{body.get('trigger_id')}:{pressed.message.message}:{pressed.person.id}"
            if self._is_new(key, addressed=True):
                self._queue.put_nowait(pressed)

    def _is_new(self, key: str, *, addressed: bool) -> bool:
        if self._seen.get(key, False) or (key in self._seen and not addressed):
            return False
        self._seen[key] = addressed
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True


class _Guard:
    """Swallows nothing silently: what a payload breaks is logged by its kind, never by its content."""

    def __init__(self, what: str, body: Payload) -> None:
        self._what = what
        self._body = body

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Malformed):
            return False
        log.warning(
            "a malformed payload was ignored",
            extra={"what": self._what, "field": str(error), "event": _id(self._body)},
        )
        return True


def _id(body: Payload) -> str:
    value = body.get("event_id")
    return value[:40] if isinstance(value, str) else ""


def bolt(inbox: Inbox, me: Identity, client: AsyncWebClient, logger: logging.Logger) -> AsyncApp:
    """The Bolt app. `client` carries no token: nothing here calls Slack.

    Bolt would ask auth.test at the first event, before its acknowledgement; `authorize` says what we know already.
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id or me.team, bot_user_id=me.user, bot_id=me.bot
        )

    app = AsyncApp(
        name="inkstream",
        client=client,
        authorize=authorize,
        logger=logger,
        signing_secret="",
        request_verification_enabled=False,  # see webhook: it answers and logs better
        ignoring_self_events_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )

    async def event(body: dict[str, Any]) -> None:
        inbox.event(body)

    async def command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        inbox.command(body)

    async def press(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        inbox.press(body)

    async def nothing(ack: AsyncAck) -> None:
        await ack()

    async def failed(error: Exception) -> None:
        log.error("a payload could not be handled", extra={"error": type(error).__name__})

    app.event(_ANY)(event)
    app.command(_ANY)(command)
    app.action(_ANY)(press)
    app.shortcut(_ANY)(nothing)
    app.view(_ANY)(nothing)
    app.options(_ANY)(nothing)
    app.error(failed)
    return app


async def dispatch(app: AsyncApp, request: AsyncBoltRequest) -> BoltResponse:
    """Bolt's answer, always a 200: what it has no listener for, or trips over, would be no better sent again."""
    try:
        response = await app.async_dispatch(request)
    except Exception as error:  # noqa: BLE001  Bolt's own error handler trips over `"event": null`, for one
        log.error(  # noqa: TRY400  a traceback could quote the payload
            "a payload could not be handled", extra={"error": type(error).__name__}
        )
        return BoltResponse(status=200)
    if response.status != 200:
        log.warning("a payload found no listener", extra={"status": response.status})
        return BoltResponse(status=200)
    return response
