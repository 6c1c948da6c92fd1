"""What is set and what is spent, in memory: beside `FakeStore`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.store.ledger import Account, Cost, Full, Ledger, Period, Summary, Whose
from bot.store.preferences import PreferenceStore


class FakePreferences(PreferenceStore):
    """What was set, by place."""

    def __init__(self) -> None:
        self.set: dict[tuple[str, str, str], dict[str, Any]] = {}

    async def changes(
        self, platform: str, workspace: str, channel: str
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return self.set.get((platform, workspace, ""), {}), self.set.get((platform, workspace, channel), {})

    async def change(
        self,
        platform: str,
        workspace: str,
        channel: str,
        changes: Mapping[str, Any],
        *,
        by: str,
        now: float | None = None,
    ) -> None:
        both = {**self.set.get((platform, workspace, channel), {}), **changes}
        self.set[platform, workspace, channel] = {
            name: value for name, value in both.items() if value is not None
        }


class FakeLedger(Ledger):
    """Money of one day."""

    def __init__(self) -> None:
        self.reserved: dict[str, tuple[Account, int]] = {}
        self.spent: list[tuple[Account, Cost]] = []

    async def reserve(
        self, reply: str, account: Account, micros: int, limits: Mapping[Whose, int], *, now: float
    ) -> Full | None:
        keys: dict[Whose, Any] = {
            "person": lambda one: one.person == account.person,
            "channel": lambda one: one.channel == account.channel,
            "workspace": lambda one: one.workspace == account.workspace,
        }
        for whose, same in keys.items():
            spent = sum(cost.micros for one, cost in self.spent if same(one))
            reserved = sum(amount for one, amount in self.reserved.values() if same(one))
            if limits[whose] and spent + reserved >= limits[whose]:
                return Full(whose, limits[whose], spent, reserved)
        self.reserved[reply] = (account, micros)
        return None

    async def settle(self, reply: str, cost: Cost) -> bool:
        if reply not in self.reserved:
            return False
        account, _ = self.reserved.pop(reply)
        if cost.replies:
            self.spent.append((account, cost))
        return True

    async def release_all(self) -> int:
        return 0

    async def summary(self, account: Account, *, now: float) -> Summary:
        costs = [cost for _, cost in self.spent]
        total = Cost(len(costs), micros=sum(cost.micros for cost in costs))
        return Summary(Period(total, total, total), Period(total, total, total))
