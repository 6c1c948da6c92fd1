"""Every event, from its arrival to the end of its reply. Law: answered once, and no failure is silent.

One conversation answers one question at a time, in the order in which they came; different conversations never wait
for each other. Whatever goes wrong in handling one event ends in a sentence to its asker and a line in the log, and
never in the handling of another.

    admission   who may ask, and how much        answers    one answer after the other
    context     what Claude is asked             controls   buttons, reactions
    orders      commands, words, forms           revisions  questions that are edited or deleted
    mending     what a crash left
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeAlias, assert_never

from bot import sentences
from bot.claude.answer import Claude
from bot.claude.models import Models
from bot.claude.prices import Prices
from bot.conversation import routing, words
from bot.conversation.admission import Admission, Terms, Turned
from bot.conversation.answers import Answers, Taken
from bot.conversation.beginnings import Beginnings
from bot.conversation.channel import Channel
from bot.conversation.context import Context
from bot.conversation.controls import Controls
from bot.conversation.journal import StoreJournal
from bot.conversation.mending import Mending
from bot.conversation.orders import Orders
from bot.conversation.permissions import Way
from bot.conversation.revisions import Revisions
from bot.conversation.spending import Spending
from bot.conversation.turns import Turns
from bot.ports import (
    Chosen,
    Deleted,
    Edited,
    Event,
    Incoming,
    Ordered,
    Pressed,
    Submitted,
    Wanted,
)
from bot.settings import Settings
from bot.store.nouns import Question, Unfinished
from bot.store.store import Store, StoreError
from bot.translations import say

log = logging.getLogger(__name__)

Deed: TypeAlias = Pressed | Ordered | Wanted | Submitted | Chosen | Edited

_COUNTED = 5_000  # requests whose second delivery is not counted against their asker


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
        self._settings = settings
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrivals = Turns()  # by where a conversation may be known: questions are taken up as they came
        self._taking = Turns()  # by message: a question is taken up before it is edited or deleted
        self._draining = False
        self._counted: OrderedDict[str, None] = OrderedDict()
        self._journal = journal
        self._beginnings = Beginnings()
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
        self._controls = Controls(
            store=store, admission=self._admission, answers=self._answers, ask=self.asked
        )
        self._orders = Orders(
            store=store,
            admission=self._admission,
            spending=spending,
            controls=self._controls,
            models=models,
            ask=self.asked,
        )
        self._revisions = Revisions(
            store=store,
            admission=self._admission,
            answers=self._answers,
            controls=self._controls,
            longest=settings.question_characters,
        )
        self._mending = Mending(journal, self._answers, self._admission)

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
                edited = replace(event, text=_whole(event.text))
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
        async with self._taking.next(edited.message):
            pass  # a question is taken up before it is changed
        await self._revisions.edited(channel, edited)

    async def _deleted(self, channel: Channel, deleted: Deleted) -> None:
        async with self._taking.next(deleted.message):
            pass
        await self._revisions.deleted(channel, deleted)

    async def _ordered(self, channel: Channel, ordered: Ordered) -> None:
        if await self._fresh(ordered.key):
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
            await self.asked(channel, incoming, incoming.how)
        elif overheard:
            await self._stopped_by_word(channel, incoming)
        elif verb == "stop" and incoming.threaded:
            ordered = _as_order(incoming, verb)
            await self._or_told(channel, ordered, self._stopped_by_word(channel, incoming))
        elif await self._fresh(incoming.key):
            ordered = _as_order(incoming, verb)
            await self._or_told(channel, ordered, self._orders.ordered(channel, ordered))

    async def _stopped_by_word(self, channel: Channel, incoming: Incoming) -> None:
        """The bare word stops what grows in its thread or reply chain, and nothing elsewhere; where nothing grows it is
        just a word, unless it was said to us.
        """
        overheard = incoming.how == "overheard"
        try:
            await self._written(incoming)
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
            terms = await self._terms(channel, incoming)
            await channel.answer(place, person, say(terms.language, sentences.NOTHING_TO_STOP))

    async def _concerns_us(self, incoming: Incoming, known_by: Sequence[str]) -> bool:
        """Whether something that was not said to us belongs to a conversation of ours, or to a channel where we
        answer everything. Most of what is said does not: it must cost next to nothing.
        """
        if not incoming.text.strip() and not incoming.files:
            return False
        try:
            before = routing.begins(incoming) or self._beginnings.precedes(incoming, known_by)
            if not before and await self._store.takes_part(known_by):
                return True
            return (await self._admission.preferences(incoming.place)).always_on
        except Exception:
            # Where nobody may be waiting for an answer, an apology would be noise.
            log.exception("overheard.failed", extra={"key": incoming.key})
            return False

    async def _unlisted(self, incoming: Incoming) -> bool:
        """A bot that nobody listed is never told anything: nothing is looked up for it, and nothing written down."""
        if not incoming.bot:
            return False
        return incoming.person.id not in (await self._admission.preferences(incoming.place)).bots

    # ------------------------------------------------------------------------------------------ questions

    async def asked(self, channel: Channel, incoming: Incoming, way: Way) -> None:
        """A question, in whichever way it came: to its end."""
        incoming = _encodable(incoming)
        language = incoming.locale
        taken: Taken | None = None
        turned: Turned | None = None
        # What a platform says of a person may take seconds: those who ask after each other are looked up side by side.
        look_up = not incoming.bot and way != "overheard"
        looking = asyncio.create_task(self._terms(channel, incoming)) if look_up else None
        try:
            async with self._arrived(incoming):
                await self._written(incoming)
                if not await self._is_for_us(incoming, way):
                    return
                terms = await (looking or self._terms(channel, incoming))
                language = terms.language
                taken, turned = await self._take_up(incoming, routing.known_by(incoming), way, terms)
        except Exception:
            log.exception("question.failed", extra={"key": incoming.key})
            turned = Turned(say(language, sentences.OUR_FAULT))
        finally:
            if looking is not None:
                looking.cancel()
        if turned is not None and turned.sentence:
            await channel.refuse(incoming, language, turned.sentence, alone=turned.alone)
        if taken is not None:
            await self._answers.in_turn(channel, taken, self._said_before(incoming))

    async def _written(self, incoming: Incoming) -> None:
        """A reply may be quicker than the disk: what it replies to is to be known before its conversation is sought."""
        if incoming.answers is not None:
            await self._journal.known(incoming.answers)

    def _terms(self, channel: Channel, incoming: Incoming) -> Coroutine[Any, Any, Terms]:
        return self._admission.terms(channel, incoming.place, incoming.person, incoming.locale)

    @asynccontextmanager
    async def _arrived(self, incoming: Incoming) -> AsyncIterator[None]:
        """Its turn to be taken up; what is done to its message meanwhile waits."""
        async with (
            self._taking.next(incoming.message or incoming.key),
            self._arrivals.next(_belongs(incoming), incoming.message),
        ):
            yield

    def _said_before(self, incoming: Incoming) -> Coroutine[Any, Any, None]:
        """Until what was said before it, and has arrived, is taken up: it may be a question of the same conversation."""
        return self._arrivals.let_pass(_belongs(incoming), incoming.message)

    async def _is_for_us(self, incoming: Incoming, way: Way) -> bool:
        if await self._unlisted(incoming):
            return False
        return way != "overheard" or await self._concerns_us(incoming, routing.known_by(incoming))

    async def _take_up(
        self, incoming: Incoming, known_by: Sequence[str], way: Way, terms: Terms
    ) -> tuple[Taken | None, Turned | None]:
        """The question in the store, or what answers it instead; neither, if it was taken up before."""
        turned = await self._turned(incoming, known_by, way, terms)
        if turned is not None:
            if not await self._store.claim(incoming.key):
                return None, None
            log.info("question.refused", extra={"key": incoming.key, "characters": len(incoming.text)})
            return None, turned
        incoming = _placed(incoming, terms)
        text = _about(incoming)
        upto = ""
        if incoming.answers is not None:
            platform = incoming.place.platform
            upto = await self._store.reply_of_message(incoming.answers, platform=platform) or ""
        question = Question(
            key=incoming.key,
            known_by=known_by,
            known_as=routing.known_as(incoming),
            place=incoming.place,
            person=incoming.person.id,
            name=incoming.person.name,
            text=text,
            announce=incoming.announce,
            message=incoming.message,
            files=(*incoming.files, *(incoming.about.files if incoming.about else ())),
            upto=upto,
            how=way,
            locale=incoming.locale,
        )
        reply = secrets.token_hex(6)
        silence = self._settings.direct_silence_hours * 3600
        conversation = await self._store.begin(
            question, reply=reply, model=terms.preferences.model, silence=silence
        )
        if conversation is None:
            return None, None
        self._beginnings.began(incoming, question.known_as)
        log.info(
            "question.taken",
            extra={"key": incoming.key, "how": way, "reply": reply, "characters": len(incoming.text)},
        )
        return Taken(incoming, conversation, reply, way, terms), None

    async def _turned(
        self, incoming: Incoming, known_by: Sequence[str], way: Way, terms: Terms
    ) -> Turned | None:
        """Why this question never reaches Claude; None where it does."""
        bots = terms.preferences.bots
        in_a_row = await self._store.answers_to(known_by, bots) if incoming.bot and bots else 0
        turned = self._admission.may_ask(incoming, way, terms, answers_to_bots=in_a_row)
        if turned is not None:
            return turned
        limit = self._settings.question_characters
        if self._draining:
            return Turned(say(terms.language, sentences.RESTARTING))
        if not incoming.text.strip() and not incoming.files:
            return Turned(say(terms.language, sentences.EMPTY_QUESTION))
        if len(incoming.text) > limit:
            length = f"{len(incoming.text):,}"
            return Turned(say(terms.language, sentences.LONG_QUESTION, length=length, limit=f"{limit:,}"))
        if incoming.key in self._counted:
            return None
        turned = self._admission.count(incoming.place, incoming.person, terms)
        self._counted[incoming.key] = None
        while len(self._counted) > _COUNTED:
            self._counted.popitem(last=False)
        return turned

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
        self._draining = True
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


def _belongs(incoming: Incoming) -> str:
    """What is known of its conversation before anybody has asked the disk."""
    return next(iter(routing.known_by(incoming)), incoming.key)


def _placed(incoming: Incoming, terms: Terms) -> Incoming:
    """Where the answer grows, as the place's settings want it."""
    place = incoming.place
    opens_thread = incoming.message is not None and place.thread == incoming.message.message
    if terms.preferences.reply_in == "channel" and opens_thread and not place.private:
        return replace(incoming, place=replace(place, thread=""))
    return incoming


def _as_order(incoming: Incoming, verb: str) -> Ordered:
    """A message to us that is nothing but an order."""
    return Ordered(incoming.key, verb, "", incoming.person, incoming.place, incoming.scope, incoming.locale)


def _about(incoming: Incoming) -> str:
    """The question with the message that it is about."""
    about = incoming.about
    if about is None or not about.text.strip():
        return incoming.text
    quote = "\n".join(f"> {line}" for line in about.text.strip().splitlines())
    # One line: a display name is free text, and must not look like somebody's words.
    name = " ".join(about.person.name.split()) or about.person.id
    said = sentences.ABOUT_QUESTION.format(name=name, quote=quote)
    return f"{said}\n\n{incoming.text}"


def _encodable(incoming: Incoming) -> Incoming:
    r"""JSON may carry half of a surrogate pair ("\ud83d"), which no file, database or request can hold."""
    person = replace(incoming.person, name=_whole(incoming.person.name))
    text, announce, about = _whole(incoming.text), _whole(incoming.announce), incoming.about
    if about is not None:
        author = replace(about.person, name=_whole(about.person.name))
        about = replace(about, person=author, text=_whole(about.text))
    return replace(incoming, person=person, text=text, announce=announce, about=about)


def _whole(text: str) -> str:
    return (
        text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )


async def _logged(work: Coroutine[Any, Any, None], name: str) -> None:
    """A task that nobody waits for must not fail in silence."""
    try:
        await work
    except Exception:
        log.exception("task.failed", extra={"task": name})
