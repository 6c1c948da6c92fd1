"""Dollars a day, of a person, a channel and a workspace. Law: what is under way counts as spent, so that any number of
questions at once overshoot a limit by one reply at most.

Before a reply the most that one call can cost is reserved; after it, what it did cost takes the reservation's place. A
question is refused once what is spent and reserved has reached a limit. (The mean of earlier answers would reserve less
and let more questions in at once, but ten long answers among them would overshoot by ten.) Days are UTC; a reply
belongs to the day on which it began.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace

from bot.claude.answer import Ask
from bot.claude.events import Usage
from bot.claude.prices import Prices, tokens
from bot.conversation.preferences import Preferences
from bot.store.ledger import Account, Cost, Ledger, Summary, Whose

_DAY = 86_400.0
# What an image or a page of a PDF counts at most: 1,568 pixels on the longer side are about 1,600 tokens, and larger
# ones are scaled down (Claude's documentation on vision). A PDF's size does not tell its pages: 100 KB is taken for one.
_IMAGE = 1_600
_DOCUMENT_BYTES_PER_TOKEN = 60


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
        self._ledger = ledger
        self._prices = prices

    async def reserve(
        self, reply: str, account: Account, ask: Ask, preferences: Preferences, *, now: float | None = None
    ) -> OverLimit | None:
        """Set aside the most that this reply may cost; or say which limit is reached, and reserve nothing."""
        now = time.time() if now is None else now
        most = self._prices.most(ask.model, tokens_in=size(ask), tokens_out=ask.max_tokens)
        full = await self._ledger.reserve(reply, account, most, _limits(preferences), now=now)
        if full is None:
            return None
        return OverLimit(full.whose, full.limit, _DAY - now % _DAY, reserved=full.spent < full.limit)

    async def reached(
        self, account: Account, preferences: Preferences, *, now: float | None = None
    ) -> OverLimit | None:
        """The limit that is spent, whatever would be asked next; nothing is reserved. Answers under way do not count: they
        may cost less.
        """
        now, limits = time.time() if now is None else now, _limits(preferences)
        if not any(limits.values()):
            return None
        today = (await self._ledger.summary(account, now=now)).today
        spent: dict[Whose, Cost] = {
            "person": today.person,
            "channel": today.channel,
            "workspace": today.workspace,
        }
        for whose, limit in limits.items():
            if 0 < limit <= spent[whose].micros:
                return OverLimit(whose, limit, _DAY - now % _DAY, reserved=False)
        return None

    async def settle(
        self,
        reply: str,
        model: str,
        usage: Usage,
        *,
        said: str = "",
        written_for_an_hour: int = 0,
        searches: int = 0,
    ) -> int:
        """The reply has ended: what it cost, in millionths of a dollar. Settling again changes nothing.

        said  the words of an answer that was stopped or broke off. Claude tells what it wrote only at the end, but
              bills what it had written by then: so their length counts, or else stopping each answer before its last
              word would be a way around every limit
        """
        usage = replace(usage, tokens_out=max(usage.tokens_out, tokens(said)))
        micros = self.cost(model, usage, written_for_an_hour=written_for_an_hour, searches=searches)
        await self._ledger.settle(
            reply,
            Cost(
                replies=1,
                tokens_in=usage.tokens_in,
                tokens_out=usage.tokens_out,
                cache_read=usage.cache_read,
                cache_written=usage.cache_written,
                searches=searches,
                micros=micros,
            ),
        )
        return micros

    def cost(self, model: str, usage: Usage, *, written_for_an_hour: int = 0, searches: int = 0) -> int:
        """What this usage costs, in millionths of a dollar; for a footer, while the ledger is still to be written."""
        return self._prices.cost(model, usage, written_for_an_hour=written_for_an_hour, searches=searches)

    async def cancel(self, reply: str) -> None:
        """The reply never reached Claude: nothing was spent, and it does not count."""
        await self._ledger.settle(reply, Cost())

    async def release_left(self) -> int:
        """Let go of what a crash left reserved; call it at the start, before any question. How many there were."""
        return await self._ledger.release_all()

    async def summary(self, account: Account, *, now: float | None = None) -> Summary:
        """Today and this month: of the person, the channel and the workspace."""
        return await self._ledger.summary(account, now=time.time() if now is None else now)


def _limits(preferences: Preferences) -> dict[Whose, int]:
    return {
        "person": preferences.person_daily,
        "channel": preferences.channel_daily,
        "workspace": preferences.workspace_daily,
    }


def size(ask: Ask) -> int:
    """About how many tokens a request has, rather too many than too few."""
    count = tokens(ask.system) + (tokens(json.dumps(ask.extra, default=str)) if ask.extra else 0)
    for message in ask.messages:
        content = message["content"]
        if isinstance(content, str):
            count += tokens(content) + _AROUND
        else:
            count += sum(_block(block) for block in content) + _AROUND
    return count


_AROUND = 10  # what stands around a message


def _block(block: object) -> int:
    if not isinstance(block, dict):
        return tokens(str(block))
    match block.get("type"):
        case "text":
            return tokens(str(block.get("text", "")))
        case "image":
            return _IMAGE
        case "document":
            source = block.get("source")
            data = source.get("data", "") if isinstance(source, dict) else ""
            if isinstance(source, dict) and source.get("type") == "text":
                return tokens(str(data))
            return max(_IMAGE, len(str(data)) * 3 // 4 // _DOCUMENT_BYTES_PER_TOKEN)
        case _:
            return tokens(json.dumps(block, default=str))


def dollars(micros: int) -> str:
    """Money as people write it: "$0.02", and below a cent as much as shows it: "$0.0004"."""
    if 0 < micros < 10_000:
        return f"${micros / 1_000_000:.4f}" if micros >= 100 else "<$0.0001"
    return f"${micros / 1_000_000:,.2f}"
