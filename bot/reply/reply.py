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
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bot import sentences
from bot.claude.answer import Ask, Claude
from bot.claude.events import Done, Retrying, Spent, Text, Thinking, Usage, Working
from bot.claude.faults import ClaudeFault
from bot.ports import Content, Control, Place, Platform, Ref
from bot.reply.outbox import Outbox, Settled, View
from bot.reply.pages import Document

log = logging.getLogger(__name__)

# A status is a courtesy for the time until the first text: an answer that is quicker than this needs none, and
# Claude's request is on its way before anything cosmetic is.
_STATUS_AFTER = 0.2

# How an answer ended that Claude itself ended -> what stands under it.
_STOP_NOTICES = {
    "max_tokens": sentences.CUT_BY_LIMIT,
    "model_context_window_exceeded": sentences.CONTEXT_FULL,
    "refusal": sentences.REFUSED,
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
        self, subject: Subject, *, platform: Platform, outbox: Outbox, claude: Claude, journal: Journal
    ) -> None:
        profile = platform.profile
        self.subject = subject
        self._platform = platform
        self._claude = claude
        self._journal = journal
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
        self._status = sentences.THINKING
        self._status_changed = asyncio.Event()
        self._reading: asyncio.Task[tuple[str, Turn]] | None = None
        self._stopped: str | None = None
        self._usage = Usage()
        self._begun = asyncio.Event()
        self._status_shown = False

    def stop(self, notice: str = sentences.STOPPED) -> None:
        """End it now: Claude's request is closed, what was said stays, `notice` is added. The first call counts."""
        if self._stopped is None:
            self._stopped = notice
            if self._reading is not None:
                self._reading.cancel()

    async def run(self, ask: Callable[[], Awaitable[Ask]]) -> Settled:
        """Grow it to its end, and return how the view ended. `ask` is called once, at once."""
        self._journal.growing(self.subject.id, lambda: self._document.text)
        self._reading = asyncio.create_task(self._read(ask), name=f"read {self.subject.id}")
        if self._stopped is not None:
            self._reading.cancel()
        status = asyncio.create_task(self._show_status(), name=f"status {self.subject.id}")
        settled = asyncio.create_task(self._view.settled(), name=f"view {self.subject.id}")
        try:
            # The view can settle first only because it is gone or denied: then nobody needs the rest.
            await asyncio.wait({self._reading, settled}, return_when=asyncio.FIRST_COMPLETED)
            if not self._reading.done():
                self._reading.cancel()
            notice, turn = await self._outcome(self._reading)
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
            outcome = await settled
        finally:
            for task in (self._reading, status, settled):
                task.cancel()
            await asyncio.gather(self._reading, status, settled, return_exceptions=True)
        await self._clear_status()
        return outcome

    async def _outcome(self, reading: asyncio.Task[tuple[str, Turn]]) -> tuple[str, Turn]:
        """The notice under the answer and what its text is worth to later turns."""
        await asyncio.wait({reading})
        if reading.cancelled():
            return self._stopped or "", "partial"
        error = reading.exception()
        if error is None:
            return reading.result()
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
        log.error("reply.failed", extra={"reply": self.subject.id}, exc_info=error)
        return sentences.OUR_FAULT, "partial"

    async def _read(self, ask: Callable[[], Awaitable[Ask]]) -> tuple[str, Turn]:
        """Everything Claude says goes into the document; nothing here waits for a platform."""
        async with aclosing(self._claude.answer(await ask())) as events:
            async for event in events:
                match event:
                    case Text(text):
                        self._begun.set()
                        self._document.feed(text)
                        self._view.grew()
                    case Spent(usage):
                        self._usage = usage
                    case Thinking():
                        self._say_status(sentences.THINKING)
                    case Working(tool):
                        self._say_status(sentences.WORKING.format(tool=tool))
                    case Retrying(fault, seconds):
                        log.info(
                            "reply.retrying",
                            extra={
                                "reply": self.subject.id,
                                "kind": fault.kind,
                                "seconds": round(seconds, 1),
                            },
                        )
                        self._say_status(sentences.RETRYING.format(seconds=max(1, round(seconds))))
                    case Done(reason):
                        return self._ended(reason)
        raise RuntimeError("an answer ended without Done and without a fault")

    def _ended(self, reason: str) -> tuple[str, Turn]:
        if reason == "refusal":
            return sentences.REFUSED, "refused"
        notice = _STOP_NOTICES.get(reason, "")
        if not self._document.text.strip() and not notice:
            notice = sentences.NOTHING_SAID
        return notice, "whole" if reason in ("end_turn", "stop_sequence") else "partial"

    def _on_posted(self, index: int, ref: Ref, place: Place) -> None:
        if index >= 0:  # -1 is the announcement: no page, but it made the thread
            del self._refs[index:]
            self._refs.append(ref)
        self._journal.posted(self.subject.id, tuple(self._refs), place)

    # -------------------------------------------------------------------------------------------- status

    def _say_status(self, text: str) -> None:
        if not self._begun.is_set() and text != self._status:
            self._status = text
            self._status_changed.set()

    async def _show_status(self) -> None:
        """Until the first text: the newest status, refreshed before the platform lets it lapse."""
        await self._wait(self._begun, _STATUS_AFTER)
        while not self._begun.is_set():
            self._status_changed.clear()
            await self._platform.status(self._view.place, self._status)
            self._status_shown = True
            await self._wait(self._status_changed, self._platform.profile.status_seconds)

    async def _clear_status(self) -> None:
        """A post clears it by itself; a reply that never posted anything has to say so."""
        if self._status_shown and not self._refs:
            await self._platform.status(self._view.place, "")

    @staticmethod
    async def _wait(event: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
