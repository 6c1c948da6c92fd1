"""Deleting what is stored of somebody who asks for it. Law: afterwards no row holds their id, their name or their words,
nor the answers to them; the spending of the day that is not over yet excepted, until it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from bot.store import ledger
from bot.store.engine import Part, whole
from bot.store.tables import Changes, Conversation, Feedback, PersonName, Reply, Turn

_AT_ONCE = 20  # conversations in one transaction: some milliseconds


class Forgetting(Part):
    """One more part of the store."""

    async def forget_person(self, platform: str, workspace: str | None, person: str) -> None:
        """Everything that is stored about this person. `workspace` None: in every one of the platform.

        Conversations that were theirs alone are deleted whole, with their answers; elsewhere their questions and the
        answers to these leave. Summaries that may quote them are deleted, and what they stood for is told word by
        word again, without their part. Answers that are still growing should have been stopped before.

        Nobody waits for all of it: it is done in parts. Raises StoreError where one fails; to be done again then.

        What stays: which people a manager allowed or denied, since that is the workspace's rule.
        """
        while concerned := await self._concerned(platform, workspace, person):
            for at in range(0, len(concerned), _AT_ONCE):
                await self._forget_in(concerned[at : at + _AT_ONCE], person)
        await self._forget_account(platform, workspace, person)

    @whole
    def _concerned(self, platform: str, workspace: str | None, person: str) -> Sequence[int]:
        """The conversations in which they said or asked something."""
        with self._transaction() as session:
            known = session.scalars(
                select(Conversation.id)
                .where(*_places(platform, workspace))
                .where(
                    Conversation.id.in_(select(Turn.conversation).where(Turn.person == person))
                    | Conversation.id.in_(select(Reply.conversation).where(Reply.asker == person))
                )
            )
            return known.all()

    @whole
    def _forget_in(self, conversations: Sequence[int], person: str) -> None:
        with self._transaction() as session:
            for conversation in conversations:
                _forget_in(session, conversation, person)

    @whole
    def _forget_account(self, platform: str, workspace: str | None, person: str) -> None:
        """Their name, their thumbs, and whose their settings and their spending were."""
        with self._transaction() as session:
            everywhere = (
                select(Reply.id)
                .join(Conversation, Conversation.id == Reply.conversation)
                .where(*_places(platform, workspace))
            )
            session.execute(delete(Feedback).where(Feedback.person == person, Feedback.reply.in_(everywhere)))
            names = [PersonName.platform == platform, PersonName.id == person]
            changes = [Changes.platform == platform, Changes.by == person]
            if workspace is not None:
                names.append(PersonName.workspace == workspace)
                changes.append(Changes.workspace == workspace)
            session.execute(delete(PersonName).where(*names))
            session.execute(update(Changes).where(*changes).values(by=""))
            ledger.forget(session, platform, workspace, person)


def _places(platform: str, workspace: str | None) -> list[ColumnElement[bool]]:
    places = [Conversation.platform == platform]
    return places if workspace is None else [*places, Conversation.workspace == workspace]


def _forget_in(session: Session, conversation: int, person: str) -> None:
    here = Turn.conversation == conversation
    others = session.scalar(
        select(Turn.id).where(here, Turn.role == "user", Turn.person.not_in((person, ""))).limit(1)
    )
    if others is None:
        session.execute(delete(Conversation).where(Conversation.id == conversation))
        return
    asked = list(session.scalars(select(Turn.reply).where(here, Turn.person == person, Turn.reply != "")))
    session.execute(delete(Turn).where(here, Turn.reply.in_(asked)))
    session.execute(delete(Turn).where(here, Turn.person == person))
    session.execute(delete(Turn).where(here, Turn.state == "summary"))
    session.execute(
        update(Reply)
        .where(Reply.conversation == conversation, Reply.asker == person)
        .values(asker="", text="", announce="", key="", question_channel="", question_message="")
    )
