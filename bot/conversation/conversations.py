"""Every event, from its arrival to the end of its reply. Law: answered once, and no failure is silent.

One conversation answers one question at a time, in the order in which they came; different conversations never wait
for each other. Whatever goes wrong in handling one event ends in a sentence to its asker and a line in the log, and
never in the handling of another.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot import sentences
from bot.claude.answer import Ask, Claude
from bot.claude.events import Usage
from bot.conversation import history, routing
from bot.conversation.journal import StoreJournal
from bot.ports import Content, Deleted, Event, Incoming, Platform, Pressed
from bot.reply.outbox import Outbox, Settled
from bot.reply.pages import Document
from bot.reply.reply import Reply, Subject
from bot.settings import Settings
from bot.store.store import Question, Store, Unfinished

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Channel:
    """A platform and the outbox that writes to it."""

    platform: Platform
    outbox: Outbox


class Conversations:
    """Made once; `take` every event of every platform, `drain` at the end."""

    def __init__(self, *, settings: Settings, store: Store, journal: StoreJournal, claude: Claude) -> None:
        self._settings = settings
        self._store = store
        self._journal = journal
        self._claude = claude
        self._replies: dict[str, Reply] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[int, tuple[asyncio.Lock, list[str]]] = {}
        self._places = asyncio.Semaphore(settings.replies_at_once)
        self._draining = False

    # ------------------------------------------------------------------------------------------ events

    def take(self, channel: Channel, event: Event) -> None:
        """Handle an event in a task of its own; never blocks, never raises."""
        match event:
            case Incoming():
                self._spawn(self._heard(channel, event), event.key)
            case Pressed():
                reply = self._replies.get(event.reply)
                log.info(
                    "control.pressed",
                    extra={"control": event.control.value, "reply": event.reply, "live": bool(reply)},
                )
                if reply is not None:
                    reply.stop()
            case Deleted(message):
                channel.outbox.deleted(message)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(_logged(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _heard(self, channel: Channel, incoming: Incoming) -> None:
        try:
            await self._question(channel, incoming)
        except Exception:
            log.exception("question.failed", extra={"key": incoming.key})
            await self._say(channel, incoming, sentences.OUR_FAULT)

    async def _question(self, channel: Channel, incoming: Incoming) -> None:
        known_by = routing.known_by(incoming)
        if incoming.how == "overheard" and not (incoming.text and await self._store.takes_part(known_by)):
            return
        refusal = self._refusal(incoming)
        if refusal:
            if await self._store.claim(incoming.key):
                log.info("question.refused", extra={"key": incoming.key, "characters": len(incoming.text)})
                await self._say(channel, incoming, refusal)
            return
        question = Question(
            key=incoming.key,
            known_by=known_by,
            known_as=routing.known_as(incoming),
            place=incoming.place,
            person=incoming.person.id,
            name=incoming.person.name,
            text=incoming.text,
            announce=incoming.announce,
        )
        reply = secrets.token_hex(6)
        silence = self._settings.direct_silence_hours * 3600
        conversation = await self._store.begin(
            question, reply=reply, model=self._settings.model, silence=silence
        )
        if conversation is None:
            return
        log.info(
            "question.taken",
            extra={
                "key": incoming.key,
                "how": incoming.how,
                "reply": reply,
                "characters": len(incoming.text),
            },
        )
        async with self._turn(conversation, reply), self._places:
            await self._answer(channel, incoming, conversation, reply)
        if not incoming.person.name:
            self._spawn(self._learn_name(channel, incoming), f"name {incoming.key}")

    def _refusal(self, incoming: Incoming) -> str:
        """Why this question never reaches Claude; "" where it does."""
        if self._draining:
            return sentences.RESTARTING
        if not incoming.text.strip():
            return sentences.EMPTY_QUESTION
        if len(incoming.text) > self._settings.question_characters:
            return sentences.LONG_QUESTION.format(
                length=f"{len(incoming.text):,}", limit=f"{self._settings.question_characters:,}"
            )
        return ""

    async def _answer(self, channel: Channel, incoming: Incoming, conversation: int, id_: str) -> None:
        announce = Content(incoming.announce) if incoming.announce else None
        reply = self._reply(channel, Subject(id_, incoming.place, announce))
        self._replies[id_] = reply
        if self._draining:
            reply.stop(sentences.INTERRUPTED_EARLY)
        try:
            settled = await reply.run(lambda: self._ask(incoming, conversation, id_))
        finally:
            del self._replies[id_]
        await self._close(id_, settled)
        if settled.kind == "denied":
            await self._explain(channel, incoming, settled)

    def _reply(self, channel: Channel, subject: Subject) -> Reply:
        return Reply(
            subject,
            platform=channel.platform,
            outbox=channel.outbox,
            claude=self._claude,
            journal=self._journal,
        )

    async def _ask(self, incoming: Incoming, conversation: int, reply: str) -> Ask:
        settings, place = self._settings, incoming.place
        turns = await self._store.turns(conversation, before=reply)
        return Ask(
            model=settings.model,
            messages=history.messages(turns, limit=settings.history_characters, private=place.private),
            max_tokens=settings.max_tokens,
            system=history.system_prompt(place.platform, private=place.private, extra=settings.system_prompt),
            effort=settings.effort,
            thinking=settings.thinking,
        )

    async def _close(self, reply: str, settled: Settled) -> None:
        log.info("reply.settled", extra={"reply": reply, "outcome": settled.kind, "code": settled.code})
        if settled.kind == "shown":
            await self._journal.closed(reply, "shown")
        elif settled.kind == "denied":
            await self._journal.closed(reply, "denied")
        else:
            await self._journal.closed(reply, "gone")

    async def _explain(self, channel: Channel, incoming: Incoming, settled: Settled) -> None:
        outside = settled.code in ("not_in_channel", "channel_not_found")
        sentence = sentences.NOT_A_MEMBER if outside else sentences.MAY_NOT_WRITE
        if not await channel.platform.tell(incoming, sentence):
            log.warning("reply.nowhere_to_say", extra={"key": incoming.key, "code": settled.code})

    async def _say(self, channel: Channel, incoming: Incoming, sentence: str) -> None:
        """One sentence of our own instead of an answer: privately to who typed a command, else in the thread."""
        if incoming.how == "command" and await channel.platform.tell(incoming, sentence):
            return
        profile = channel.platform.profile
        document = Document(profile.dialect, profile.page_limit)
        document.end(sentence)
        view = channel.outbox.open(incoming.place, secrets.token_hex(6), document)
        view.finish()
        settled = await view.settled()
        if settled.kind == "denied":
            await self._explain(channel, incoming, settled)

    async def _learn_name(self, channel: Channel, incoming: Incoming) -> None:
        """Display names are for the next turn: looked up behind the answer, never in front of it."""
        if await self._store.knows_name(incoming.place, incoming.person.id):
            return
        name = await channel.platform.name(incoming.person)
        if name:
            await self._store.named(incoming.place, incoming.person.id, name)

    @asynccontextmanager
    async def _turn(self, conversation: int, reply: str) -> AsyncIterator[None]:
        """This conversation's next free moment, first come first served."""
        lock, waiting = self._turns.setdefault(conversation, (asyncio.Lock(), []))
        waiting.append(reply)
        try:
            async with lock:
                yield
        finally:
            waiting.remove(reply)
            if not waiting:
                self._turns.pop(conversation, None)

    # ------------------------------------------------------------------------------------------ beginning, end

    def mend(self, channel: Channel, left: Sequence[Unfinished]) -> None:
        """Close the replies that a crash left on this platform, each in a task of its own."""
        for unfinished in left:
            self._spawn(self._mend(channel, unfinished), f"mend {unfinished.reply}")

    async def _mend(self, channel: Channel, unfinished: Unfinished) -> None:
        """What had been said, and an honest line; whole, if only its last edit was missing."""
        notice = unfinished.notice
        if unfinished.state != "ending":
            notice = sentences.INTERRUPTED if unfinished.text else sentences.INTERRUPTED_EARLY
            await self._journal.ended(
                unfinished.reply, text=unfinished.text, notice=notice, turn="partial", usage=Usage()
            )
        profile = channel.platform.profile
        document = Document(profile.dialect, profile.page_limit)
        document.feed(unfinished.text)
        document.end(notice)
        view = channel.outbox.open(
            unfinished.place,
            unfinished.reply,
            document,
            announce=Content(unfinished.announce)
            if unfinished.announce and not unfinished.place.thread
            else None,
            refs=unfinished.refs,
        )
        view.finish()
        settled = await view.settled()
        log.info(
            "reply.mended",
            extra={"reply": unfinished.reply, "state": unfinished.state, "outcome": settled.kind},
        )
        await self._close(unfinished.reply, settled)

    async def drain(self, seconds: float, grace: float) -> int:
        """Let the answers under way end within `seconds`, then tell the rest that they were interrupted.

        `grace` seconds more are for the last edits. Returns how many replies could not be shown whole in that time;
        the next start will.
        """
        self._draining = True
        if self._tasks:
            log.info("drain.begun", extra={"replies": len(self._replies), "seconds": seconds})
            await asyncio.wait(self._tasks, timeout=seconds)
        for reply in tuple(self._replies.values()):
            reply.stop(sentences.INTERRUPTED)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        left = len(self._replies)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return left


async def _logged(work: Coroutine[Any, Any, None], name: str) -> None:
    """A task that nobody waits for must not fail in silence."""
    try:
        await work
    except Exception:
        log.exception("task.failed", extra={"task": name})
