"""What was spent, and what the answers under way may cost. Law: whether there is room, and taking it, is one
transaction; and money is integer millionths of a dollar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.engine import Part, whole
from bot.store.tables import Entry, Reservation

Whose: TypeAlias = Literal["person", "channel", "workspace"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays for a reply: a person (in a workspace), a channel, a workspace."""

    platform: str
    workspace: str
    channel: str
    person: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Replies, their tokens, and what they cost."""

    replies: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cache_read: int = 0
    cache_written: int = 0
    searches: int = 0
    micros: int = 0


@dataclass(frozen=True, slots=True)
class Full:
    """A limit that is reached: `spent` and `reserved` of it, in millionths of a dollar."""

    whose: Whose
    limit: int
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Period:
    """A day or a month of a person, their channel and their workspace."""

    person: Cost
    channel: Cost
    workspace: Cost


@dataclass(frozen=True, slots=True)
class Summary:
    today: Period
    month: Period


class Ledger(Part):
    """Reach it as `store.ledger`. Times are epoch seconds; days are UTC."""

    @whole
    async def reserve(
        self, reply: str, account: Account, micros: int, limits: Mapping[Whose, int], *, now: float
    ) -> Full | None:
        """Set `micros` aside, if what is spent and reserved today is below each limit; or say which is reached.

        A limit of 0 is none. What was reserved for the same reply before is replaced.
        """
        raise NotImplementedError

    @whole
    async def settle(self, reply: str, cost: Cost) -> bool:
        """The reservation becomes an entry of the day on which it was made. False: there is none (any more)."""
        raise NotImplementedError

    @whole
    async def release_all(self) -> int:
        """Let go of every reservation; how many there were."""
        raise NotImplementedError

    @whole
    async def summary(self, account: Account, *, now: float) -> Summary:
        raise NotImplementedError


def day_of(now: float) -> str:
    """The UTC day, "2026-11-23"."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
