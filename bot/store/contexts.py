"""What Claude is told of a conversation. Law: an answer stands right behind its own question, what was refused is never
told again, and a summary stands for nothing but what is still said so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from bot.ports import Attachment, Line, Place
from bot.store import rows
from bot.store.engine import Part, whole
from bot.store.nouns import Said
from bot.store.tables import Conversation, Page, PersonName, Reply, Turn


class Contexts(Part):
    """`now` is epoch seconds."""

    @whole
    def turns(self, conversation: int, *, before: str | None = None) -> list[Said]:
        """The turns that Claude may see, oldest first, with the names known by now.

        `before`: only up to the question of that reply, which is included; its answer is not. A summary comes
        instead of all that it stands for.
        """
        with self._transaction() as session:
            return _told(session, conversation, before)

    @whole
    def is_new(self, conversation: int) -> bool:
        """Whether nothing has been answered or imported here, nor did somebody ask for a new one."""
        with self._transaction() as session:
            place = session.get(Conversation, conversation)
            if place is None or place.anew:
                return False
            known = session.scalar(
                select(func.count())
                .select_from(Turn)
                .where(Turn.conversation == conversation, (Turn.reply == "") | (Turn.role == "assistant"))
            )
            return not known

    @whole
    def import_lines(self, conversation: int, lines: Sequence[Line], *, now: float | None = None) -> bool:
        """What stood on the platform before the first question becomes turns before it. False: it is not new (any more).

        Lines that the store knows already, as a question or as a page of an answer, are passed over, and so are empty
        ones. Call it again with nothing to import, and it will not say that the conversation is new either.
        """
        now = time.time() if now is None else now
        with self._transaction() as session:
            place = session.get(Conversation, conversation)
            if place is None or place.anew:
                return False
            taken = session.scalars(
                select(Turn.id)
                .where(Turn.conversation == conversation, (Turn.reply == "") | (Turn.role == "assistant"))
                .limit(1)
            )
            if taken.first() is not None:
                return False
            known = {
                (channel, message)
                for channel, message in session.execute(
                    select(Reply.question_channel, Reply.question_message).where(
                        Reply.conversation == conversation
                    )
                )
            } | {
                (channel, message)
                for channel, message in session.execute(
                    select(Page.channel, Page.message)
                    .join(Reply, Reply.id == Page.reply)
                    .where(Reply.conversation == conversation)
                )
            }
            for line in lines:
                if (line.message.channel, line.message.message) in known:
                    continue
                if not (line.text.strip() or line.files):
                    continue
                session.add(
                    Turn(
                        conversation=conversation,
                        role="assistant" if line.ours else "user",
                        person="" if line.ours else line.person.id,
                        text=line.text,
                        state="whole",
                        reply="",
                        at=now,
                        files=rows.stored_files(line.files),
                    )
                )
                if line.person.name and not line.ours:
                    rows.name(session, place.platform, place.workspace, line.person.id, line.person.name, now)
                session.flush()
            return True

    @whole
    def summarised(
        self,
        conversation: int,
        told: Sequence[Said],
        text: str,
        *,
        before: str | None = None,
        now: float | None = None,
    ) -> bool:
        """From now on `text` stands for these, the oldest of the conversation's `turns` (asked for with this `before`).

        False: that is not what is told any more, since a question was edited or an answer taken away while the summary
        was made, and nothing is written. What it stands for is kept, for a fork or a Regenerate in its midst, and for
        forgetting; where that is changed later, the summary is deleted.
        """
        with self._transaction() as session:
            stands = _told(session, conversation, before)
            if not told or _nameless(stands[: len(told)]) != _nameless(told):
                return False
            session.add(
                Turn(
                    conversation=conversation,
                    role="user",
                    person="",
                    text=text,
                    state="summary",
                    reply=told[-1].reply,
                    at=time.time() if now is None else now,
                )
            )
            return True

    @whole
    def replace_question(self, reply: str, text: str, files: Sequence[Attachment] | None = None) -> bool:
        """The words of a question were changed; `files` None: they were not. False: it is not known (any more)."""
        with self._transaction() as session:
            turn = session.scalar(
                select(Turn).where(Turn.reply == reply, Turn.role == "user", Turn.state != "summary").limit(1)
            )
            if turn is None:
                return False
            rows.unsummarised(session, turn.conversation, reply)
            turn.text = text
            if files is not None:
                turn.files = rows.stored_files(files)
            return True

    @whole
    def forget_exchange(self, reply: str) -> None:
        """A deleted answer and its question leave the context."""
        with self._transaction() as session:
            known = session.get(Reply, reply)
            if known is not None:
                rows.unsummarised(session, known.conversation, reply)
            session.execute(delete(Turn).where(Turn.reply == reply, Turn.state != "summary"))
            session.execute(update(Reply).where(Reply.id == reply).values(text="", announce=""))

    # ------------------------------------------------------------------------------------------ people

    @whole
    def named(self, place: Place, person: str, name: str, *, now: float | None = None) -> None:
        """Somebody's display name is known now."""
        with self._transaction() as session:
            at = time.time() if now is None else now
            rows.name(session, place.platform, place.workspace, person, name, at)

    @whole
    def knows_name(self, place: Place, person: str) -> bool:
        with self._transaction() as session:
            return session.get(PersonName, (place.platform, place.workspace, person)) is not None


def _told(session: Session, conversation: int, before: str | None) -> list[Said]:
    place = session.get(Conversation, conversation)
    if place is None:
        return []
    exchanges = rows.exchanges(session, conversation, asked=before)
    people = {turn.person for turns in exchanges.values() for turn in turns if turn.person}
    names = {
        row.id: row.name
        for row in session.scalars(
            select(PersonName).where(
                PersonName.platform == place.platform,
                PersonName.workspace == place.workspace,
                PersonName.id.in_(people),
            )
        )
    }
    said: list[Said] = []
    for reply, turns in exchanges.items():
        if reply == before:
            said += [_said(turn, names) for turn in turns if turn.role == "user" and turn.state != "summary"]
            break
        summary = [_said(turn, names) for turn in turns if turn.state == "summary"]
        if summary:
            said = summary[-1:]
        else:
            said += [_said(turn, names) for turn in turns]
    return said


def _nameless(told: Sequence[Said]) -> list[Said]:
    """A name that was learnt meanwhile changes nothing of what was said."""
    return [replace(one, name="") for one in told]


def _said(turn: Turn, names: dict[str, str]) -> Said:
    return Said(
        turn.role,
        turn.person,
        names.get(turn.person, ""),
        turn.text,
        turn.reply,
        rows.files_of(turn.files),
        turn.state,
    )
