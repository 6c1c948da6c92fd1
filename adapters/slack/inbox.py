"""What arrives, on its way to the core. Law: passed on once, in the order of arrival, and never an exception out of here.

Bolt has no memory of what it has seen: here is a short one. A message that mentions the bot arrives twice, as `message`
and as `app_mention`, in either order; only the first is passed on, with the files of whichever has them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from adapters.slack import commands, events, interactions, reading
from adapters.slack.payloads import Identity, Malformed, NameOf, Payload, part, text
from adapters.slack.routes import Routes
from bot.ports import (
    Attachment,
    Check,
    Chosen,
    Edited,
    Event,
    Incoming,
    Ordered,
    Person,
    Place,
    Pressed,
    Ref,
    Submitted,
    Wanted,
)

log = logging.getLogger(__name__)

Noticed: TypeAlias = Callable[..., None]
A = TypeVar("A", bound="Act")
Act: TypeAlias = Incoming | Ordered | Pressed | Chosen | Wanted | Submitted

REMEMBERED = 5_000
"""Keys. Slack redelivers for six minutes at most; 30,000 events an hour (then app_rate_limited) make 3,000 of them."""

NAMES_SECONDS = 0.5
"""How long a message waits for the names of who wrote it and of those whom it mentions, counted from its arrival: events
are handed on in order, so this is also the most that anybody waits. users.info answers in a fifth of it."""

TWIN_SECONDS = 0.15
"""How long an app_mention without files waits for its `message`, which may have some. Slack sends both at once; files
that come later than this are handed on as an edit of the question."""


@dataclass(slots=True)
class _Seen:
    """A message that was passed on: whether it was addressed to us, and whether it had files."""

    addressed: bool
    files: bool = False


class Inbox:
    """The queue between Slack and the core.

    `learn(ids)` has names looked up of who wrote a message and of whom it mentions, and that `name_of` does not know;
    `noticed(user, *teams)` is told which workspaces an event calls somebody's own; `opened(place, person)` of
    conversations without a word.
    """

    def __init__(
        self,
        *,
        name_of: NameOf,
        learn: Callable[[Sequence[str]], Awaitable[None]],
        noticed: Noticed,
        opened: Callable[[Place, Person], None],
        routes: Routes,
    ) -> None:
        self._me = Identity("", "")
        self._name_of = name_of
        self._learn = learn
        self._noticed = noticed
        self._opened = opened
        self._routes = routes
        self._queue: asyncio.Queue[Event | asyncio.Task[Event] | None] = asyncio.Queue()
        # A mention may follow the same message overheard.
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._twins: dict[str, asyncio.Future[Incoming]] = {}  # what waits for the other half of its pair
        self._threads: OrderedDict[Ref, str] = OrderedDict()  # where our own messages stand
        self._waiting: set[asyncio.Task[Event]] = set()
        self._heard: set[str] = set()  # channels whose `message` events reach us
        self._deaf: set[str] = set()  # channels where only mentions do
        self._closed = False

    def introduce(self, me: Identity) -> None:
        """Who we are; to be said before anything arrives."""
        self._me = me

    async def events(self) -> AsyncIterator[Event]:
        """In the order of arrival, until `close`."""
        while (item := await self._queue.get()) is not None:
            if isinstance(item, asyncio.Task):
                await asyncio.wait([item])
                if not item.cancelled():
                    yield item.result()
            else:
                yield item
        self._queue.put_nowait(None)  # whoever else iterates ends too

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            for task in self._waiting:
                task.cancel()
            self._queue.put_nowait(None)

    def add(self, event: Event) -> None:
        """What a call's answer told, and no event: in its turn."""
        self._queue.put_nowait(event)

    def posted(self, ref: Ref, thread: str) -> None:
        """A message of ours stands in this thread: what is pressed or reacted there is answered there."""
        self._threads[ref] = thread
        if len(self._threads) > REMEMBERED:
            self._threads.popitem(last=False)

    # ---------------------------------------------------------------------------------------------------- messages

    def event(self, body: Payload) -> None:
        with _Guard("event", body):
            inner = part(body, "event")
            self._noticed(text(inner, "user"), text(inner, "user_team"), text(inner, "source_team"))
            opened = events.opened(body, self._me)
            if opened is not None and self._is_new(f"opened:{opened[0].channel}:{opened[0].thread}"):
                self._opened(*opened)
            for event in events.read(body, self._me, self._name_of):
                self._arrived(event, body, inner)

    def _arrived(self, event: Event, body: Payload, inner: Payload) -> None:
        if isinstance(event, Incoming):
            self._said(event, body, inner)
        elif isinstance(event, Edited):
            if self._is_new(events.edit_key(body)):
                self._pass(event, body, inner)
        elif isinstance(event, Pressed):
            if self._is_new(_sign_key(event, inner)):
                # Slack does not tell in which thread a reaction stands.
                thread = event.place.thread or self._threads.get(event.message, "")
                self._queue.put_nowait(replace(event, place=replace(event.place, thread=thread)))
        else:
            self._queue.put_nowait(event)

    def _said(self, event: Incoming, body: Payload, inner: Payload) -> None:
        channel, mention = event.place.channel, text(inner, "type") == "app_mention"
        if not mention:
            self._heard.add(channel)
            self._deaf.discard(channel)
        before = self._seen.get(event.key)
        addressed = event.how != "overheard"
        if before is not None and (before.addressed or not addressed):
            self._again(event, before)
            return
        self._remember(event.key, _Seen(addressed, files=bool(event.files)))
        if mention and not event.files and channel not in self._deaf:
            self._twins[event.key] = asyncio.get_running_loop().create_future()
            self._later(self._paired(event, body, inner))
        else:
            self._pass(event, body, inner)

    def _again(self, event: Incoming, before: _Seen) -> None:
        """The same message once more: what it has that was missing is not lost."""
        waiting = self._twins.get(event.key)
        if waiting is not None and not waiting.done():
            before.files = bool(event.files)
            waiting.set_result(event)
        elif event.files and not before.files and event.message is not None:
            before.files = True
            self._queue.put_nowait(
                Edited(event.message, event.person, event.place, event.text, files=event.files)
            )

    async def _paired(self, event: Incoming, body: Payload, inner: Payload) -> Event:
        """A mention with the files of its `message`; as it is, where that does not come in time."""
        found, files = await asyncio.gather(self._named(event, body, inner), self._files_of_twin(event))
        return replace(found, files=files) if isinstance(found, Incoming) else found

    async def _files_of_twin(self, event: Incoming) -> tuple[Attachment, ...]:
        try:
            async with asyncio.timeout(TWIN_SECONDS):
                return (await self._twins[event.key]).files
        except TimeoutError:
            if event.place.channel not in self._heard:
                self._deaf.add(event.place.channel)
            return ()
        finally:
            del self._twins[event.key]

    def _pass(self, event: Event, body: Payload, inner: Payload) -> None:
        """Hand it on, with the names of who wrote it and of those whom it mentions."""
        chatter = isinstance(event, Incoming) and event.how == "overheard" and not event.threaded
        said = part(inner, "message") if isinstance(event, Edited) else inner
        if not chatter and self._strangers(event, said):
            self._later(self._named(event, body, said))
        else:
            self._queue.put_nowait(event)

    def _later(self, work: Coroutine[Any, Any, Event]) -> None:
        """What is still to be completed keeps its turn."""
        task = asyncio.create_task(work, name="slack-event")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        self._queue.put_nowait(task)

    async def _named(self, event: Event, body: Payload, said: Payload) -> Event:
        """The event once more, when the names are known that it needs, or in time without them."""
        unknown = self._strangers(event, said)
        if not unknown:
            return event
        try:
            async with asyncio.timeout(NAMES_SECONDS):
                await self._learn(unknown)
        except TimeoutError:
            log.info("names came too late", extra={"count": len(unknown)})
        return next(iter(events.read(body, self._me, self._name_of)), event)

    def _strangers(self, event: Event, said: Payload) -> tuple[str, ...]:
        """Whom Claude would hear of by an id: who asks, too, or a first question would come from "U1"."""
        mentioned = reading.strangers(said, self._name_of)
        speaker = event.person if isinstance(event, Incoming) and not event.bot else None
        if speaker is None or speaker.name or speaker.id in mentioned:
            return mentioned
        return (speaker.id, *mentioned)

    # ------------------------------------------------------------------------------------------------ interactions

    def command(self, body: Payload) -> None:
        with _Guard("command", body):
            said = commands.command(body, self._me, self._name_of)
            if not self._is_new(said.key):
                return
            routed = _routed(said, self._routes.keep(body))
            if isinstance(routed, Incoming) and not routed.person.name:
                self._later(self._introduced(routed))
            else:
                self._queue.put_nowait(routed)

    async def _introduced(self, asked: Incoming) -> Event:
        """A command's question with its asker's name, which stands above it and is told to Claude; in time without."""
        try:
            async with asyncio.timeout(NAMES_SECONDS):
                await self._learn((asked.person.id,))
        except TimeoutError:
            log.info("names came too late", extra={"count": 1})
        return replace(asked, person=replace(asked.person, name=self._name_of(asked.person.id)))

    def press(self, body: Payload) -> None:
        with _Guard("press", body):
            pressed = interactions.press(body, self._me, self._name_of)
            if pressed is None:
                return
            self._notice(body)
            # Slack's trigger ids are unique; a server like it may repeat them, but not for one press of one message.
            key = (
                f"press:{body.get('trigger_id')}:{pressed.message.message}:{pressed.person.id}"
                if isinstance(pressed, Pressed)
                else pressed.key
            )
            if self._is_new(key):
                route = self._routes.keep(body, replaces=isinstance(pressed, Chosen))
                self._queue.put_nowait(_routed(pressed, route))

    def shortcut(self, body: Payload) -> None:
        with _Guard("shortcut", body):
            wanted = interactions.shortcut(body, self._me, self._name_of)
            if wanted is not None and self._is_new(wanted.key):
                self._notice(body)
                self._queue.put_nowait(_routed(wanted, self._routes.keep(body)))

    def mistakes(self, body: Payload, check: Check) -> Mapping[str, str]:
        """Why a form had better stay open; see `interactions.mistakes`."""
        with _Guard("submission", body):
            return interactions.mistakes(body, check)
        return {}

    def submission(self, body: Payload) -> None:
        with _Guard("submission", body):
            sent = interactions.submission(body, self._name_of)
            if sent is not None and self._is_new(sent.key):
                self._notice(body)
                # A form brings no address to answer; what opened it did.
                route = self._routes.keep(body, after=sent.place.route)
                self._queue.put_nowait(_routed(sent, route))

    def _notice(self, body: Payload) -> None:
        user = part(body, "user")
        self._noticed(text(user, "id"), text(user, "team_id"))

    # ------------------------------------------------------------------------------------------------------ memory

    def _is_new(self, key: str) -> bool:
        if key in self._seen:
            return False
        self._remember(key, _Seen(addressed=True))
        return True

    def _remember(self, key: str, seen: _Seen) -> None:
        self._seen[key] = seen
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def _routed(event: A, route: str) -> A:
    return replace(event, place=replace(event.place, route=route))


def _sign_key(pressed: Pressed, inner: Payload) -> str:
    """Of a reaction, or of Slack's own stop button."""
    moment = text(inner, "event_ts")
    return f"sign:{pressed.control}:{pressed.message.channel}:{pressed.message.message}:{pressed.person.id}:{moment}"


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
