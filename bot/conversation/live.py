"""The answers that are owed at this moment. Law: an answer is found by whatever people point at, from the moment its question
was taken up: its id, one of its messages, the question, the place, the conversation; and is gone from here when it has ended.

A question may wait for its turn, for its history or for its files before anything grows. A Stop that comes then counts as
much as a later one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bot import sentences
from bot.ports import Incoming, Place, Ref
from bot.reply.reply import Reply

T = TypeVar("T")

# Seconds between looks for an answer that is being posted: a post that hangs is found within four, or twenty.
_APPEARING = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)


class Ended(Exception):
    """Somebody stopped the answer before it began to grow."""


class Live:
    """An answer that is owed: who asked, in which conversation, and the reply itself, once it grows.

    stopped   what somebody who stopped it before that wants to be said under it; "" for nothing at all. None: nobody did
    """

    def __init__(self, incoming: Incoming, conversation: int, reply: str) -> None:
        self.incoming = incoming
        self.conversation = conversation
        self.id = reply
        self.stopped: str | None = None
        self._offers = True
        self._reply: Reply | None = None
        self._preparing: asyncio.Task[Any] | None = None
        self._asking = False
        self.over = asyncio.Event()  # it is shown as it will be

    @property
    def waits(self) -> bool:
        """Whether it will ask for what nobody has read yet."""
        return self._reply is None and not self._asking and self.stopped is None

    @property
    def grows(self) -> bool:
        """Whether there is a reply, and Claude has not ended it."""
        return self._reply is not None and self._reply.ending is None

    @property
    def under_way(self) -> bool:
        """Whether Claude is at it, or about to be."""
        return self.grows or (self._reply is None and self._asking and self.stopped is None)

    @property
    def owed(self) -> bool:
        """Whether something is still to come from Claude."""
        return self._reply is None or self._reply.ending is None

    @property
    def begun(self) -> bool:
        return self._reply is not None and self._reply.begun

    @property
    def place(self) -> Place:
        return self.incoming.place if self._reply is None else self._reply.place

    @property
    def refs(self) -> tuple[Ref, ...]:
        return () if self._reply is None else self._reply.refs

    @property
    def posting(self) -> bool:
        """Whether people may see a message of it that is not among `refs` yet."""
        return self._reply is not None and self._reply.posting

    def stop(self, notice: str = sentences.STOPPED, *, offers: bool = True) -> bool:
        """End it now; see `Reply.stop`. Whether it was this call that ended it."""
        if self._reply is not None:
            return self._reply.stop(notice, offers=offers)
        if self.stopped is not None:
            return False
        self.stopped, self._offers = notice, offers
        if self._preparing is not None:
            self._preparing.cancel()
        return True

    def hurry(self) -> None:
        """Another answer waits for its end."""
        if self._reply is not None:
            self._reply.hurry()

    def drop(self, notice: str) -> None:
        """End it; `notice` is for those who have seen it grow, and nothing is shown where nobody has."""
        self.stop(notice if self._reply is not None else "", offers=self._reply is not None)

    def grow(self, reply: Reply) -> None:
        """Now there is a reply."""
        self._reply = reply
        if self.stopped is not None:
            reply.stop(self.stopped, offers=self._offers)

    async def prepare(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something for it that a stop breaks off. Raises Ended then."""
        if self.stopped is not None:
            work.close()
            raise Ended
        self._asking = True
        preparing: asyncio.Task[T]
        preparing = self._preparing = asyncio.create_task(work, name=f"prepare {self.id}")
        try:
            return await preparing
        except asyncio.CancelledError:
            ourselves = asyncio.current_task()
            if not preparing.cancelled() or (ourselves is not None and ourselves.cancelling()):
                raise
            raise Ended from None
        finally:
            self._preparing = None


class LiveReplies:
    """All of them, the oldest first."""

    def __init__(self) -> None:
        self._all: dict[Live, None] = {}
        self._expected: dict[object, Place] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Live]:
        return iter(tuple(self._all))

    @contextmanager
    def holding(self, live: Live) -> Iterator[None]:
        """It is owed as long as this lasts."""
        self._all[live] = None
        try:
            yield
        finally:
            self.over(live)

    def over(self, live: Live) -> None:
        """It is shown as it will be."""
        self._all.pop(live, None)
        live.over.set()

    async def settled(self, reply: str) -> None:
        """Until what Claude has said under this id is shown as it will be, and written down so."""
        for live in self.of(reply):
            if not live.owed:
                live.hurry()
                await live.over.wait()

    def of(self, reply: str) -> list[Live]:
        """Those of this id: the one that grows, and what is to take its place."""
        return [live for live in self if live.id == reply]

    def by_id(self, reply: str) -> Live | None:
        return next(iter(self.of(reply)), None)

    def by_message(self, message: Ref) -> Live | None:
        """The one that a message of ours belongs to."""
        return next((live for live in self if message in live.refs), None)

    @contextmanager
    def expecting(self, place: Place) -> Iterator[None]:
        """As long as this lasts, people may see something there that we are not told of yet."""
        expected = object()
        self._expected[expected] = place
        try:
            yield
        finally:
            del self._expected[expected]

    async def appearing(self, may_be_there: Callable[[Place], bool], found: Callable[[], bool]) -> None:
        """Until it is `found`, or we have been told of all that is being posted, opened or looked for by now where it
        `may_be_there`: people may see it before.
        """
        awaited = self.unsure(may_be_there)
        for wait in _APPEARING:
            if found() or awaited.isdisjoint(self.unsure(may_be_there)):
                return
            await asyncio.sleep(wait)

    def unsure(self, may_be_there: Callable[[Place], bool]) -> set[object]:
        """All that is being posted, opened or looked for in such places."""
        posting: dict[object, Place] = {live: live.place for live in self if live.posting}
        return {one for one, place in (posting | self._expected).items() if may_be_there(place)}

    def by_question(self, message: Ref) -> list[Live]:
        """Those that answer this message."""
        return [live for live in self if live.incoming.message == message]

    def in_conversation(self, conversation: int) -> list[Live]:
        return [live for live in self if live.conversation == conversation]

    def in_place(self, platform: str, workspace: str, channel: str, thread: str = "") -> list[Live]:
        """Those of a channel, or of one thread of it."""
        return [
            live
            for live in self
            for place in (live.place,)
            if (place.platform, place.workspace, place.channel) == (platform, workspace, channel)
            and (not thread or thread in (place.thread, place.reply_to))
        ]
