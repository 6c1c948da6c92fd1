"""The tables. Law: times are epoch seconds; people's words stand in `turns` and in the journal, and nowhere else.

conversations   what one context is: a thread, a reply chain, a direct conversation until it falls silent
anchors         names under which a conversation is found again: "slack:T1:thread:C1:1700.1", "discord:G1:message:C1:77"
turns           who said what, in order; Claude's context
claims          keys of the events already taken up, so that a second delivery is not answered twice
replies         the journal: one row per answer, from the claim to the last edit, and all that its buttons need
pages           which message on a platform is part of which reply
feedback        thumbs, and what was said beside them
people          display names, looked up after the fact
budgets         what the platforms had taught us about their limits
preferences     what managers set for a channel, or for a workspace (channel "")
ledger          what was spent: a row for each day, channel and person; of long ago, for each month and workspace
reservations    what the answers under way may cost

Money is integer millionths of a dollar.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Constraint names are fixed, since migrations on SQLite have to name what they change."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012 - SQLAlchemy reads it as it is


class Conversation(Base):
    __tablename__ = "conversations"

    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    workspace: Mapped[str]
    channel: Mapped[str]
    private: Mapped[bool]
    created: Mapped[float]
    last: Mapped[float] = mapped_column(index=True)
    anew: Mapped[bool] = mapped_column(
        default=False
    )  # somebody asked for a new one: what stood before is not read


class Anchor(Base):
    __tablename__ = "anchors"

    anchor: Mapped[str] = mapped_column(primary_key=True)
    conversation: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)


class Turn(Base):
    """role "user" or "assistant"; state "whole", "partial" (broken off), "refused" (never sent back to Claude),
    "summary" (stands for its exchange and all before it).

    `reply` is the exchange that it belongs to: a question and its answer; "" for what was said on the platform before
    the bot was there. A copy in a fork has an exchange of its own.
    """

    __tablename__ = "turns"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    person: Mapped[str] = mapped_column(index=True)
    text: Mapped[str]
    state: Mapped[str]
    reply: Mapped[str] = mapped_column(index=True)
    at: Mapped[float]
    files: Mapped[list[Any]] = mapped_column(default=list)


class Claim(Base):
    __tablename__ = "claims"

    key: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(index=True)


class Reply(Base):
    """state "growing" -> "ending" (text is whole, its last edit may not be) -> "shown" | "gone" | "denied".

    A reply that is generated again begins at "growing" once more, in its old messages.
    question_*  the message that was asked, "" for a command; `key` is that of its event
    """

    __tablename__ = "replies"
    __table_args__ = (
        Index("ix_replies_state", "state"),
        Index("ix_replies_question", "question_channel", "question_message"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    conversation: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    state: Mapped[str]
    place: Mapped[dict[str, Any]]
    refs: Mapped[list[Any]]
    text: Mapped[str]
    notice: Mapped[str]
    announce: Mapped[str]
    asker: Mapped[str]
    model: Mapped[str]
    tokens_in: Mapped[int] = mapped_column(default=0)
    tokens_out: Mapped[int] = mapped_column(default=0)
    cache_read: Mapped[int] = mapped_column(default=0)
    cache_written: Mapped[int] = mapped_column(default=0)
    created: Mapped[float]
    updated: Mapped[float]
    key: Mapped[str] = mapped_column(default="")
    how: Mapped[str] = mapped_column(default="")
    locale: Mapped[str] = mapped_column(default="")
    question_channel: Mapped[str] = mapped_column(default="")
    question_message: Mapped[str] = mapped_column(default="")
    seconds: Mapped[float] = mapped_column(default=0.0)
    micros: Mapped[int] = mapped_column(default=0)
    stop_reason: Mapped[str] = mapped_column(default="")


class Page(Base):
    __tablename__ = "pages"

    platform: Mapped[str] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    message: Mapped[str] = mapped_column(primary_key=True)
    reply: Mapped[str] = mapped_column(ForeignKey("replies.id", ondelete="CASCADE"), index=True)


class Feedback(Base):
    """verdict "good" or "bad"; one of each person for each reply, the last one counts."""

    __tablename__ = "feedback"

    reply: Mapped[str] = mapped_column(ForeignKey("replies.id", ondelete="CASCADE"), primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    verdict: Mapped[str]
    comment: Mapped[str]
    at: Mapped[float]


class PersonName(Base):
    __tablename__ = "people"

    platform: Mapped[str] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    at: Mapped[float]


class Budgets(Base):
    __tablename__ = "budgets"

    platform: Mapped[str] = mapped_column(primary_key=True)
    learned: Mapped[dict[str, Any]]
    at: Mapped[float]


class Changes(Base):
    """channel "": the whole workspace. `changed` holds what was set here, and nothing else."""

    __tablename__ = "preferences"

    platform: Mapped[str] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    changed: Mapped[dict[str, Any]]
    by: Mapped[str]
    at: Mapped[float]


class Entry(Base):
    """person "": somebody who asked to be forgotten. `forget`: whose id goes when the day is over.

    Until then the id is needed, or else forgetting would be a way around a daily limit.
    """

    __tablename__ = "ledger"

    day: Mapped[str] = mapped_column(primary_key=True)
    platform: Mapped[str] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    replies: Mapped[int]
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    cache_read: Mapped[int]
    cache_written: Mapped[int]
    searches: Mapped[int]
    micros: Mapped[int]
    forget: Mapped[bool] = mapped_column(default=False)


class Reservation(Base):
    __tablename__ = "reservations"
    __table_args__ = (Index("ix_reservations_where", "day", "platform", "workspace"),)

    reply: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str]
    platform: Mapped[str]
    workspace: Mapped[str]
    channel: Mapped[str]
    person: Mapped[str]
    micros: Mapped[int]
