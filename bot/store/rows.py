"""Between rows and nouns, and the questions that several parts of the store ask. Law: a place is stored without its
route, which is a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from bot.ports import Attachment, Place
from bot.store.tables import Anchor, Conversation, PersonName, Turn

# Stands between an exchange's reply and the number of the conversation that it was copied to.
_COPY = "~"


def plain(place: Place) -> dict[str, Any]:
    """A place as it may be stored."""
    stored = asdict(replace(place, route=""))
    del stored["route"]
    return stored


def files_of(stored: Iterable[Any]) -> tuple[Attachment, ...]:
    return tuple(Attachment(**file) for file in stored)


def stored_files(files: Iterable[Attachment]) -> list[dict[str, Any]]:
    return [asdict(file) for file in files]


def found(session: Session, anchors: Iterable[str]) -> Conversation | None:
    """The conversation that the first known of these anchors leads to."""
    for anchor in anchors:
        known = session.get(Anchor, anchor)
        if known is not None:
            return session.get(Conversation, known.conversation)
    return None


def bind(session: Session, anchor: str, conversation: int, *, newest: bool = False) -> None:
    """`newest`: an anchor that leads to a newer conversation by now stays with it."""
    told = insert(Anchor).values(anchor=anchor, conversation=conversation)
    session.execute(
        told.on_conflict_do_update(
            index_elements=[Anchor.anchor],
            set_={"conversation": told.excluded.conversation},
            where=Anchor.conversation < told.excluded.conversation if newest else None,
        )
    )


def name(session: Session, platform: str, workspace: str, person: str, told: str, now: float) -> None:
    session.merge(PersonName(platform=platform, workspace=workspace, id=person, name=told, at=now))


def exchanges(session: Session, conversation: int, asked: str | None = None) -> dict[str, list[Turn]]:
    """A conversation's turns by their exchange, in order; what stood on the platform before comes first, under "".

    What was refused is none of them, but for what is `asked` again.
    A question that waits its turn is written down before the answer in front of it: an answer belongs right behind
    its own question.
    """
    turns = session.scalars(
        select(Turn)
        .where(Turn.conversation == conversation, (Turn.state != "refused") | (Turn.reply == asked))
        .order_by(Turn.reply != "", Turn.id)
    )
    ordered: dict[str, list[Turn]] = {}
    for turn in turns:
        ordered.setdefault(turn.reply, []).append(turn)
    return ordered


def order(session: Session, conversation: int) -> list[str]:
    """The exchanges of a conversation in order, without reading what was said."""
    replies = session.scalars(
        select(Turn.reply)
        .where(Turn.conversation == conversation, Turn.state != "refused", Turn.reply != "")
        .order_by(Turn.id)
    )
    return list(dict.fromkeys(replies))


def unsummarised(session: Session, conversation: int, reply: str) -> None:
    """This exchange is about to change: the summaries that stand for it would tell what is not said any more.

    What they stood for is told word for word again, until that is too long once more.
    """
    here = Turn.conversation == conversation
    begun = select(func.min(Turn.id)).where(here, Turn.reply == reply).scalar_subquery()
    since = (
        select(Turn.reply)
        .where(here, Turn.reply != "")
        .group_by(Turn.reply)
        .having(func.min(Turn.id) >= begun)
    )
    session.execute(delete(Turn).where(here, Turn.state == "summary", Turn.reply.in_(since)))


def copied(turns: Sequence[Turn], conversation: int) -> list[Turn]:
    """The same turns in another conversation, in exchanges of their own."""
    return [
        Turn(
            conversation=conversation,
            role=turn.role,
            person=turn.person,
            text=turn.text,
            state=turn.state,
            reply=turn.reply and f"{turn.reply}{_COPY}{conversation}",
            at=turn.at,
            files=turn.files,
        )
        for turn in turns
    ]
