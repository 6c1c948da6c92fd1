"""The journal of replies, and what their buttons need. Law: a reply can be ended, generated again, gone on with and
deleted from what stands here alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from bot.ports import Place, Ref
from bot.store import rows
from bot.store.engine import Part, whole
from bot.store.nouns import Answered, ReplyState, TurnState, Unfinished, Verdict
from bot.store.tables import Conversation, Feedback, Page, Reply, Turn


class Replies(Part):
    """`now` is epoch seconds."""

    @whole
    def posted(self, reply: str, refs: Sequence[Ref], place: Place, anchors: Sequence[str]) -> None:
        """The reply's messages as they stand, the place with its thread, and the anchors under which they are found."""
        with self._strangers.meeting(anchors):
            self._posted(reply, refs, place, anchors)

    def _posted(self, reply: str, refs: Sequence[Ref], place: Place, anchors: Sequence[str]) -> None:
        with self._transaction() as session:
            row = session.get(Reply, reply)
            if row is None:
                return
            row.refs = [asdict(ref) for ref in refs]
            row.place = rows.plain(place)
            session.execute(delete(Page).where(Page.reply == reply))
            for ref in refs:
                page = {
                    "platform": place.platform,
                    "workspace": place.workspace,
                    "channel": ref.channel,
                    "message": ref.message,
                }
                session.execute(
                    insert(Page)
                    .values(**page, reply=reply)
                    .on_conflict_do_update(index_elements=list(page), set_={"reply": reply})
                )
            for anchor in anchors:
                rows.bind(session, anchor, row.conversation, newest=True)

    @whole
    def grew(self, texts: Sequence[tuple[str, str]]) -> None:
        """The texts of growing replies as (reply, text so far), in one transaction for all."""
        with self._transaction() as session:
            for reply, text in texts:
                session.execute(
                    update(Reply).where(Reply.id == reply, Reply.state == "growing").values(text=text)
                )

    @whole
    def ended(
        self,
        reply: str,
        *,
        text: str,
        notice: str,
        turn: TurnState,
        tokens: dict[str, int],
        stop_reason: str = "",
        seconds: float = 0.0,
        micros: int = 0,
        now: float | None = None,
    ) -> None:
        """The answer is whole (or as whole as it will be): journalled before its last edit is sent.

        `tokens` as `bot.claude.events.Usage` counts them. Telling it again changes nothing.
        """
        now = time.time() if now is None else now
        with self._transaction() as session:
            row = session.get(Reply, reply)
            if row is None:
                return
            row.state, row.text, row.notice, row.updated = "ending", text, notice, now
            row.stop_reason, row.seconds, row.micros = stop_reason, seconds, micros
            for column, count in tokens.items():
                setattr(row, column, count)
            conversation = session.get(Conversation, row.conversation)
            if conversation is not None:
                conversation.last = now
            _forget_answer(session, reply)
            # Going on after a refusal keeps being refused: the whole exchange leaves the context.
            _question(session, reply, "refused" if turn == "refused" else "whole")
            if text:
                session.add(
                    Turn(
                        conversation=row.conversation,
                        role="assistant",
                        person="",
                        text=text,
                        state=turn,
                        reply=reply,
                        at=now,
                    )
                )

    @whole
    def closed(self, reply: str, state: ReplyState, *, now: float | None = None) -> None:
        """The reply's last word on the platform: "shown", "gone" or "denied". Its text now lives in the turns."""
        now = time.time() if now is None else now
        with self._transaction() as session:
            session.execute(
                update(Reply).where(Reply.id == reply).values(state=state, updated=now, text="", announce="")
            )

    @whole
    def unfinished(self) -> list[Unfinished]:
        """What a crash left behind, oldest first."""
        with self._transaction() as session:
            left = list(
                session.scalars(
                    select(Reply).where(Reply.state.in_(("growing", "ending"))).order_by(Reply.created)
                )
            )
            ended = session.execute(
                select(Turn.reply, Turn.state, Turn.text).where(
                    Turn.reply.in_([row.id for row in left]),
                    Turn.role == "assistant",
                )
            )
            turns: dict[str, tuple[str, str]] = {row.reply: (row.state, row.text) for row in ended}
            return [
                Unfinished(
                    reply=row.id,
                    conversation=row.conversation,
                    state=row.state,
                    place=Place(**row.place),
                    refs=tuple(Ref(**ref) for ref in row.refs),
                    text=row.text,
                    notice=row.notice,
                    announce=row.announce,
                    turn=turns.get(row.id, ("", ""))[0],
                    stood=turns.get(row.id, ("", ""))[1] if row.state == "growing" else "",
                    locale=row.locale,
                )
                for row in left
            ]

    # ------------------------------------------------------------------------------------------ what buttons need

    @whole
    def reply(self, reply: str) -> Answered | None:
        """A reply as it stands; None where it is not known (any more)."""
        with self._transaction() as session:
            row = session.get(Reply, reply)
            return None if row is None else _answered(session, row)

    @whole
    def reply_of_message(self, message: Ref, *, platform: str, workspace: str | None = None) -> str | None:
        """The reply that this message of ours is a page of. `workspace` None: in whichever."""
        with self._transaction() as session:
            where = [
                Page.platform == platform,
                Page.channel == message.channel,
                Page.message == message.message,
            ]
            if workspace is not None:
                where.append(Page.workspace == workspace)
            return (session.scalars(select(Page.reply).where(*where).limit(1))).first()

    @whole
    def reply_of_question(self, message: Ref, *, platform: str, workspace: str | None = None) -> str | None:
        """The (last) reply to the question that stands in this message of somebody's."""
        with self._transaction() as session:
            where = [
                Reply.question_channel == message.channel,
                Reply.question_message == message.message,
                Conversation.platform == platform,
            ]
            if workspace is not None:
                where.append(Conversation.workspace == workspace)
            known = session.scalars(
                select(Reply.id)
                .join(Conversation, Conversation.id == Reply.conversation)
                .where(*where)
                .order_by(Reply.created.desc())
                .limit(1)
            )
            return known.first()

    @whole
    def again(
        self, reply: str, *, model: str, keeping: bool = False, now: float | None = None
    ) -> Answered | None:
        """The answer is generated anew, in the messages that it has: its old words are forgotten, with `keeping` not before
        the new ones have ended; where there are none, `closed` alone has the old ones stand again.

        The reply as it stands then ("growing"); None where it is not known, or is growing already.
        """
        now = time.time() if now is None else now
        with self._transaction() as session:
            row = session.get(Reply, reply)
            if row is None or row.state in ("growing", "ending"):
                return None
            row.state, row.text, row.model, row.updated = "growing", "", model, now
            rows.unsummarised(session, row.conversation, reply)
            if not keeping:
                row.notice, row.stop_reason, row.seconds, row.micros = "", "", 0.0, 0
                _forget_answer(session, reply)
                _question(session, reply, "whole")
            session.flush()
            return _answered(session, row)

    @whole
    def feedback(
        self, reply: str, person: str, verdict: Verdict, comment: str = "", *, now: float | None = None
    ) -> bool:
        """Somebody's thumb; the last one counts. False: the reply is not known (any more)."""
        with self._transaction() as session:
            if session.get(Reply, reply) is None:
                return False
            at = time.time() if now is None else now
            session.merge(Feedback(reply=reply, person=person, verdict=verdict, comment=comment, at=at))
            return True


def _forget_answer(session: Session, reply: str) -> None:
    session.execute(delete(Turn).where(Turn.reply == reply, Turn.role == "assistant"))


def _question(session: Session, reply: str, state: TurnState) -> None:
    asked = update(Turn).where(Turn.reply == reply, Turn.role == "user", Turn.state != "summary")
    session.execute(asked.values(state=state))


def _answered(session: Session, row: Reply) -> Answered:
    turns = list(
        session.scalars(select(Turn).where(Turn.reply == row.id, Turn.state != "summary").order_by(Turn.id))
    )
    question = next((turn for turn in turns if turn.role == "user"), None)
    # While it grows, what stood there before is nobody's answer.
    answer = next((turn for turn in turns if turn.role == "assistant" and row.state != "growing"), None)
    message = Ref(row.question_channel, row.question_message) if row.question_message else None
    return Answered(
        reply=row.id,
        conversation=row.conversation,
        state=row.state,
        place=Place(**row.place),
        refs=tuple(Ref(**ref) for ref in row.refs),
        asker=row.asker,
        key=row.key,
        how=row.how,
        locale=row.locale,
        question=question.text if question else "",
        message=message,
        files=rows.files_of(question.files) if question else (),
        text=answer.text if answer else "",
        turn=answer.state if answer else "",
        notice=row.notice,
        stop_reason=row.stop_reason,
        model=row.model,
        seconds=row.seconds,
        micros=row.micros,
        created=row.created,
    )
