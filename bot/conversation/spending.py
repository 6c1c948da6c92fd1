"""Dollars a day, of a person, a channel and a workspace. Law: what is under way counts as spent, so that any number of
questions at once overshoot a limit by one reply at most.

Before a reply the most that it can cost is reserved; after it, what it did cost takes the reservation's place. A
question is refused once what is spent and reserved has reached a limit. Days are UTC; a reply belongs to the day on
which it began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.claude.answer import Ask
from bot.claude.events import Usage
from bot.claude.prices import Prices
from bot.conversation.preferences import Preferences
from bot.store.ledger import Account, Ledger, Summary

Whose = Literal["person", "channel", "workspace"]


@dataclass(frozen=True, slots=True)
class OverLimit:
    """Why not now.

    whose      whose limit it is
    limit      in millionths of a dollar
    resets_in  seconds until the day is over
    reserved   the limit is only reached because of answers that are under way: soon there may be room again
    """

    whose: Whose
    limit: int
    resets_in: float
    reserved: bool


class Spending:
    """The ledger with prices. Times are epoch seconds."""

    def __init__(self, ledger: Ledger, prices: Prices) -> None:
        raise NotImplementedError

    async def reserve(
        self, reply: str, account: Account, ask: Ask, preferences: Preferences, *, now: float | None = None
    ) -> OverLimit | None:
        """Set aside the most that this reply may cost; or say which limit is reached, and reserve nothing."""
        raise NotImplementedError

    async def settle(
        self, reply: str, model: str, usage: Usage, *, written_for_an_hour: int = 0, searches: int = 0
    ) -> int:
        """The reply has ended: what it cost, in millionths of a dollar. Settling again changes nothing."""
        raise NotImplementedError

    async def release_left(self) -> int:
        """Let go of what a crash left reserved; call it at the start, before any question. How many there were."""
        raise NotImplementedError

    async def summary(self, account: Account, *, now: float | None = None) -> Summary:
        """Today and this month: of the person, the channel and the workspace."""
        raise NotImplementedError
