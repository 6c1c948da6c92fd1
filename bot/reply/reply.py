"""One answer: Claude's events -> document -> outbox. Law: the end is sacred, and reading never waits for a platform.

A reply ends in one of four ways, and people are told of each but the last: Claude finished; somebody stopped it;
something failed (one sentence, the text so far kept); or its message was deleted, which is the end, quietly. One that
was to take the place of an earlier answer and ends without a word leaves that as it stands.

    Reply(...).run()   asks Claude at once; the status and the first post go alongside, never in front
    Reply.stop(...)    from anywhere, at any time: closes Claude's request, keeps what was said, adds the sentence
    Reply.ending       how it ended, once `run` is over
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import asdict

from bot import sentences
from bot.claude.answer import Ask, Claude
from bot.claude.events import Done, Retrying, Spent, Text, Thinking, Usage, Working
from bot.claude.faults import ClaudeFault
from bot.ports import Content, Control, File, Place, Platform, Ref, Sent
from bot.reply import attaching
from bot.reply.buttons import controls_after, label, sure
from bot.reply.nouns import Declined, Ending, Journal, Manner, Subject, Turn
from bot.reply.outbox import Outbox, Settled, View
from bot.reply.pages import Document
from bot.reply.status import Status
from bot.translations import say

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
        manner: Manner | None = None,
        on_end: Callable[[Ending], None] | None = None,
        on_whole: Callable[[Reply], None] | None = None,
    ) -> None:
        """`status`: one that is shown already. `room` is held while Claude is read, and no longer. `on_end` is called when
        Claude is done and its last edit is still to come; `on_whole` when people can read all of it while earlier pages
        still show a button that is to go.
        """
        profile = platform.profile
        self.subject = subject
        self._manner = manner = manner or Manner()
        self._platform = platform
        self._claude = claude
        self._journal = journal
        self._on_end = on_end
        self._on_whole = on_whole
        self._room: AbstractAsyncContextManager[None] = nullcontext() if room is None else room
        self._status = status or Status(platform, subject.place, self._say(sentences.THINKING))
        self._document = Document(profile.dialect, profile.page_limit)
        self._view: View = outbox.open(
            subject.place,
            subject.id,
            self._document,
            announce=subject.announce,
            controls=(Control.STOP,),
            refs=subject.refs,
            on_leaving=lambda: journal.shows(subject.id),
            on_changed=self._on_changed,
            label=lambda control: label(manner.language, control),
            sure=sure(manner.language),
            sorry=self._say(sentences.OUR_FAULT),
            frames=manner.growing,
        )
        self._refs = subject.refs
        self._reading: asyncio.Task[tuple[str, Turn, str]] | None = None
        self._stopped: str | None = None
        self._offers = True
        self._usage = Usage()
        self._begun = False
        self._remarks: list[str] = []
        self.ending: Ending | None = None
        self.unattached = 0  # files that the platform did not take

    @property
    def begun(self) -> bool:
        """Whether Claude has said anything that people can see."""
        return self._begun

    @property
    def refs(self) -> tuple[Ref, ...]:
        """Its messages so far."""
        return self._refs

    @property
    def posting(self) -> bool:
        """Whether people may see a message of it that is not among `refs` yet."""
        return self._view.is_posting

    @property
    def last(self) -> tuple[Ref, Content] | None:
        """Its newest message, and what that shows; None where nobody knows."""
        message = self._view.messages[-1] if self._view.messages else None
        return (message.ref, message.shown) if message is not None and message.shown is not None else None

    @property
    def place(self) -> Place:
        """Where it grows: with the thread that its announcement has opened."""
        return self._view.place

    def remark(self, sentence: str) -> None:
        """A line of our own that is to stand under the answer, whatever becomes of it."""
        self._remarks.append(sentence)

    def stop(self, notice: str = sentences.STOPPED, *, offers: bool = True) -> bool:
        """End it now: Claude's request is closed, what was said stays, `notice` is added. The first call counts; one
        that comes after Claude's own end says nothing new. Whether it was this call that ended it.

        `offers`: whether buttons stand under it afterwards.
        """
        if self._stopped is not None or (self._reading is not None and self._reading.done()):
            return False
        self._stopped, self._offers = notice, offers
        if self._reading is not None:
            self._reading.cancel()
        return True

    def hurry(self) -> None:
        """Another answer is to take its place, and waits until it has settled."""
        self._view.hurry()

    async def run(self, ask: Callable[[], Awaitable[Ask]]) -> Settled:
        """Grow it to its end, and return how the view ended. `ask` is called once, at once.

        Raises Declined where `ask` does, and where nothing was said instead of what `stands`; without a sentence, where
        that was somebody's wish. Nothing was shown then, and nothing will be.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
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
                await asyncio.wait({self._reading})
            notice, turn, reason = await self._outcome(self._reading)
            self._status.over()
            ended = loop.time()
            seconds = ended - begun
            if self.subject.stands and not self._begun:
                self._over(Ending(turn, reason, notice, "", self._usage, seconds))
                await self._status.end()
                raise Declined("" if notice == sentences.STOPPED else self._say(notice))
            files = await self._end(notice, turn, reason, seconds)
            await self._view.whole()
            seen = loop.time()
            if self._on_whole is not None and not self._view.is_settled:
                self._on_whole(self)
            await self._status.end()
            if not self._view.is_settled or (await settled).kind == "shown":
                self._tell_seen(begun, ended, seen)
                for file in files:
                    self.unattached += not await self._uploaded(file)
            outcome = await settled
        finally:
            # Where all went well these are over already; where something broke, nothing is left running.
            self._view.abandon()
            self._status.cancel()
            for task in (self._reading, settled):
                task.cancel()
            await asyncio.gather(self._reading, settled, return_exceptions=True)
        return outcome

    async def _end(self, notice: str, turn: Turn, reason: str, seconds: float) -> Sequence[File]:
        """First into the journal, then before people's eyes. Returns what is to be attached."""
        text, manner = self._document.text, self._manner
        files = await self._attached(text) if manner.most_pages or manner.most_code else ()
        lines = [*self._remarks, self._say(notice) if notice else "", self._files_said(files)]
        if manner.footer is not None and turn == "whole":
            lines.append(manner.footer(self._usage, seconds))
        notice = " ".join(line for line in lines if line)
        self._over(Ending(turn, reason, notice, text, self._usage, seconds))
        await self._journal.ended(
            self.subject.id,
            text=text,
            notice=notice,
            turn=turn,
            usage=self._usage,
            reason=reason,
            seconds=seconds,
        )
        self._document.end(notice, short=turn != "whole")
        self._view.finish(controls_after(turn, text) if self._offers else ())
        return files

    def _over(self, ending: Ending) -> None:
        """Claude is done with it."""
        self.ending = ending
        if self._on_end is not None:
            self._on_end(ending)
        log.info(
            "reply.ended",
            extra={
                "reply": self.subject.id,
                "turn": ending.turn,
                "reason": ending.reason,
                "characters": len(ending.text),
                "seconds": round(ending.seconds, 1),
                **asdict(ending.usage),
            },
        )

    def _tell_seen(self, begun: float, ended: float, seen: float) -> None:
        """People can read all of it, since `seen`. Our own sentence alone is no answer."""
        first = self._view.first_seen_at
        if first is None:
            return
        log.info(
            "reply.seen",
            extra={
                "reply": self.subject.id,
                "platform": self.subject.place.platform,
                "first_words": round(first - begun, 2),
                "last_edit": round(seen - ended, 2),
            },
        )

    async def _attached(self, text: str) -> Sequence[File]:
        """Parsing a long answer takes a while: not where frames are waited for."""
        manner = self._manner
        try:
            return await asyncio.to_thread(
                attaching.attached,
                text,
                len(self._document.pages()),
                most_pages=manner.most_pages,
                most_code=manner.most_code,
            )
        except Exception:  # other people's parsers on anybody's text: it must not cost the answer
            log.exception("reply.not_parsed", extra={"reply": self.subject.id})
            return ()

    def _files_said(self, files: Sequence[File]) -> str:
        if not files:
            return ""
        if files[0].name == attaching.ANSWER:
            return self._say(sentences.ATTACHED_WHOLE, name=files[0].name)
        return self._say(sentences.ATTACHED_CODE, names=", ".join(file.name for file in files))

    async def _uploaded(self, file: File) -> bool:
        try:
            async with asyncio.timeout(attaching.UPLOADING):
                outcome = await self._platform.upload(self._view.place, file, "")
        except Exception:  # an adapter that breaks or hangs: the answer itself is shown
            log.exception("reply.not_attached", extra={"reply": self.subject.id})
            return False
        if not isinstance(outcome, Sent):
            log.warning(
                "reply.not_attached", extra={"reply": self.subject.id, "outcome": type(outcome).__name__}
            )
        return isinstance(outcome, Sent)

    def _say(self, sentence: str, **values: object) -> str:
        return say(self._manner.language, sentence, **values)

    async def _outcome(self, reading: asyncio.Task[tuple[str, Turn, str]]) -> tuple[str, Turn, str]:
        """The notice under the answer, what its text is worth to later turns, and why it ended."""
        await asyncio.wait({reading})
        error = None if reading.cancelled() else reading.exception()
        if error is None and not reading.cancelled():
            return reading.result()
        if isinstance(error, Declined):
            raise error
        if self._stopped is not None and (error is None or isinstance(error, ClaudeFault)):
            return self._stopped, "partial", "stopped"  # also where closing the request made it fail
        if self._view.is_settled and error is None:
            return "", "partial", "unseen"  # nobody will see it
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
            return error.told(self._manner.language), "partial", f"fault:{error.kind}"
        # A reading that nobody cancelled and that yet was: something below took a cancellation for its own.
        log.error(
            "reply.failed", extra={"reply": self.subject.id, "cancelled": error is None}, exc_info=error
        )
        return sentences.OUR_FAULT, "partial", "internal"

    async def _read(self, ask: Callable[[], Awaitable[Ask]]) -> tuple[str, Turn, str]:
        """Everything Claude says goes into the document; nothing here waits for a platform."""
        async with self._room, aclosing(self._claude.answer(await ask())) as events:
            self._status.say(self._say(sentences.THINKING))
            async for event in events:
                match event:
                    case Text(text):
                        self._document.feed(text)
                        self._heard(text)
                    case Spent(usage):
                        self._usage = usage
                    case Thinking():
                        self._status.say(self._say(sentences.THINKING))
                    case Working(tool):
                        self._status.say(self._say(sentences.WORKING, tool=tool))
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
        self._status.say(self._say(sentences.RETRYING, seconds=max(1, round(seconds))))

    def _heard(self, text: str) -> None:
        """Claude has said more, and it is in the document."""
        if not self._manner.growing:
            self._begun = self._begun or bool(text.strip())
            return
        if not self._begun and text.strip():
            self._begun = True
            self._status.over()
        self._view.grew()

    def _ended(self, reason: str) -> tuple[str, Turn, str]:
        if reason == "refusal":
            return sentences.REFUSED, "refused", reason
        if reason in _STOP_NOTICES:
            return _STOP_NOTICES[reason], "partial", reason
        return "" if self._document.text.strip() else sentences.NOTHING_SAID, "whole", reason

    def _on_changed(self, refs: tuple[Ref, ...], place: Place) -> None:
        self._status.place = place  # an announcement is no page, but makes the thread
        if set(refs) - set(self._refs):
            self._status.posted()
        self._refs = refs
        self._journal.posted(self.subject.id, refs, place)
