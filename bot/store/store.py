"""The questions that the bot asks of its tables. Law: every method is one short transaction, and raises StoreError where
the database fails; `now` is epoch seconds.
"""

from __future__ import annotations

import time
from typing import Any

from bot.store.contexts import Contexts
from bot.store.engine import Database, whole
from bot.store.engine import StoreError as StoreError  # noqa: PLC0414 (the rest of the bot imports it from here)
from bot.store.forgetting import Forgetting
from bot.store.ledger import Ledger
from bot.store.preferences import PreferenceStore
from bot.store.questions import Questions
from bot.store.replies import Replies
from bot.store.retention import Retention
from bot.store.tables import Budgets

_BUDGETS_KEPT = 600.0


class Store(Questions, Replies, Contexts, Forgetting, Retention):
    """Open it with `Store.open`, close it last. Settings are in `preferences`, spending is in `ledger`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.preferences = PreferenceStore(database)
        self.ledger = Ledger(database)

    @classmethod
    async def open(cls, url: str) -> Store:
        """Open the database and bring it up to date. Raises StoreError."""
        return cls(await Database.open(url))

    async def close(self) -> None:
        await self._database.close()

    @whole
    def keep_budgets(self, platform: str, learned: dict[str, Any], *, now: float | None = None) -> None:
        now = time.time() if now is None else now
        with self._transaction() as session:
            session.merge(Budgets(platform=platform, learned=learned, at=now))

    @whole
    def budgets(self, platform: str, *, now: float | None = None) -> tuple[dict[str, Any], float] | None:
        """What was learned, and how many seconds ago; None where nothing was, or more than ten minutes ago."""
        now = time.time() if now is None else now
        with self._transaction() as session:
            row = session.get(Budgets, platform)
            if row is None or not 0 <= now - row.at <= _BUDGETS_KEPT:
                return None
            return row.learned, now - row.at
