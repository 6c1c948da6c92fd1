"""A question, from its arrival until it is in the store. Law: taken up once, in the order in which it came, or refused in a
sentence that says why.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any

from bot import sentences
from bot.conversation import routing
from bot.conversation.admission import Admission, Terms, Turned
from bot.conversation.answers import Answers, Taken
from bot.conversation.beginnings import Beginnings
from bot.conversation.channel import Channel
from bot.conversation.early import Early
from bot.conversation.journal import StoreJournal
from bot.conversation.permissions import Way
from bot.conversation.turns import Turns
from bot.ports import Deleted, Dialect, Edited, Incoming, Person, Place, Ref
from bot.settings import Settings
from bot.store.nouns import Question
from bot.store.store import Store
from bot.translations import say

log = logging.getLogger(__name__)

_COUNTED = 5_000  # requests whose second delivery is not counted against their asker


class Questions:
    """Made once; `asked` for everything that may be a question."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        journal: StoreJournal,
        admission: Admission,
        answers: Answers,
        spawn: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._journal = journal
        self._admission = admission
        self._answers = answers
        self._spawn = spawn
        self._beginnings = Beginnings()
        self._arrivals = Turns()  # by where a conversation may be known: questions are taken up as they came
        self._taking = Turns()  # by message: a question is taken up before it is edited or deleted
        self._counted: OrderedDict[str, None] = OrderedDict()
        self._coming: dict[asyncio.Event, Incoming] = {}  # what is being taken up
        self._early = Early()

    async def taken_up(self, message: Ref) -> None:
        """Until the question that is this message is taken up, if it is one that has arrived."""
        async with self._taking.next(message):
            pass

    def changed(self, event: Edited | Deleted) -> None:
        """A message was edited or deleted."""
        self._early.changed(event, _now())

    async def own_taken_up(self, place: Place, person: Person) -> None:
        """Who stops something right behind their own question means that one: until it is taken up, where nothing else of
        theirs is under way there.
        """
        for live in self._answers.live:
            here = live.place.channel == place.channel and (
                not place.thread or live.place.thread == place.thread
            )
            if here and live.owed and live.incoming.person.id == person.id:
                return
        for taken, coming in tuple(self._coming.items()):
            if coming.place.channel == place.channel and coming.person.id == person.id:
                await taken.wait()

    @asynccontextmanager
    async def in_order(self, place: Place, scope: str, message: Ref | None) -> AsyncIterator[None]:
        """The turn of something that is no question, among the questions of this conversation."""
        anchors = routing.anchors_of(place, scope)
        async with self._arrivals.next(anchors[0], message) if anchors else nullcontext():
            yield

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
                if (newest := self._as_it_stands(incoming)) is None:
                    return
                incoming = newest
                if not await self._is_for_us(incoming, way):
                    if incoming.place.thread and not (incoming.bot or routing.begins(incoming)):
                        self._early.passed_by(_belongs(incoming), channel, incoming, _now())
                    return
                terms = await (looking or self._terms(channel, incoming))
                language = terms.language
                incoming = _announced(incoming, channel.platform.profile.dialect, language)
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
            for there, said in self._early.goes_on_from(incoming, _belongs(incoming), _now()):
                self._spawn(self.asked(there, said, "overheard"), said.key)
            await self._answers.in_turn(channel, taken, self._said_before(incoming))

    async def written(self, incoming: Incoming) -> None:
        """Who goes on may be quicker than the platform's answer to us, and than the disk: what they reply to, and the thread
        that a command's question has opened, are to be known before the conversation is sought.
        """
        known_by = routing.known_by(incoming)
        await self._journal.known(known_by)
        if await self._appears(incoming, known_by):
            await self._journal.known(known_by)

    async def _appears(self, incoming: Incoming, known_by: Sequence[str]) -> bool:
        """Whether it may go on from a message or a thread of ours that people saw before we were told of it; we are then."""
        live, place, answers = self._answers.live, incoming.place, incoming.answers
        if routing.begins(incoming) or incoming.about is not None:
            return False
        if answers is None and not (place.thread or place.parent):
            return False

        def may_be_there(there: Place) -> bool:
            if (there.platform, there.workspace) != (place.platform, place.workspace):
                return False
            if answers is not None:
                return there.channel == place.channel
            if place.thread:
                return there.channel == place.channel and not there.thread
            return not there.channel and there.parent == place.parent

        def found() -> bool:
            if answers is not None:
                return live.by_message(answers) is not None
            return any(
                (at.channel, at.thread) == (place.channel, place.thread) for at in (one.place for one in live)
            )

        if not live.unsure(may_be_there) or await self._store.takes_part(known_by[:1]):
            return False
        await live.appearing(may_be_there, found)
        return True

    def _as_it_stands(self, incoming: Incoming) -> Incoming | None:
        """In the words that it has by now; None where it was deleted before it arrived."""
        changed = self._early.change_of(incoming.message, _now())
        if isinstance(changed, Deleted):
            log.info("question.deleted_before", extra={"key": incoming.key})
            return None
        if changed is None or changed.person.id != incoming.person.id or not (changed.text or changed.files):
            return incoming
        return replace(incoming, text=changed.text, files=changed.files)

    def _terms(self, channel: Channel, incoming: Incoming) -> Coroutine[Any, Any, Terms]:
        return self._admission.terms(channel, incoming.place, incoming.person, incoming.locale)

    @asynccontextmanager
    async def _arrived(self, incoming: Incoming) -> AsyncIterator[None]:
        """Its turn to be taken up; what is done to its message meanwhile waits."""
        taken = asyncio.Event()
        self._coming[taken] = incoming
        try:
            async with (
                self._taking.next(incoming.message or incoming.key),
                self._arrivals.next(_belongs(incoming), incoming.message),
            ):
                yield
        finally:
            del self._coming[taken]
            taken.set()

    def _said_before(self, incoming: Incoming) -> Coroutine[Any, Any, None]:
        """Until what was said before it, and has arrived, is taken up: it may be a question of the same conversation."""
        return self._arrivals.let_pass(_belongs(incoming), incoming.message)

    async def _is_for_us(self, incoming: Incoming, way: Way) -> bool:
        if await self._unlisted(incoming):
            return False
        if way == "overheard":
            return await self._concerns_us(incoming, routing.known_by(incoming))
        await self.written(incoming)
        return True

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
        if self._answers.draining:
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

    async def _concerns_us(self, incoming: Incoming, known_by: Sequence[str]) -> bool:
        """Whether something that was not said to us belongs to a conversation of ours, or to a channel where we
        answer everything. Most of what is said does not: it must cost next to nothing.
        """
        if not incoming.text.strip() and not incoming.files:
            return False
        try:
            if not (routing.begins(incoming) or self._beginnings.precedes(incoming, known_by)):
                await self.written(incoming)
                if await self._store.takes_part(known_by):
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


def _now() -> float:
    return asyncio.get_running_loop().time()


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


def _announced(incoming: Incoming, dialect: Dialect, language: str) -> Incoming:
    """With the post that shows others what was asked, where the platform does not."""
    if not incoming.unseen:
        return incoming
    name = incoming.person.name or incoming.unseen
    return replace(
        incoming, announce=dialect.asks(incoming.text, by=say(language, sentences.ASKS, name=name))
    )


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
    person = replace(incoming.person, name=whole(incoming.person.name))
    text, unseen, about = whole(incoming.text), whole(incoming.unseen), incoming.about
    announce = whole(incoming.announce)
    if about is not None:
        author = replace(about.person, name=whole(about.person.name))
        about = replace(about, person=author, text=whole(about.text))
    return replace(incoming, person=person, text=text, unseen=unseen, announce=announce, about=about)


def whole(text: str) -> str:
    """With U+FFFD for half a surrogate pair."""
    return (
        text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )
