"""What a crash left behind. Law: no reply stays frozen without a word, nothing is posted twice, and a slow channel delays
no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot import sentences
from bot.claude.events import Usage
from bot.conversation.admission import Admission
from bot.conversation.answers import Answers
from bot.conversation.channel import Channel
from bot.conversation.journal import StoreJournal
from bot.conversation.turns import Turns
from bot.ports import Content, Place, Ref, Unavailable
from bot.reply.buttons import controls_after, label, sure
from bot.reply.messages import ANNOUNCEMENT, post_key
from bot.reply.nouns import Turn
from bot.reply.pages import Document
from bot.store.nouns import Unfinished
from bot.store.store import Store, StoreError
from bot.translations import say

log = logging.getLogger(__name__)

# Seconds between two looks for a message that a crash kept out of the journal, doubled each time that nobody answers.
_LOOK_AGAIN = 2.0
_LOOK_AGAIN_MOST = 300.0
_FINDING = 60.0  # for one look: some pages of a channel's history
# Channels of a platform that are read at once: Slack lets a new app read fifty pages a minute.
_SIDE_BY_SIDE = 8


class Mending:
    """One for the process; `mend` each reply that the last one left."""

    def __init__(self, store: Store, journal: StoreJournal, answers: Answers, admission: Admission) -> None:
        self._store = store
        self._journal = journal
        self._admission = admission
        self._answers = answers
        self._channels = Turns()  # what was left in one channel is looked for one by one
        self._room: dict[str, asyncio.Semaphore] = {}  # by platform

    async def mend(self, channel: Channel, unfinished: Unfinished) -> None:
        """What had been said, and an honest line; whole, if only its last edit was missing."""
        id_, text, notice, turn = unfinished.reply, unfinished.text, unfinished.notice, _turn(unfinished)
        language = await self._language(unfinished)
        if unfinished.state != "ending":
            if _stands(unfinished):
                text, sentence = unfinished.stood, say(language, sentences.INTERRUPTED_ANEW)
                notice = " ".join((*filter(None, [notice.removesuffix(sentence).rstrip()]), sentence))
            else:
                notice = say(language, sentences.INTERRUPTED if text else sentences.INTERRUPTED_EARLY)
            await self._journal.ended(id_, text=text, notice=notice, turn=turn, usage=Usage())
        profile = channel.platform.profile
        document = Document(profile.dialect, profile.page_limit)
        document.feed(text)
        document.end(notice, short=turn != "whole")
        with self._answers.live.expecting(unfinished.place):
            place, refs = await self._left_behind(channel, unfinished)
        view = channel.outbox.open(
            place,
            id_,
            document,
            announce=Content(unfinished.announce) if unfinished.announce and not place.thread else None,
            refs=tuple(refs),
            on_changed=lambda refs, place: self._journal.posted(id_, refs, place),
            crashed=True,
            label=lambda control: label(language, control),
            sure=sure(language),
            sorry=say(language, sentences.OUR_FAULT),
        )
        try:
            view.finish(controls_after(turn, text))
            settled = await view.settled()
        finally:
            view.abandon()
        log.info("reply.mended", extra={"reply": id_, "state": unfinished.state, "outcome": settled.kind})
        await self._answers.close(id_, settled)

    async def _language(self, unfinished: Unfinished) -> str:
        try:
            return (await self._admission.preferences(unfinished.place)).language or unfinished.locale
        except StoreError:
            log.exception("settings.not_read", extra={"reply": unfinished.reply})
            return unfinished.locale

    @asynccontextmanager
    async def _reading(self, place: Place) -> AsyncIterator[None]:
        """Reading a channel's history: hundreds of replies must not ask for it at once, and a slow channel must not hold up
        the others.
        """
        room = self._room.setdefault(place.platform, asyncio.Semaphore(_SIDE_BY_SIDE))
        async with self._channels.next((place.platform, place.workspace, place.channel)), room:
            yield

    async def _left_behind(self, channel: Channel, unfinished: Unfinished) -> tuple[Place, list[Ref]]:
        """Where it stands and its messages, with those that were posted too shortly before the crash to be journalled."""
        place, refs = unfinished.place, list(unfinished.refs)
        if unfinished.announce and not place.thread:
            root = await self._find(channel, place, post_key(unfinished.reply, ANNOUNCEMENT))
            if root is None:
                return place, refs
            place = replace(place, thread=root.message)
        while (ref := await self._find(channel, place, post_key(unfinished.reply, len(refs)))) is not None:
            if ref in refs or await self._is_anothers(unfinished, ref):
                break
            refs.append(ref)
        if len(refs) > len(unfinished.refs) or place != unfinished.place:
            self._journal.posted(unfinished.reply, tuple(refs), place)
        return place, refs

    async def _is_anothers(self, unfinished: Unfinished, ref: Ref) -> bool:
        """Whether it is known to be part of another answer: what bears no mark is found by where it stands alone."""
        place = unfinished.place
        try:
            known = await self._store.reply_of_message(
                ref, platform=place.platform, workspace=place.workspace
            )
        except StoreError:
            log.exception("message.not_looked_up", extra={"reply": unfinished.reply})
            return False  # mostly it was found by its mark, and nothing may be posted twice
        return known not in (None, unfinished.reply)

    async def _find(self, channel: Channel, place: Place, key: str) -> Ref | None:
        """Asked until the platform answers, for without an answer nothing may be posted: it could stand there already.
        What is not answered before the process ends is asked by the next one.
        """
        wait = _LOOK_AGAIN
        while True:
            async with self._reading(place):
                found = await channel.outbox.find(place, key, within=_FINDING)
            if not isinstance(found, Unavailable):
                return found
            log.warning("find.unanswered", extra={"platform": place.platform, "code": found.code})
            await asyncio.sleep(max(wait, found.retry_after))
            wait = min(2 * wait, _LOOK_AGAIN_MOST)


def _stands(unfinished: Unfinished) -> bool:
    """Whether the crash came before a word of the answer that was to take the place of another one."""
    return unfinished.state != "ending" and bool(unfinished.stood) and not unfinished.text.strip()


def _turn(unfinished: Unfinished) -> Turn:
    """How it had ended; what had not is broken off. A footer stands under whole answers, too."""
    match unfinished.turn:
        case "whole" | "refused" if unfinished.state == "ending" or _stands(unfinished):
            return unfinished.turn
        case _:
            return "partial" if unfinished.state != "ending" or unfinished.text else "whole"
