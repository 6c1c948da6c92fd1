"""Every event, from its arrival to the end of its reply. Law: answered once, and no failure is silent.

One conversation answers one question at a time, in the order in which they came; different conversations never wait
for each other. Whatever goes wrong in handling one event ends in a sentence to its asker and a line in the log, and
never in the handling of another.

    questions   from arrival into the store      answers    one answer after the other
    admission   who may ask, and how much        controls   buttons, reactions
    context     what Claude is asked             revisions  questions that are edited or deleted
    orders      commands, words, forms           mending    what a crash left
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, assert_never

from bot import sentences
from bot.claude.answer import Claude
from bot.claude.models import Models
from bot.claude.prices import Prices
from bot.conversation import routing, words
from bot.conversation.admission import Admission
from bot.conversation.answers import Answers
from bot.conversation.channel import Channel
from bot.conversation.context import Context
from bot.conversation.controls import Controls
from bot.conversation.journal import StoreJournal
from bot.conversation.mending import Mending
from bot.conversation.orders import Orders
from bot.conversation.questions import Questions, whole
from bot.conversation.revisions import Revisions
from bot.conversation.spending import Spending
from bot.ports import (
    Chosen,
    Deleted,
    Edited,
    Event,
    Incoming,
    Ordered,
    Pressed,
    Ref,
    Submitted,
    Wanted,
)
from bot.settings import Settings
from bot.store.nouns import Unfinished
from bot.store.store import Store, StoreError
from bot.translations import say

log = logging.getLogger(__name__)

Deed: TypeAlias = Pressed | Ordered | Wanted | Submitted | Chosen | Edited


class Conversations:
    """Made once; `take` every event of every platform, then `drain`, then `close`."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        journal: StoreJournal,
        claude: Claude,
        prices: Prices,
        models: Models,
    ) -> None:
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()
        spending = Spending(store.ledger, prices)
        self._admission = Admission(settings, store, spending)
        self._answers = Answers(
            settings=settings,
            store=store,
            journal=journal,
            claude=claude,
            admission=self._admission,
            spending=spending,
            context=Context(settings, store, claude=claude, spending=spending),
            spawn=self._spawn,
        )
        self._questions = Questions(
            settings=settings,
            store=store,
            journal=journal,
            admission=self._admission,
            answers=self._answers,
            spawn=self._spawn,
        )
        self._controls = Controls(
            store=store, admission=self._admission, answers=self._answers, ask=self._questions.asked
        )
        self._orders = Orders(
            store=store,
            admission=self._admission,
            spending=spending,
            controls=self._controls,
            models=models,
            ask=self._questions.asked,
        )
        self._revisions = Revisions(
            store=store,
            admission=self._admission,
            answers=self._answers,
            controls=self._controls,
            longest=settings.question_characters,
        )
        self._mending = Mending(store, journal, self._answers, self._admission)

    # ------------------------------------------------------------------------------------------ events

    def take(self, channel: Channel, event: Event) -> None:
        """Handle an event in a task of its own; never blocks, never raises."""
        match event:
            case Incoming():
                self._spawn(self._heard(channel, event), event.key)
            case Pressed():
                told = self._or_told(channel, event, self._controls.pressed(channel, event))
                self._spawn(told, f"press {event.control}")
            case Ordered():
                self._spawn(self._or_told(channel, event, self._ordered(channel, event)), "order")
            case Wanted():
                self._spawn(self._or_told(channel, event, self._orders.wanted(channel, event)), "wanted")
            case Submitted():
                self._spawn(self._or_told(channel, event, self._orders.submitted(channel, event)), "form")
            case Chosen():
                self._spawn(self._or_told(channel, event, self._orders.chosen(channel, event)), "chosen")
            case Edited():
                edited = replace(event, text=whole(event.text))
                self._spawn(self._or_told(channel, edited, self._edited(channel, edited)), "edited")
            case Deleted():
                self._spawn(self._deleted(channel, event), "deleted")
            case _:
                assert_never(event)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(_logged(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _or_told(self, channel: Channel, deed: Deed, work: Coroutine[Any, Any, None]) -> None:
        """Whoever did something that broke is told so, alone."""
        try:
            await work
        except Exception:
            log.exception("deed.failed", extra={"deed": type(deed).__name__})
            if isinstance(deed, Pressed) and not deed.reply:
                return  # a reaction, which may not have been meant for us
            locale = "" if isinstance(deed, Edited) else deed.locale
            sentence = say(locale, sentences.OUR_FAULT)
            if not await channel.whisper(deed.place, deed.person, sentence) and isinstance(deed, Ordered):
                await channel.show(deed.place, sentence)

    async def _edited(self, channel: Channel, edited: Edited) -> None:
        self._questions.changed(edited)
        await self._questions.taken_up(edited.message)
        await self._revisions.edited(channel, edited)

    async def _deleted(self, channel: Channel, deleted: Deleted) -> None:
        self._questions.changed(deleted)
        await self._questions.taken_up(deleted.message)
        await self._revisions.deleted(channel, deleted)

    async def _ordered(self, channel: Channel, ordered: Ordered, message: Ref | None = None) -> None:
        """`message`: the one that is nothing but the word."""
        if ordered.verb == "stop":
            await self._questions.own_taken_up(ordered.place, ordered.person)
        if ordered.verb != "new":
            fresh = await self._fresh(ordered.key)
        else:
            # Between the questions before it and those behind it, however long either are looked up.
            async with self._questions.in_order(ordered.place, ordered.scope, message):
                fresh = await self._fresh(ordered.key)
                if fresh:
                    await self._orders.begin_anew(ordered.place, ordered.scope)
        if fresh:
            await self._orders.ordered(channel, ordered)

    async def _fresh(self, key: str) -> bool:
        """Whether this is the first delivery. A disk that fails keeps nobody from stopping an answer."""
        try:
            return await self._store.claim(key)
        except StoreError:
            log.exception("claim.failed", extra={"key": key})
            return True

    async def _heard(self, channel: Channel, incoming: Incoming) -> None:
        """Something was said: an order, a question, or nothing that concerns us."""
        verb = words.order(incoming.text) if not incoming.files and not incoming.bot else ""
        overheard = incoming.how == "overheard"
        if not verb or (overheard and verb != "stop"):
            await self._questions.asked(channel, incoming, incoming.how)
        elif overheard:
            await self._stopped_by_word(channel, incoming)
        elif verb == "stop" and incoming.threaded:
            ordered = _as_order(incoming, verb)
            await self._or_told(channel, ordered, self._stopped_by_word(channel, incoming))
        else:
            ordered = _as_order(incoming, verb)
            await self._or_told(channel, ordered, self._ordered(channel, ordered, incoming.message))

    async def _stopped_by_word(self, channel: Channel, incoming: Incoming) -> None:
        """The bare word stops what grows in its thread or reply chain, and nothing elsewhere; where nothing grows it is
        just a word, unless it was said to us.
        """
        overheard = incoming.how == "overheard"
        try:
            await self._questions.own_taken_up(incoming.place, incoming.person)
            await self._questions.written(incoming)
            conversation = await self._store.conversation_of(routing.known_by(incoming))
        except StoreError:
            log.exception("overheard.failed", extra={"key": incoming.key})
            conversation = None
            if overheard:
                return
        live = self._controls.growing(incoming, conversation)
        # A delivery that comes late or twice must not stop what grows by then.
        if (overheard and not live) or not await self._fresh(incoming.key):
            return
        place, person = incoming.place, incoming.person
        if not await self._controls.stop(channel, live, place, person, incoming.locale) and not overheard:
            terms = await self._admission.terms(channel, incoming.place, incoming.person, incoming.locale)
            await channel.answer(place, person, say(terms.language, sentences.NOTHING_TO_STOP))

    # ------------------------------------------------------------------------------------------ beginning, end

    def mend(self, channel: Channel, left: Sequence[Unfinished]) -> None:
        """Close the replies that a crash left on this platform, each in a task of its own."""
        for unfinished in left:
            self._spawn(self._mending.mend(channel, unfinished), f"mend {unfinished.reply}")

    async def drain(self, seconds: float, grace: float) -> int:
        """Let the answers under way end within `seconds`, then tell the rest that they were interrupted.

        `grace` seconds more are for the last edits. Returns how many replies could not be shown whole in that time;
        the next start will.
        """
        self._answers.drain()
        if self._tasks:
            log.info("drain.begun", extra={"replies": len(self._answers.live), "seconds": seconds})
            await asyncio.wait(self._tasks, timeout=seconds)
        self._answers.interrupt()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        return len(self._answers.live)

    async def close(self, seconds: float) -> None:
        """No more events come: what is left has `seconds` to end, and is then ended. The journal knows the rest."""
        if self._tasks and seconds > 0:
            await asyncio.wait(self._tasks, timeout=seconds)
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)


def _as_order(incoming: Incoming, verb: str) -> Ordered:
    """A message to us that is nothing but an order."""
    return Ordered(incoming.key, verb, "", incoming.person, incoming.place, incoming.scope, incoming.locale)


async def _logged(work: Coroutine[Any, Any, None], name: str) -> None:
    """A task that nobody waits for must not fail in silence."""
    try:
        await work
    except Exception:
        log.exception("task.failed", extra={"task": name})
