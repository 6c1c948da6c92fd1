"""Every event, from its arrival to the end of its reply. Law: answered once, and no failure is silent.

One conversation answers one question at a time, in the order in which they came; different conversations never wait
for each other. Whatever goes wrong in handling one event ends in a sentence to its asker and a line in the log, and
never in the handling of another.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot import sentences
from bot.claude.answer import Ask, Claude
from bot.claude.events import Usage
from bot.conversation import history, routing
from bot.conversation.journal import StoreJournal
from bot.conversation.turns import Turns
from bot.ports import Content, Deleted, Event, Incoming, Place, Platform, Pressed, Ref, Unavailable
from bot.reply.outbox import Outbox, Settled
from bot.reply.pages import Document
from bot.reply.reply import Reply, Subject
from bot.reply.status import Status
from bot.reply.view import ANNOUNCEMENT, post_key
from bot.settings import Settings
from bot.store.nouns import Question, Unfinished
from bot.store.store import Store

log = logging.getLogger(__name__)

# What Slack answers where the bot is not in the channel; everywhere else it is in, but may not write.
_OUTSIDE = frozenset({"not_in_channel", "channel_not_found"})
# A view that failed by our own fault (see outbox.py and view.py): the place itself takes posts.
_OURS = ("internal:", "rejected:")
# Tries, and seconds between them, to look for a message that a crash kept out of the journal.
_LOOK_UPS = 4
_LOOK_AGAIN = 2.0


@dataclass(frozen=True, slots=True)
class Channel:
    """A platform and the outbox that writes to it."""

    platform: Platform
    outbox: Outbox


@dataclass(frozen=True, slots=True)
class Taken:
    """A question that was taken up: the store's id of its conversation, and the id of its reply."""

    incoming: Incoming
    conversation: int
    reply: str


class Conversations:
    """Made once; `take` every event of every platform, then `drain`, then `close`."""

    def __init__(self, *, settings: Settings, store: Store, journal: StoreJournal, claude: Claude) -> None:
        self._settings = settings
        self._store = store
        self._journal = journal
        self._claude = claude
        self._replies: dict[str, Reply] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrivals = Turns()  # by where a conversation may be known: questions are taken up as they came
        self._turns = Turns()  # by conversation: and answered one by one
        self._room = asyncio.Semaphore(settings.replies_at_once)
        self._draining = False

    # ------------------------------------------------------------------------------------------ events

    def take(self, channel: Channel, event: Event) -> None:
        """Handle an event in a task of its own; never blocks, never raises."""
        match event:
            case Incoming():
                self._spawn(self._heard(channel, _encodable(event)), event.key)
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
        known_by = routing.known_by(incoming)
        try:
            async with self._arrivals.next(known_by[0] if known_by else incoming.key):
                if incoming.how == "overheard" and not await self._concerns_us(incoming, known_by):
                    return
                taken, refusal = await self._take_up(incoming, known_by)
        except Exception:
            log.exception("question.failed", extra={"key": incoming.key})
            taken, refusal = None, sentences.OUR_FAULT
        if refusal:
            await self._say(channel, incoming, refusal)
        if taken is not None:
            await self._answer_in_turn(channel, taken)

    async def _concerns_us(self, incoming: Incoming, known_by: Sequence[str]) -> bool:
        """Whether something that was not said to us belongs to a conversation of ours."""
        if not incoming.text.strip():
            return False
        try:
            return await self._store.takes_part(known_by)
        except Exception:
            # Where nobody may be waiting for an answer, an apology would be noise.
            log.exception("overheard.failed", extra={"key": incoming.key})
            return False

    async def _take_up(self, incoming: Incoming, known_by: Sequence[str]) -> tuple[Taken | None, str]:
        """The question in the store, or the sentence that answers it instead; neither, if it was taken up before."""
        refusal = self._refusal(incoming)
        if refusal:
            if not await self._store.claim(incoming.key):
                return None, ""
            log.info("question.refused", extra={"key": incoming.key, "characters": len(incoming.text)})
            return None, refusal
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
            return None, ""
        log.info(
            "question.taken",
            extra={
                "key": incoming.key,
                "how": incoming.how,
                "reply": reply,
                "characters": len(incoming.text),
            },
        )
        return Taken(incoming, conversation, reply), ""

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

    # ------------------------------------------------------------------------------------------ one answer

    async def _answer_in_turn(self, channel: Channel, taken: Taken) -> None:
        waits = self._turns.busy(taken.conversation) or self._room.locked()
        status = Status(
            channel.platform, taken.incoming.place, sentences.WAITING if waits else sentences.THINKING
        )
        if waits:
            status.start()
        try:
            async with self._turns.next(taken.conversation):
                await self._answer(channel, taken, status)
        except Exception:
            log.exception("question.failed", extra={"key": taken.incoming.key, "reply": taken.reply})
            await self._give_up(channel, taken)
        finally:
            status.cancel()
        if not taken.incoming.person.name:
            self._spawn(self._learn_name(channel, taken.incoming), f"name {taken.incoming.key}")

    async def _answer(self, channel: Channel, taken: Taken, status: Status) -> None:
        announce = Content(taken.incoming.announce) if taken.incoming.announce else None
        reply = Reply(
            Subject(taken.reply, taken.incoming.place, announce),
            platform=channel.platform,
            outbox=channel.outbox,
            claude=self._claude,
            journal=self._journal,
            status=status,
            room=self._room,
        )
        if self._draining:
            reply.stop(sentences.INTERRUPTED_EARLY)
        self._replies[taken.reply] = reply
        try:
            settled = await reply.run(lambda: self._ask(taken))
        finally:
            del self._replies[taken.reply]
        await self._close(taken.reply, settled)
        if settled.kind == "denied":
            await self._explain(channel, taken.incoming, settled)

    async def _ask(self, taken: Taken) -> Ask:
        settings, place = self._settings, taken.incoming.place
        turns = await self._store.turns(taken.conversation, before=taken.reply)
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

    async def _give_up(self, channel: Channel, taken: Taken) -> None:
        """Something broke under an answer: its asker is told, by the next start if this one cannot."""
        notice = sentences.OUR_FAULT
        await self._journal.ended(taken.reply, text="", notice=notice, turn="partial", usage=Usage())
        await self._say(channel, taken.incoming, notice)
        await self._journal.closed(taken.reply, "gone")

    # ------------------------------------------------------------------------------------------ our own words

    async def _explain(self, channel: Channel, incoming: Incoming, settled: Settled) -> None:
        """Why no answer can be seen, told to the asker alone; where it was our fault, in the place itself."""
        if settled.code.startswith(_OURS):
            await self._show(channel, incoming.place, sentences.OUR_FAULT)
            return
        sentence = sentences.NOT_A_MEMBER if settled.code in _OUTSIDE else sentences.MAY_NOT_WRITE
        if not await self._tell(channel, incoming, sentence):
            log.warning("reply.nowhere_to_say", extra={"key": incoming.key, "code": settled.code})

    async def _say(self, channel: Channel, incoming: Incoming, sentence: str) -> None:
        """One sentence of our own instead of an answer: privately to who typed a command, else in the thread."""
        if incoming.how == "command" and await self._tell(channel, incoming, sentence):
            return
        settled = await self._show(channel, incoming.place, sentence)
        if settled.kind == "denied" and not settled.code.startswith(_OURS):
            await self._explain(channel, incoming, settled)

    async def _show(self, channel: Channel, place: Place, sentence: str) -> Settled:
        profile = channel.platform.profile
        document = Document(profile.dialect, profile.page_limit)
        document.end(sentence)
        view = channel.outbox.open(place, secrets.token_hex(6), document)
        try:
            view.finish()
            return await view.settled()
        finally:
            view.abandon()

    async def _tell(self, channel: Channel, incoming: Incoming, sentence: str) -> bool:
        try:
            return await channel.platform.tell(incoming, sentence)
        except Exception:
            # An adapter's verbs do not raise; one that does must not silence what comes next.
            log.exception("tell.failed", extra={"key": incoming.key})
            return False

    async def _learn_name(self, channel: Channel, incoming: Incoming) -> None:
        """Display names are for the next turn: looked up behind the answer, never in front of it."""
        if await self._store.knows_name(incoming.place, incoming.person.id):
            return
        name = await channel.platform.name(incoming.person)
        if name:
            await self._store.named(incoming.place, incoming.person.id, name)

    # ------------------------------------------------------------------------------------------ beginning, end

    def mend(self, channel: Channel, left: Sequence[Unfinished]) -> None:
        """Close the replies that a crash left on this platform, each in a task of its own."""
        for unfinished in left:
            self._spawn(self._mend(channel, unfinished), f"mend {unfinished.reply}")

    async def _mend(self, channel: Channel, unfinished: Unfinished) -> None:
        """What had been said, and an honest line; whole, if only its last edit was missing."""
        id_, notice = unfinished.reply, unfinished.notice
        if unfinished.state != "ending":
            notice = sentences.INTERRUPTED if unfinished.text else sentences.INTERRUPTED_EARLY
            await self._journal.ended(id_, text=unfinished.text, notice=notice, turn="partial", usage=Usage())
        profile = channel.platform.profile
        document = Document(profile.dialect, profile.page_limit)
        document.feed(unfinished.text)
        document.end(notice)
        place, refs = await self._left_behind(channel, unfinished)

        def posted(page: int, ref: Ref, place: Place) -> None:
            if page != ANNOUNCEMENT:
                refs.append(ref)
            self._journal.posted(id_, tuple(refs), place)

        view = channel.outbox.open(
            place,
            id_,
            document,
            announce=Content(unfinished.announce) if unfinished.announce and not place.thread else None,
            refs=tuple(refs),
            on_posted=posted,
        )
        try:
            view.finish()
            settled = await view.settled()
        finally:
            view.abandon()
        log.info("reply.mended", extra={"reply": id_, "state": unfinished.state, "outcome": settled.kind})
        await self._close(id_, settled)

    async def _left_behind(self, channel: Channel, unfinished: Unfinished) -> tuple[Place, list[Ref]]:
        """Where it stands and its messages, with those that were posted too shortly before the crash to be journalled."""
        place, refs = unfinished.place, list(unfinished.refs)
        if unfinished.announce and not place.thread:
            root = await self._find(channel, place, post_key(unfinished.reply, ANNOUNCEMENT))
            if root is None:
                return place, refs
            place = replace(place, thread=root.message)
        while (ref := await self._find(channel, place, post_key(unfinished.reply, len(refs)))) is not None:
            refs.append(ref)
        if len(refs) > len(unfinished.refs) or place != unfinished.place:
            self._journal.posted(unfinished.reply, tuple(refs), place)
        return place, refs

    async def _find(self, channel: Channel, place: Place, key: str) -> Ref | None:
        for _ in range(_LOOK_UPS):
            try:
                found = await channel.platform.find(place, key)
            except Exception:
                log.exception("find.failed", extra={"platform": place.platform})
                return None
            if not isinstance(found, Unavailable):
                return found
            await asyncio.sleep(max(_LOOK_AGAIN, found.retry_after))
        return None

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
            reply.stop(sentences.INTERRUPTED if reply.begun else sentences.INTERRUPTED_EARLY)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        return len(self._replies)

    async def close(self, seconds: float) -> None:
        """No more events come: what is left has `seconds` to end, and is then ended. The journal knows the rest."""
        if self._tasks and seconds > 0:
            await asyncio.wait(self._tasks, timeout=seconds)
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)


def _encodable(incoming: Incoming) -> Incoming:
    r"""JSON may carry half of a surrogate pair ("\ud83d"), which no file, database or request can hold."""
    person = replace(incoming.person, name=_whole(incoming.person.name))
    text, announce = _whole(incoming.text), _whole(incoming.announce)
    return replace(incoming, person=person, text=text, announce=announce)


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
