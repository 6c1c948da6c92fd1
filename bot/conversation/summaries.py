"""The one request that makes a long conversation shorter. Law: it is bounded in time and money, it is paid for by whoever
asked, and an answer is never lost because of it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from itertools import count
from typing import Final

from bot.claude.answer import Ask, Claude
from bot.claude.events import Done, Spent, Text, Usage
from bot.claude.faults import ClaudeFault
from bot.conversation.preferences import Preferences
from bot.conversation.spending import Spending
from bot.store.ledger import Account, Cost
from bot.store.store import Store

log = logging.getLogger(__name__)

# 700 words are about 1,200 tokens, and more in other languages; thinking counts, too.
TOKENS: Final = 4_000
# Somebody waits for the answer behind it: about twice what such a text takes at 50 tokens a second.
_SECONDS: Final = 60.0


class Summaries:
    """One for the process."""

    def __init__(self, store: Store, claude: Claude, spending: Spending) -> None:
        self._store = store
        self._claude = claude
        self._spending = spending
        self._numbers = count(1)  # an answer may need a second one, before the first is settled
        self._settling: set[asyncio.Task[None]] = set()

    async def make(self, ask: Ask, reply: str, account: Account, preferences: Preferences) -> str:
        """What Claude says to it; "" where there is no money for it, or it said nothing in time."""
        name = f"{reply}:summary{next(self._numbers)}"
        over = await self._spending.reserve(name, account, ask, preferences)
        if over is not None:
            return ""
        usage, text = Usage(), ""
        try:
            async with asyncio.timeout(_SECONDS), aclosing(self._claude.answer(ask)) as events:
                async for event in events:
                    match event:
                        case Text(more):
                            text += more
                        case Spent(so_far):
                            usage = so_far
                        case Done("refusal"):
                            text = ""
                        case _:
                            pass
        except ClaudeFault as fault:
            log.warning("summary.failed", extra={"reply": reply, "kind": fault.kind})
            return ""
        except TimeoutError:
            log.warning("summary.failed", extra={"reply": reply, "kind": "too_slow"})
            return ""
        finally:
            # What has been read is billed, whatever becomes of it; a Stop that cancels us does not cancel that.
            settling = asyncio.create_task(self._settle(name, ask.model, usage), name=f"settle {name}")
            self._settling.add(settling)
            settling.add_done_callback(self._settling.discard)
        log.info(
            "summary.made",
            extra={
                "reply": reply,
                "characters": len(text),
                "tokens_in": usage.tokens_in,
                "tokens_out": usage.tokens_out,
                "cache_read": usage.cache_read,
            },
        )
        return text.strip()

    async def _settle(self, name: str, model: str, usage: Usage) -> None:
        """Its cost, but no answer."""
        cost = Cost(
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            cache_read=usage.cache_read,
            cache_written=usage.cache_written,
            micros=self._spending.cost(model, usage),
        )
        try:
            await self._store.ledger.settle(name, cost)
        except Exception:
            log.exception("spending.not_settled", extra={"reply": name})
