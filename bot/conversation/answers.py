"""One answer after the other in each conversation. Law: a question that was taken up ends in an answer or a sentence, and
never in the way of another conversation's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from bot import sentences
from bot.claude.answer import Ask, Claude
from bot.claude.events import Usage
from bot.conversation import routing
from bot.conversation.admission import Admission, Terms
from bot.conversation.beginnings import older
from bot.conversation.channel import Channel
from bot.conversation.context import Context, Noted, Remarks
from bot.conversation.continued import Continued
from bot.conversation.journal import StoreJournal
from bot.conversation.live import Ended, Live, LiveReplies
from bot.conversation.permissions import Way
from bot.conversation.spending import Spending, dollars
from bot.conversation.turns import Turns
from bot.ports import Content, Incoming, Ref
from bot.reply.nouns import Declined, Ending, Manner, Subject
from bot.reply.outbox import Settled
from bot.reply.reply import Reply
from bot.reply.status import Status
from bot.settings import Settings
from bot.store.store import Store, StoreError
from bot.translations import say

log = logging.getLogger(__name__)

_THREAD_NAME = 80  # characters of the question; Discord takes 100
# For all that stands in front of asking Claude: a long thread, twenty files, a summary (60 s of its own). What takes
# longer hangs, and whoever asked is told so.
_PREPARING = 300.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A question that was taken up: the store's id of its conversation, and the id of its reply.

    refs    the messages of an earlier answer to it, which this one is to take the place of
    stands  that one goes on standing where nothing new is said
    """

    incoming: Incoming
    conversation: int
    reply: str
    way: Way
    terms: Terms
    refs: tuple[Ref, ...] = ()
    stands: bool = False

    def say(self, sentence: str, **values: object) -> str:
        return say(self.terms.language, sentence, **values)


class Answers:
    """Made once; `in_turn` for every question."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        journal: StoreJournal,
        claude: Claude,
        admission: Admission,
        spending: Spending,
        context: Context,
        spawn: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        self.live = LiveReplies()
        self.turns = Turns()  # by conversation: answered one by one
        self._store = store
        self._journal = journal
        self._claude = claude
        self._admission = admission
        self._spending = spending
        self._context = context
        self._continued = Continued(store, journal)
        self._spawn = spawn
        self._room = asyncio.Semaphore(settings.replies_at_once)
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether nothing new is asked of Claude any more."""
        return self._draining

    def drain(self) -> None:
        """From now on nothing new is."""
        self._draining = True

    def interrupt(self) -> None:
        """End every answer that grows, honestly."""
        for live in self.live:
            live.stop(sentences.INTERRUPTED if live.begun else sentences.INTERRUPTED_EARLY)

    # ------------------------------------------------------------------------------------------ one question

    async def in_turn(self, channel: Channel, taken: Taken, arriving: Awaitable[None]) -> None:
        """Answer it when the answers before it in its conversation have ended.

        `arriving`: until all is taken up that was said before it and has arrived.
        """
        message = taken.incoming.message
        waits = self.turns.busy(taken.conversation) or self._room.locked()
        status = Status(
            channel.platform,
            taken.incoming.place,
            taken.say(sentences.WAITING if waits else sentences.THINKING),
        )
        if waits:
            status.start()
        if taken.terms.preferences.while_answering == "steer":
            for before in self.live.in_conversation(taken.conversation):
                if before.grows and not older(message, before.incoming.message):
                    before.stop(sentences.STEERED)
        live = Live(taken.incoming, taken.conversation, taken.reply)
        try:
            with self.live.holding(live):
                await arriving
                async with self.turns.next(taken.conversation, message) as over:
                    await self._overtake(live)
                    await self.now(channel, taken, live, status, on_whole=over)
        except Exception:
            log.exception("question.failed", extra={"key": taken.incoming.key, "reply": taken.reply})
            await self.give_up(channel, taken)
        finally:
            status.cancel()
        if not taken.incoming.person.name:
            self._spawn(self._learn_name(channel, taken.incoming), f"name {taken.incoming.key}")

    async def _overtake(self, live: Live) -> None:
        """What was asked later, but came first, is told to Claude behind it."""
        message = live.incoming.message
        later = [
            other.id
            for other in self.live.in_conversation(live.conversation)
            if other.waits and older(message, other.incoming.message)
        ]
        if later:
            await self._store.place_before(live.id, later)

    async def now(
        self,
        channel: Channel,
        taken: Taken,
        live: Live,
        status: Status | None = None,
        ask: Ask | None = None,
        remarks: Noted | None = None,
        on_whole: Callable[[], None] | None = None,
    ) -> None:
        """Answer it; the caller holds the conversation's turn. `ask`: made and paid for already, with its remarks.
        `on_whole` may be called when people can read all of it, and buttons are still to go.

        Raises Declined where an earlier answer goes on standing: whoever wanted another is to be told why.
        """
        if live.stopped == "":
            await self.unpaid(taken.reply)
            await self._unanswered(taken)
            return
        if ask is None and self._shows_first(channel, taken):
            remarks = Noted()
            try:
                ask = await self._paid_first(channel, taken, live, status, remarks)
            except Declined as declined:
                await self._declined(channel, taken, live, declined)
                return
            if live.stopped == "":
                await self.unpaid(taken.reply)
                await self._unanswered(taken)
                return
        taken = await self._branched(channel, taken)
        await self._continued.begins(taken.reply)
        reply = self._reply(channel, taken, status, on_whole)
        if remarks is not None:
            remarks.to(reply)
        live.grow(reply)
        if self._draining:
            reply.stop(sentences.INTERRUPTED_EARLY)

        async def asked() -> Ask:
            made = ask if ask is not None else await self.paid(channel, taken, reply)
            if taken.way == "continue" and taken.incoming.answers is not None:
                # From here on it has buttons of its own, whatever becomes of it.
                gone_on = self._continued.gone_on(channel, taken.incoming.answers, taken.terms)
                self._spawn(gone_on, f"continued by {taken.reply}")
            return made

        try:
            settled = await reply.run(asked)
        except Declined as declined:
            await self._declined(channel, taken, live, declined)
            return
        self._continued.ended(reply)
        await self.close(taken.reply, settled)
        self.live.over(live)
        try:
            await self._told(channel, taken, reply, settled)
        except Exception:
            # The answer stands: what is said beside it must not take its place.
            log.exception("reply.not_told", extra={"reply": taken.reply})

    async def _told(self, channel: Channel, taken: Taken, reply: Reply, settled: Settled) -> None:
        """What is to be said beside an answer that has ended."""
        ending, notify_after = reply.ending, taken.terms.preferences.notify_after
        if settled.kind == "denied":
            await channel.explain(taken.incoming, taken.terms.language, settled)
            return
        if reply.unattached:
            await channel.show(reply.place, taken.say(sentences.FILE_FAILED))
        if ending is not None and settled.kind == "shown" and 0 < notify_after <= ending.seconds:
            await channel.notify(reply.place, taken.say(sentences.ANSWERED), taken.incoming.person.id)

    async def _declined(self, channel: Channel, taken: Taken, live: Live, why: Declined) -> None:
        await self._unanswered(taken)
        self.live.over(live)
        if taken.stands:
            raise why
        await channel.refuse(taken.incoming, taken.terms.language, str(why), alone=True)

    async def _unanswered(self, taken: Taken) -> None:
        """Claude was never asked or has said nothing, and nothing of it is shown."""
        if not taken.stands:
            await self._journal.ended(taken.reply, text="", notice="", turn="partial", usage=Usage())
        await self._journal.closed(taken.reply, "shown" if taken.stands else "gone")

    async def paid(self, channel: Channel, taken: Taken, remarks: Remarks) -> Ask:
        """What Claude is to be asked, and its cost set aside. Raises Declined where there is no money left."""
        async with asyncio.timeout(_PREPARING):
            ask = await self._context.ask(channel, taken, remarks)
            turned = await self._admission.reserve(taken.incoming, taken.reply, ask, taken.terms)
        if turned is not None:
            raise Declined(turned.sentence)
        return ask

    def _shows_first(self, channel: Channel, taken: Taken) -> bool:
        """Whether something is shown before Claude's words: the question itself, or a thread that is opened for it."""
        return not taken.refs and (bool(taken.incoming.announce) or self._branches(channel, taken))

    async def _paid_first(
        self, channel: Channel, taken: Taken, live: Live, status: Status | None, remarks: Noted
    ) -> Ask | None:
        """The request, before anything is shown; None where somebody stopped it meanwhile."""
        if status is not None:
            status.start()
        try:
            return await live.prepare(self.paid(channel, taken, remarks))
        except Ended:
            return None

    def _reply(
        self, channel: Channel, taken: Taken, status: Status | None, on_whole: Callable[[], None] | None
    ) -> Reply:
        preferences, announce = taken.terms.preferences, taken.incoming.announce

        def whole(reply: Reply) -> None:
            self._continued.ended(reply)
            if on_whole is not None:
                on_whole()

        return Reply(
            Subject(
                taken.reply,
                taken.incoming.place,
                Content(announce) if announce and not taken.refs else None,
                taken.refs,
                taken.stands,
            ),
            platform=channel.platform,
            outbox=channel.outbox,
            claude=self._claude,
            journal=self._journal,
            status=status,
            room=self._room,
            manner=Manner(
                language=taken.terms.language,
                growing=preferences.growing == "growing",
                footer=self._footer(preferences.model) if preferences.footer else None,
                most_pages=preferences.attach_pages,
                most_code=preferences.attach_code,
            ),
            # Not when its last edit has landed: a platform may be down for long, and others may ask meanwhile.
            on_end=lambda ending: self._spawn(self._settle(taken, ending), f"settle {taken.reply}"),
            on_whole=whole,
        )

    def _footer(self, model: str) -> Callable[[Usage, float], str]:
        def footer(usage: Usage, seconds: float) -> str:
            return f"{model} · {seconds:.0f} s · {dollars(self._spending.cost(model, usage))}"

        return footer

    def _branches(self, channel: Channel, taken: Taken) -> bool:
        """Whether the place wants a thread for each question, or does now that it is busy."""
        place = taken.incoming.place
        if taken.incoming.message is None or place.private or place.parent or place.thread or taken.refs:
            return False
        wanted = taken.terms.preferences.branching
        return wanted == "always" or (wanted == "busy" and channel.outbox.busy(place))

    async def _branched(self, channel: Channel, taken: Taken) -> Taken:
        """A thread of its own for a question, where the place wants that (and the platform has such threads)."""
        incoming = taken.incoming
        place, message = incoming.place, incoming.message
        if message is None or not self._branches(channel, taken):
            return taken
        name = " ".join(incoming.text.split())[:_THREAD_NAME] or "Claude"
        with self.live.expecting(replace(place, channel="", parent=place.channel)):
            thread = await channel.branch(place, message, name)
            if thread is None:
                return taken
            try:
                await self._store.posted(taken.reply, (), thread, routing.thread_anchors(thread))
            except StoreError:
                # The thread is there: a follow-up in it will have to mention us, but the answer comes.
                log.exception("thread.not_written", extra={"reply": taken.reply})
        return replace(taken, incoming=replace(incoming, place=thread))

    async def unpaid(self, reply: str) -> None:
        """Claude is not asked after all: what was set aside is free again."""
        try:
            await self._spending.cancel(reply)
        except StoreError:
            log.exception("spending.not_settled", extra={"reply": reply})

    async def _settle(self, taken: Taken, ending: Ending) -> None:
        """What it cost takes the place of what was reserved."""
        try:
            model = taken.terms.preferences.model
            # Claude tells what an answer cost in its last event; what was stopped before is priced by its words.
            said = "" if ending.turn == "whole" else ending.text
            await self._spending.settle(taken.reply, model, ending.usage, said=said)
        except Exception:
            log.exception("spending.not_settled", extra={"reply": taken.reply})

    async def close(self, reply: str, settled: Settled) -> None:
        """Write down how its view ended."""
        log.info("reply.settled", extra={"reply": reply, "outcome": settled.kind, "code": settled.code})
        await self._journal.closed(reply, "gone" if settled.kind == "abandoned" else settled.kind)

    async def give_up(self, channel: Channel, taken: Taken) -> None:
        """Something broke under an answer: its asker is told, by the next start if this one cannot."""
        notice = taken.say(sentences.OUR_FAULT)
        await self.unpaid(taken.reply)
        await self._journal.ended(taken.reply, text="", notice=notice, turn="partial", usage=Usage())
        await channel.refuse(taken.incoming, taken.terms.language, notice)
        await self._journal.closed(taken.reply, "gone")

    async def _learn_name(self, channel: Channel, incoming: Incoming) -> None:
        """Display names are for the next turn: looked up behind the answer, never in front of it."""
        if await self._store.knows_name(incoming.place, incoming.person.id):
            return
        name = await channel.name(incoming.person)
        if name:
            await self._store.named(incoming.place, incoming.person.id, name)
