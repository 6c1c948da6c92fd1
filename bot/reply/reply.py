"""One answer: Claude's events -> document -> outbox. Law: the end is sacred, and reading never waits for a platform.

A reply ends in one of four ways, and people are told of each but the last: Claude finished; somebody stopped it;
something failed (one sentence, the text so far kept); or its message was deleted, which is the end, quietly.

    Reply(...).run()   asks Claude at once; the status and the first post go alongside, never in front
    Reply.stop(...)    from anywhere, at any time: closes Claude's request, keeps what was said, adds the sentence
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bot import sentences
from bot.claude.answer import Ask, Claude
from bot.claude.events import Done, Retrying, Spent, Text, Thinking, Usage, Working
from bot.claude.faults import ClaudeFault
from bot.ports import Content, Control, Place, Platform, Ref
from bot.reply.outbox import Outbox, Settled, View
from bot.reply.pages import Document
from bot.reply.status import Status

log = logging.getLogger(__name__)

# Why Claude ended an answer that is not whole -> what stands under it. Any other reason, also one that only some
# other server knows, is a whole answer: its `message_stop` came.
_STOP_NOTICES = {
    "max_tokens": sentences.CUT_BY_LIMIT,
    "model_context_window_exceeded": sentences.CONTEXT_FULL,
    "pause_turn": sentences.PAUSED,
    "tool_use": sentences.PAUSED,
    "compaction": sentences.PAUSED,
}

Turn = Literal["whole", "partial", "refused"]


class Journal(Protocol):
    """What of a reply must survive a crash. Its methods never raise; a disk that fails is logged there."""

    def posted(self, reply: str, refs: Sequence[Ref], place: Place) -> None:
        """A message exists now. Written soon; frames do not wait for it."""

    def growing(self, reply: str, text: Callable[[], str]) -> None:
        """The reply has begun; its text is asked for from time to time until `ended`."""

    async def ended(self, reply: str, *, text: str, notice: str, turn: Turn, usage: Usage) -> None:
        """The text is whole; written before its last edit is sent."""

    async def closed(self, reply: str, state: Literal["shown", "gone", "denied"]) -> None:
        """The view is what it will be."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a reply is about: its id, where it grows, and what is posted in front of it."""

    id: str
    place: Place
    announce: Content | None = None
    refs: tuple[Ref, ...] = field(default=())


class Reply:
    """One growing answer. Make it, `run` it once."""

    def __init__(
        self,
        subject: Subject,
        *,
        platform: Platform,
        outbox: Outbox,
        claude: Claude,
        journal: Journal,
        status: Status | None = None,
        room: AbstractAsyncContextManager[None] | None = None,
    ) -> None:
        """`status`: one that is shown already. `room` is held while Claude is read, and no longer."""
        profile = platform.profile
        self.subject = subject
        self._claude = claude
        self._journal = journal
        self._room: AbstractAsyncContextManager[None] = nullcontext() if room is None else room
        self._status = status or Status(platform, subject.place, sentences.THINKING)
        self._document = Document(profile.dialect, profile.page_limit)
        self._view: View = outbox.open(
            subject.place,
            subject.id,
            self._document,
            announce=subject.announce,
            controls=(Control.STOP,),
            refs=subject.refs,
            on_posted=self._on_posted,
        )
        self._refs: list[Ref] = list(subject.refs)
        self._reading: asyncio.Task[tuple[str, Turn]] | None = None
        self._stopped: str | None = None
        self._usage = Usage()
        self._begun = False

    @property
    def begun(self) -> bool:
        """Whether Claude has said anything that people can see."""
        return self._begun

    def stop(self, notice: str = sentences.STOPPED) -> None:
        """End it now: Claude's request is closed, what was said stays, `notice` is added. The first call counts; one
        that comes after Claude's own end says nothing new.
        """
        if self._stopped is not None or (self._reading is not None and self._reading.done()):
            return
        self._stopped = notice
        if self._reading is not None:
            self._reading.cancel()

    async def run(self, ask: Callable[[], Awaitable[Ask]]) -> Settled:
        """Grow it to its end, and return how the view ended. `ask` is called once, at once."""
        self._journal.growing(self.subject.id, lambda: self._document.text)
        self._reading = asyncio.create_task(self._read(ask), name=f"read {self.subject.id}")
        if self._stopped is not None:
            self._reading.cancel()
        settled = asyncio.create_task(self._view.settled(), name=f"view {self.subject.id}")
        self._status.start()
        try:
            # The view can settle first only because it is gone or denied: then nobody needs the rest.
            await asyncio.wait({self._reading, settled}, return_when=asyncio.FIRST_COMPLETED)
            if not self._reading.done():
                self._reading.cancel()
            notice, turn = await self._outcome(self._reading)
            self._status.over()
            await self._end(notice, turn)
            outcome = await settled
            await self._status.end()
        finally:
            # Where all went well these are over already; where something broke, nothing is left running.
            self._view.abandon()
            self._status.cancel()
            for task in (self._reading, settled):
                task.cancel()
            await asyncio.gather(self._reading, settled, return_exceptions=True)
        return outcome

    async def _end(self, notice: str, turn: Turn) -> None:
        """First into the journal, then before people's eyes."""
        text = self._document.text
        await self._journal.ended(self.subject.id, text=text, notice=notice, turn=turn, usage=self._usage)
        log.info(
            "reply.ended",
            extra={
                "reply": self.subject.id,
                "turn": turn,
                "characters": len(text),
                "tokens_in": self._usage.tokens_in,
                "tokens_out": self._usage.tokens_out,
                "cache_read": self._usage.cache_read,
                "cache_written": self._usage.cache_written,
            },
        )
        self._document.end(notice)
        self._view.finish()

    async def _outcome(self, reading: asyncio.Task[tuple[str, Turn]]) -> tuple[str, Turn]:
        """The notice under the answer and what its text is worth to later turns."""
        await asyncio.wait({reading})
        error = None if reading.cancelled() else reading.exception()
        if error is None and not reading.cancelled():
            return reading.result()
        if self._stopped is not None and (error is None or isinstance(error, ClaudeFault)):
            return self._stopped, "partial"  # also where closing the request made it fail
        if self._view.is_settled and error is None:
            return "", "partial"  # nobody will see it
        if isinstance(error, ClaudeFault):
            log.warning(
                "reply.claude_failed",
                extra={
                    "reply": self.subject.id,
                    "kind": error.kind,
                    "detail": error.detail,
                    "request": error.request_id,
                    "characters": self._document.length,
                },
            )
            return error.sentence, "partial"
        # A reading that nobody cancelled and that yet was: something below took a cancellation for its own.
        log.error(
            "reply.failed", extra={"reply": self.subject.id, "cancelled": error is None}, exc_info=error
        )
        return sentences.OUR_FAULT, "partial"

    async def _read(self, ask: Callable[[], Awaitable[Ask]]) -> tuple[str, Turn]:
        """Everything Claude says goes into the document; nothing here waits for a platform."""
        async with self._room, aclosing(self._claude.answer(await ask())) as events:
            self._status.say(sentences.THINKING)
            async for event in events:
                match event:
                    case Text(text):
                        self._document.feed(text)
                        if not self._begun and text.strip():
                            self._begun = True
                            self._status.over()
                        self._view.grew()
                    case Spent(usage):
                        self._usage = usage
                    case Thinking():
                        self._status.say(sentences.THINKING)
                    case Working(tool):
                        self._status.say(sentences.WORKING.format(tool=tool))
                    case Retrying(fault, seconds):
                        self._retrying(fault, seconds)
                    case Done(reason):
                        return self._ended(reason)
        raise RuntimeError("an answer ended without Done and without a fault")

    def _retrying(self, fault: ClaudeFault, seconds: float) -> None:
        log.info(
            "reply.retrying",
            extra={"reply": self.subject.id, "kind": fault.kind, "seconds": round(seconds, 1)},
        )
        self._status.say(sentences.RETRYING.format(seconds=max(1, round(seconds))))

    def _ended(self, reason: str) -> tuple[str, Turn]:
        if reason == "refusal":
            return sentences.REFUSED, "refused"
        if reason in _STOP_NOTICES:
            return _STOP_NOTICES[reason], "partial"
        return "" if self._document.text.strip() else sentences.NOTHING_SAID, "whole"

    def _on_posted(self, index: int, ref: Ref, place: Place) -> None:
        if index >= 0:
            del self._refs[index:]
            self._refs.append(ref)
            self._status.posted()
        else:  # the announcement: no page, but it made the thread
            self._status.place = place
        self._journal.posted(self.subject.id, tuple(self._refs), place)
