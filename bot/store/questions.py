"""Taking questions up. Law: a question is claimed, its conversation found and its reply journalled in one transaction, so
that a crash leaves either nothing or a reply that the next start will close.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.ports import Place
from bot.store import rows
from bot.store.engine import Part, whole
from bot.store.nouns import Question
from bot.store.tables import Anchor, Claim, Conversation, Reply, Turn


class Questions(Part):
    """`now` is epoch seconds."""

    @whole
    async def begin(
        self, question: Question, *, reply: str, model: str, silence: float, now: float | None = None
    ) -> int | None:
        """Take a question up: the id of its conversation, or None where it was taken up before.

        A direct conversation that has been silent for more than `silence` seconds begins anew, unless the question
        says what it goes on from.
        """
        now = time.time() if now is None else now
        place = question.place
        with self._strangers.meeting(question.known_as):
            return await self._begun(question, place, reply, model, silence, now)

    async def _begun(
        self, question: Question, place: Place, reply: str, model: str, silence: float, now: float
    ) -> int | None:
        async with self._transaction() as session:
            if not await _claimed(session, question.key, now):
                return None
            conversation = await _to_go_on_from(session, question.upto)
            if conversation is None:
                conversation = await rows.found(session, question.known_by)
                silent = conversation is not None and now - conversation.last > silence
                if silent and place.private and not place.thread:
                    conversation = None
            if conversation is None:
                conversation = await _opened(session, place, now)
            conversation.last = now
            for anchor in question.known_as:
                await rows.bind(session, anchor, conversation.id)
            session.add(
                Turn(
                    conversation=conversation.id,
                    role="user",
                    person=question.person,
                    text=question.text,
                    state="whole",
                    reply=reply,
                    at=now,
                    files=rows.stored_files(question.files),
                )
            )
            session.add(
                Reply(
                    id=reply,
                    conversation=conversation.id,
                    state="growing",
                    place=rows.plain(place),
                    refs=[],
                    text="",
                    notice="",
                    announce=question.announce,
                    asker=question.person,
                    model=model,
                    created=now,
                    updated=now,
                    key=question.key,
                    how=question.how,
                    locale=question.locale,
                    question_channel=question.message.channel if question.message else "",
                    question_message=question.message.message if question.message else "",
                )
            )
            if question.name:
                await rows.name(session, place.platform, place.workspace, question.person, question.name, now)
            return conversation.id

    @whole
    async def place_before(self, reply: str, later: Collection[str]) -> None:
        """The question of `reply` stands before those of `later` from now on, which have no answer yet: it was asked
        before them, and came in behind them.
        """
        async with self._transaction() as session:
            question = await session.scalar(_questions([reply]))
            if question is None:
                return
            answered = select(Turn.reply).where(Turn.reply.in_(later), Turn.role == "assistant")
            behind = await session.scalars(
                _questions(later).where(
                    Turn.conversation == question.conversation,
                    Turn.id < question.id,
                    Turn.reply.not_in(answered),
                )
            )
            last = await session.scalar(select(func.max(Turn.id)))
            for number, turn in enumerate(behind.all(), start=1):
                await session.execute(update(Turn).where(Turn.id == turn.id).values(id=(last or 0) + number))

    @whole
    async def claim(self, key: str, *, now: float | None = None) -> bool:
        """Take up an event that makes no reply (an empty question). False: it was taken up before."""
        async with self._transaction() as session:
            return await _claimed(session, key, time.time() if now is None else now)

    async def takes_part(self, anchors: Iterable[str]) -> bool:
        """Is one of these anchors a conversation of ours?"""
        asked = [anchor for anchor in anchors if anchor not in self._strangers]
        if not asked:
            return False
        since = self._strangers.meetings
        known = await self._takes_part(asked)
        if not known:
            self._strangers.remember(asked, since=since)
        return known

    @whole
    async def _takes_part(self, anchors: Sequence[str]) -> bool:
        async with self._transaction() as session:
            found = await session.execute(select(Anchor.anchor).where(Anchor.anchor.in_(anchors)).limit(1))
            return found.first() is not None

    @whole
    async def conversation_of(self, anchors: Sequence[str]) -> int | None:
        """The conversation that the first known of these anchors leads to."""
        async with self._transaction() as session:
            conversation = await rows.found(session, anchors)
            return None if conversation is None else conversation.id

    @whole
    async def answers_to(self, anchors: Sequence[str], people: Collection[str]) -> int:
        """How many questions in a row, up to the last one, came from these people (bots, for the loop guard)."""
        async with self._transaction() as session:
            conversation = await rows.found(session, anchors)
            if conversation is None:
                return 0
            askers = await session.scalars(
                select(Turn.person)
                .where(Turn.conversation == conversation.id, Turn.role == "user", Turn.state != "summary")
                .order_by(Turn.reply != "", Turn.id)
            )
            count = 0
            for asker in askers:
                count = count + 1 if asker in people else 0
            return count

    @whole
    async def begin_anew(self, place: Place, anchors: Sequence[str], *, now: float | None = None) -> int:
        """The next question under these anchors meets an empty conversation, whose id this is.

        An answer that still grows in the old one does not bring it back, and nothing is imported into the new one.
        """
        now = time.time() if now is None else now
        with self._strangers.meeting(anchors):
            return await self._begun_anew(place, anchors, now)

    async def _begun_anew(self, place: Place, anchors: Sequence[str], now: float) -> int:
        async with self._transaction() as session:
            conversation = await _opened(session, place, now, anew=True)
            for anchor in anchors:
                await rows.bind(session, anchor, conversation.id)
            return conversation.id


def _questions(replies: Collection[str]) -> Select[Turn]:
    """As people asked them, in order."""
    return (
        select(Turn)
        .where(Turn.reply.in_(replies), Turn.role == "user", Turn.state != "summary")
        .order_by(Turn.id)
    )


async def _claimed(session: AsyncSession, key: str, now: float) -> bool:
    claimed = await session.execute(
        insert(Claim).values(key=key, at=now).on_conflict_do_nothing().returning(Claim.key)
    )
    return claimed.scalar_one_or_none() is not None


async def _opened(session: AsyncSession, place: Place, now: float, *, anew: bool = False) -> Conversation:
    conversation = Conversation(
        platform=place.platform,
        workspace=place.workspace,
        channel=place.channel,
        private=place.private,
        created=now,
        last=now,
        anew=anew,
    )
    session.add(conversation)
    await session.flush()
    return conversation


async def _to_go_on_from(session: AsyncSession, reply: str) -> Conversation | None:
    """The conversation that ends with this reply: its own, or a copy of that where it has gone on since."""
    known = await session.get(Reply, reply) if reply else None
    if known is None:
        return None
    conversation = await session.get_one(Conversation, known.conversation)
    # An answer that is still growing has no text to go on from yet: the question waits for it in its conversation.
    ended = known.state not in ("growing", "ending")
    said = await rows.order(session, conversation.id)
    if ended and reply in said and said[-1] != reply:
        return await _forked(session, conversation, reply, conversation.last)
    return conversation


async def _forked(session: AsyncSession, original: Conversation, upto: str, now: float) -> Conversation:
    fork = Conversation(
        platform=original.platform,
        workspace=original.workspace,
        channel=original.channel,
        private=original.private,
        created=now,
        last=now,
        anew=original.anew,
    )
    session.add(fork)
    await session.flush()
    for reply, turns in (await rows.exchanges(session, original.id)).items():
        # The last exchange comes word for word: a summary that ends with it would put it into other words.
        taken = [turn for turn in turns if reply != upto or turn.state != "summary"]
        session.add_all(rows.copied(taken, fork.id))
        await session.flush()
        if reply == upto:
            break
    return fork
