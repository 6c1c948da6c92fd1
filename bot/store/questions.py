"""Taking questions up. Law: a question is claimed, its conversation found and its reply journalled in one transaction, so
that a crash leaves either nothing or a reply that the next start will close.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from bot.ports import Place
from bot.store import rows
from bot.store.engine import Part, whole
from bot.store.nouns import Question
from bot.store.tables import Anchor, Claim, Conversation, Reply, Turn


class Questions(Part):
    """`now` is epoch seconds."""

    @whole
    def begin(
        self, question: Question, *, reply: str, model: str, silence: float, now: float | None = None
    ) -> int | None:
        """Take a question up: the id of its conversation, or None where it was taken up before.

        A direct conversation that has been silent for more than `silence` seconds begins anew, unless the question
        says what it goes on from.
        """
        now = time.time() if now is None else now
        place = question.place
        with self._strangers.meeting(question.known_as):
            return self._begun(question, place, reply, model, silence, now)

    def _begun(
        self, question: Question, place: Place, reply: str, model: str, silence: float, now: float
    ) -> int | None:
        with self._transaction() as session:
            if not _claimed(session, question.key, now):
                return None
            conversation = _to_go_on_from(session, question.upto)
            if conversation is None:
                conversation = rows.found(session, question.known_by)
                silent = conversation is not None and now - conversation.last > silence
                if silent and place.private and not place.thread:
                    conversation = None
            if conversation is None:
                conversation = _opened(session, place, now)
            conversation.last = now
            for anchor in question.known_as:
                rows.bind(session, anchor, conversation.id)
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
                rows.name(session, place.platform, place.workspace, question.person, question.name, now)
            return conversation.id

    @whole
    def place_before(self, reply: str, later: Collection[str]) -> None:
        """The question of `reply` stands before those of `later` from now on, which have no answer yet: it was asked
        before them, and came in behind them.
        """
        with self._transaction() as session:
            question = session.scalar(_questions([reply]))
            if question is None:
                return
            answered = select(Turn.reply).where(Turn.reply.in_(later), Turn.role == "assistant")
            behind = session.scalars(
                _questions(later).where(
                    Turn.conversation == question.conversation,
                    Turn.id < question.id,
                    Turn.reply.not_in(answered),
                )
            )
            last = session.scalar(select(func.max(Turn.id)))
            for number, turn in enumerate(behind.all(), start=1):
                session.execute(update(Turn).where(Turn.id == turn.id).values(id=(last or 0) + number))

    @whole
    def claim(self, key: str, *, now: float | None = None) -> bool:
        """Take up an event that makes no reply (an empty question). False: it was taken up before."""
        with self._transaction() as session:
            return _claimed(session, key, time.time() if now is None else now)

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
    def _takes_part(self, anchors: Sequence[str]) -> bool:
        with self._transaction() as session:
            found = session.execute(select(Anchor.anchor).where(Anchor.anchor.in_(anchors)).limit(1))
            return found.first() is not None

    @whole
    def conversation_of(self, anchors: Sequence[str]) -> int | None:
        """The conversation that the first known of these anchors leads to."""
        with self._transaction() as session:
            conversation = rows.found(session, anchors)
            return None if conversation is None else conversation.id

    @whole
    def answers_to(self, anchors: Sequence[str], people: Collection[str]) -> int:
        """How many questions in a row, up to the last one, came from these people (bots, for the loop guard)."""
        with self._transaction() as session:
            conversation = rows.found(session, anchors)
            if conversation is None:
                return 0
            askers = session.scalars(
                select(Turn.person)
                .where(Turn.conversation == conversation.id, Turn.role == "user", Turn.state != "summary")
                .order_by(Turn.reply != "", Turn.id)
            )
            count = 0
            for asker in askers:
                count = count + 1 if asker in people else 0
            return count

    @whole
    def begin_anew(self, place: Place, anchors: Sequence[str], *, now: float | None = None) -> int:
        """The next question under these anchors meets an empty conversation, whose id this is.

        An answer that still grows in the old one does not bring it back, and nothing is imported into the new one.
        """
        now = time.time() if now is None else now
        with self._strangers.meeting(anchors):
            return self._begun_anew(place, anchors, now)

    def _begun_anew(self, place: Place, anchors: Sequence[str], now: float) -> int:
        with self._transaction() as session:
            conversation = _opened(session, place, now, anew=True)
            for anchor in anchors:
                rows.bind(session, anchor, conversation.id)
            return conversation.id


def _questions(replies: Collection[str]) -> Select[Turn]:
    """As people asked them, in order."""
    return (
        select(Turn)
        .where(Turn.reply.in_(replies), Turn.role == "user", Turn.state != "summary")
        .order_by(Turn.id)
    )


def _claimed(session: Session, key: str, now: float) -> bool:
    claimed = session.execute(
        insert(Claim).values(key=key, at=now).on_conflict_do_nothing().returning(Claim.key)
    )
    return claimed.scalar_one_or_none() is not None


def _opened(session: Session, place: Place, now: float, *, anew: bool = False) -> Conversation:
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
    session.flush()
    return conversation


def _to_go_on_from(session: Session, reply: str) -> Conversation | None:
    """The conversation that ends with this reply: its own, or a copy of that where it has gone on since."""
    known = session.get(Reply, reply) if reply else None
    if known is None:
        return None
    conversation = session.get_one(Conversation, known.conversation)
    # An answer that is still growing has no text to go on from yet: the question waits for it in its conversation.
    ended = known.state != "growing"
    said = rows.order(session, conversation.id)
    if ended and reply in said and said[-1] != reply:
        return _forked(session, conversation, reply, conversation.last)
    return conversation


def _forked(session: Session, original: Conversation, upto: str, now: float) -> Conversation:
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
    session.flush()
    for reply, turns in (rows.exchanges(session, original.id)).items():
        # The last exchange comes word for word: a summary that ends with it would put it into other words.
        taken = [turn for turn in turns if reply != upto or turn.state != "summary"]
        session.add_all(rows.copied(taken, fork.id))
        session.flush()
        if reply == upto:
            break
    return fork
