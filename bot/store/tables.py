"""The tables. Law: times are epoch seconds; people's words stand in `turns` and in the journal, and nowhere else.

conversations   what one context is: a thread, a reply chain, a direct conversation until it falls silent
anchors         names under which a conversation is found again: "slack:T1:thread:C1:1700.1", "discord:G1:message:C1:77"
turns           who said what, in order; Claude's context
claims          keys of the events already taken up, so that a second delivery is not answered twice
replies         the journal: one row per answer, from the claim to the last edit
people          display names, looked up after the fact
budgets         what the platforms had taught us about their limits
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
    last: Mapped[float]


class Anchor(Base):
    __tablename__ = "anchors"

    anchor: Mapped[str] = mapped_column(primary_key=True)
    conversation: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)


class Turn(Base):
    """role "user" or "assistant"; state "whole", "partial" (broken off), "refused" (never sent back to Claude)."""

    __tablename__ = "turns"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    person: Mapped[str]
    text: Mapped[str]
    state: Mapped[str]
    reply: Mapped[str] = mapped_column(index=True)
    at: Mapped[float]


class Claim(Base):
    __tablename__ = "claims"

    key: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(index=True)


class Reply(Base):
    """state "growing" -> "ending" (text is whole, its last edit may not be) -> "shown" | "gone" | "denied"."""

    __tablename__ = "replies"
    __table_args__ = (Index("ix_replies_state", "state"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    conversation: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
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
