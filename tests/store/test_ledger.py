"""The ledger: what is under way counts as spent, and no interleaving overshoots a limit by more than one reply."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store.ledger import Account, Cost, Full, Whose
from bot.store.store import Store
from tests.store.stage import DAY

ADA = Account("slack", "T1", "C1", "U1")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()


def limits(person: int = 0, channel: int = 0, workspace: int = 0) -> dict[Whose, int]:
    return {"person": person, "channel": channel, "workspace": workspace}


async def spend(store: Store, reply: str, account: Account, micros: int, *, now: float = NOON) -> None:
    assert await store.ledger.reserve(reply, account, micros, limits(), now=now) is None
    assert await store.ledger.settle(reply, Cost(replies=1, tokens_out=7, micros=micros))


async def test_fifty_questions_at_once_overshoot_by_one_reply_at_most(store: Store) -> None:
    """Faults of this kind: each of fifty sees the limit not yet reached, and all are answered."""
    taken = await asyncio.gather(
        *(store.ledger.reserve(f"r{n}", ADA, 30, limits(person=100), now=NOON) for n in range(50))
    )
    assert taken.count(None) == 4, "30 + 30 + 30 is below 100, 120 is not"
    for number, full in enumerate(taken):
        if full is None:
            await store.ledger.settle(f"r{number}", Cost(replies=1, micros=30))
    refused = await store.ledger.reserve("late", ADA, 30, limits(person=100), now=NOON)
    assert refused == Full("person", 100, spent=120, reserved=0)


async def test_an_answer_that_cost_less_makes_room(store: Store) -> None:
    assert await store.ledger.reserve("r1", ADA, 100, limits(person=100), now=NOON) is None
    full = await store.ledger.reserve("r2", ADA, 100, limits(person=100), now=NOON)
    assert full == Full("person", 100, spent=0, reserved=100), "nothing is spent yet: soon there may be room"
    await store.ledger.settle("r1", Cost(replies=1, micros=40))
    assert await store.ledger.reserve("r2", ADA, 100, limits(person=100), now=NOON) is None


WHOSE: list[tuple[Account, list[Whose]]] = [
    (ADA, ["person", "channel", "workspace"]),
    (Account("slack", "T1", "C1", "U2"), ["channel", "workspace"]),
    (Account("slack", "T1", "C2", "U1"), ["person", "workspace"]),
    (Account("slack", "T1", "C2", "U2"), ["workspace"]),
    (Account("slack", "T2", "C1", "U1"), []),
    (Account("discord", "T1", "C1", "U1"), []),
]


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize(("other", "shared"), WHOSE)
async def test_spending_counts_where_it_belongs_and_nowhere_else(
    store: Store, other: Account, shared: list[Whose], settled: bool
) -> None:
    """Law: no spending of one person, channel or workspace ever appears in another."""
    await store.ledger.reserve("r1", ADA, 100, limits(), now=NOON)
    if settled:
        await store.ledger.settle("r1", Cost(replies=1, micros=100))
    full: list[Whose] = []
    for whose in ("person", "channel", "workspace"):
        refused = await store.ledger.reserve("probe", other, 1, {whose: 100}, now=NOON)
        if refused is not None:
            full.append(refused.whose)
        await store.ledger.settle("probe", Cost())
    assert full == shared


async def test_a_reply_belongs_to_the_day_on_which_it_began(store: Store) -> None:
    late = NOON + 12 * 3600 - 1
    await store.ledger.reserve("r1", ADA, 100, limits(person=100), now=late)
    assert await store.ledger.reserve("r2", ADA, 100, limits(person=100), now=late + 2) is None
    await store.ledger.settle("r1", Cost(replies=1, micros=100))
    summary = await store.ledger.summary(ADA, now=late)
    assert summary.today.person == Cost(replies=1, micros=100)
    assert (await store.ledger.summary(ADA, now=late + 2)).today.person == Cost()


async def test_a_crash_leaves_nothing_reserved(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.sqlite3"
    store = await Store.open(url)
    await store.ledger.reserve("r1", ADA, 100, limits(), now=NOON)
    await store.close()
    store = await Store.open(url)
    assert await store.ledger.release_all() == 1
    assert await store.ledger.reserve("r2", ADA, 100, limits(person=50), now=NOON) is None
    assert not await store.ledger.settle("r1", Cost(replies=1, micros=100)), "it is too late for that"
    await store.close()


async def test_settling_twice_counts_once_and_cancelling_counts_nothing(store: Store) -> None:
    await store.ledger.reserve("r1", ADA, 100, limits(), now=NOON)
    assert await store.ledger.settle("r1", Cost(replies=1, micros=60))
    assert not await store.ledger.settle("r1", Cost(replies=1, micros=60))
    await store.ledger.reserve("r2", ADA, 100, limits(), now=NOON)
    assert await store.ledger.settle("r2", Cost())
    assert (await store.ledger.summary(ADA, now=NOON)).today.workspace == Cost(replies=1, micros=60)


async def test_the_summary_tells_today_from_this_month(store: Store) -> None:
    await spend(store, "r1", ADA, 5, now=NOON)
    await spend(store, "r2", ADA, 7, now=NOON - 22 * DAY)
    await spend(store, "r3", ADA, 11, now=NOON - 23 * DAY)
    await spend(store, "r4", Account("slack", "T1", "C1", "U2"), 13)
    await spend(store, "r5", Account("slack", "T1", "C2", "U1"), 17)
    told = await store.ledger.summary(ADA, now=NOON)
    assert (told.today.person.micros, told.today.channel.micros, told.today.workspace.micros) == (22, 18, 35)
    assert (told.month.person.micros, told.month.channel.micros, told.month.workspace.micros) == (29, 25, 42)
    assert told.today.person == Cost(replies=2, tokens_out=14, micros=22)


Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "end", "crash"]),
        st.integers(0, 3),  # who
        st.integers(1, 40),  # the most that it may cost
        st.integers(0, 100),  # percent of it that it does
    ),
    max_size=40,
)


def test_no_interleaving_overshoots_by_more_than_one_reply(tmp_path: Path) -> None:
    """Law: as long as no reply costs more than was reserved for it, each limit is passed by its last reply alone."""
    accounts = [Account("slack", "T1", place, person) for place in ("C1", "C2") for person in ("U1", "U2")]
    days = count()

    async def play(steps: list[Step], bounds: dict[Whose, int]) -> None:
        now = NOON + next(days) * DAY  # each example on a day of its own
        await store.ledger.release_all()
        under_way: list[tuple[str, Account, int, int]] = []
        ended: list[tuple[Account, int]] = []
        dearest = max((step[2] for step in steps), default=0)
        for number, (what, who, most, percent) in enumerate(steps):
            if what == "ask":
                account = accounts[who]
                if await store.ledger.reserve(f"r{number}", account, most, bounds, now=now) is None:
                    under_way.append((f"r{number}", account, most, most * percent // 100))
            elif what == "end" and under_way:
                reply, account, _, cost = under_way.pop(who % len(under_way))
                assert await store.ledger.settle(reply, Cost(replies=1, micros=cost))
                ended.append((account, cost))
            elif what == "crash":
                assert await store.ledger.release_all() == len(under_way)
                under_way.clear()
            for account in accounts:
                for whose, limit in bounds.items():
                    # The most that can come of it: everything under way costs what was reserved.
                    spent = sum(cost for one, cost in ended if _same(one, account, whose))
                    may_be = sum(most for _, one, most, _ in under_way if _same(one, account, whose))
                    assert not limit or spent + may_be < limit + dearest, (whose, limit, spent, may_be)

    with asyncio.Runner() as runner:
        store = runner.run(Store.open(f"sqlite:///{tmp_path}/s.sqlite3"))

        @settings(max_examples=60)
        @given(steps=STEPS, person=st.integers(0, 100), channel=st.integers(0, 100), all_=st.integers(0, 200))
        def run(steps: list[Step], person: int, channel: int, all_: int) -> None:
            runner.run(play(steps, limits(person, channel, all_)))

        try:
            run()
        finally:
            runner.run(store.close())


def _same(one: Account, other: Account, whose: Whose) -> bool:
    return {
        "person": one.person == other.person,
        "channel": one.channel == other.channel,
        "workspace": True,
    }[whose]
