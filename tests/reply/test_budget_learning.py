"""Limits that no header tells: learned from few refusals, of any shape, and used again when they come back."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ports import Bucket, Rule
from bot.reply.budget import REGAIN, REMEMBER, Budget
from bot.reply.evidence import Evidence
from bot.reply.lessons import BURST_AFTER, PROBES
from bot.reply.pacing import Item, Pacer, Rank, Send
from sandbox.limits import Gate, Limit, Shape

SLACK = Rule(50 / 60, 10, "bucket", "observed", "reference")
DISCORD = Rule(1.0, 5, "window", "observed", "reference")
TRUE = Limit("x", SLACK.rate, SLACK.burst, "bucket", "observed", "")

Says = Callable[[float], float]


def whole_seconds(wait: float) -> float:
    """Slack's way."""
    return float(max(1, math.ceil(wait)))


@dataclass
class Spender:
    """Spends a budget as soon as it says that it may, against gates that know nothing of it."""

    budget: Budget = field(default_factory=lambda: Budget(Bucket("b", SLACK), 0.0))
    says: Says = whole_seconds
    now: float = 0.0
    passed: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def spend(self, limit: Limit, until: float) -> None:
        """As much as there is until then; the platform counts by a gate of this limit that is full at first."""
        gate, budget = Gate(limit), self.budget
        while True:
            ready = budget.ready(self.now)
            if max(ready, self.now) >= until:
                self.now = until
                return
            self.now = max(self.now, ready)
            left_at = self.now
            budget.book(left_at)
            verdict = gate.take(left_at + 0.05)
            self.now += 0.1
            if verdict.allowed:
                budget.landed(self.now, left_at)
                self.passed.append(left_at)
            else:
                budget.refused(self.now, self.says(verdict.retry_after), left_at)
                self.refused.append(left_at)

    def episodes(self, begin: float, end: float) -> int:
        """Refusals in this time; those within 8 s of each other are one."""
        fresh = [
            at
            for before, at in zip([-math.inf, *self.refused], self.refused, strict=False)
            if at - before > 8.0
        ]
        return sum(begin <= at < end for at in fresh)

    def rate(self, begin: float, end: float) -> float:
        """Calls a second that were let through in this time."""
        return sum(begin <= at < end for at in self.passed) / (end - begin)


def test_refusals_without_a_cause_leave_a_fifth_of_the_documented_rate() -> None:
    """A service in trouble refuses one call of each reply; minutes later nobody waits half a minute for a word."""
    budget, now = Budget(Bucket("b", SLACK), 0.0), 0.0
    for _ in range(12):
        now = max(now + 5.0, budget.ready(now + 5.0))
        budget.book(now)
        budget.refused(now + 0.1, 1.0, now)
        for _ in range(3):
            now = max(now + 0.5, budget.ready(now + 0.5))
            budget.book(now)
            budget.landed(now + 0.1, now)
    now += 1.0
    for _ in range(5):
        ready = budget.ready(now)
        assert ready - now <= 5.0 / SLACK.rate + 0.1
        now = max(now, ready)
        budget.book(now)
        budget.landed(now + 0.1, now)


def share(of: float, *, burst: bool) -> Limit:
    return replace(TRUE, rate=of * SLACK.rate, burst=int(of * SLACK.burst) if burst else SLACK.burst)


@pytest.mark.parametrize("burst", [False, True], ids=["rate", "rate-and-burst"])
@pytest.mark.parametrize("of", [0.35, 0.5, 0.65, 0.8])
def test_a_smaller_limit_costs_two_refusals_and_then_one_in_ten_minutes(of: float, *, burst: bool) -> None:
    """Thirty minutes: two episodes in the first minute or so, three after, and 92% of the limit is used."""
    spender = Spender()
    spender.spend(share(of, burst=burst), 1800.0)
    assert spender.episodes(0.0, 100.0) <= 2, spender.refused
    assert spender.episodes(100.0, 1800.0) <= 3, spender.refused
    assert spender.rate(120.0, 1800.0) >= 0.92 * of * SLACK.rate


@pytest.mark.parametrize("of", [0.35, 0.5, 0.8])
@pytest.mark.parametrize("minute", [10, 12, 15, 17, 20])
def test_a_limit_that_has_come_back_is_used_within_five_minutes(of: float, minute: int) -> None:
    """In the fifth minute after it: 90% of what the rule says."""
    spender = Spender()
    spender.spend(share(of, burst=False), 60.0 * minute)
    spender.spend(TRUE, 60.0 * minute + 600.0)
    begin = 60.0 * minute + 240.0
    assert spender.rate(begin, begin + 60.0) >= 0.9 * SLACK.rate
    assert spender.episodes(60.0 * minute + 1.0, math.inf) == 0


@pytest.mark.parametrize("says", [whole_seconds, lambda _: 1.0], ids=["honest", "always-1"])
@pytest.mark.parametrize(
    ("shape", "burst"), [("single", 10), ("sliding", 10), ("fixed", 10), ("sliding", 50), ("fixed", 50)]
)
def test_another_shape_at_the_same_rate_is_obeyed_from_the_first_refusal(
    shape: Shape, burst: int, says: Says
) -> None:
    """Half an hour: one episode, and nine tenths of the rate are used all the same."""
    spender = Spender(says=says)
    spender.spend(replace(TRUE, shape=shape, burst=burst), 1800.0)
    assert spender.episodes(0.0, math.inf) == 1, spender.refused
    assert spender.rate(120.0, 1800.0) >= 0.9 * SLACK.rate


def test_a_smaller_burst_at_the_same_rate_costs_one_refusal() -> None:
    """The rate climbs back, and the burst is not tried again while calls go on."""
    spender = Spender()
    spender.spend(replace(TRUE, burst=4), 1800.0)
    assert spender.episodes(0.0, math.inf) <= 2
    assert spender.rate(120.0, 1800.0) >= 0.95 * SLACK.rate


@pytest.mark.parametrize(
    "says", [lambda _: 30.0, lambda _: 10.0, lambda wait: wait], ids=["30", "10", "exact"]
)
@pytest.mark.parametrize("of", [0.35, 0.8])
def test_the_rate_is_measured_whatever_retry_after_says(of: float, says: Says) -> None:
    """A constant of the platform's is waited for, but not mistaken for a rate."""
    spender = Spender(says=says)
    spender.spend(share(of, burst=False), 700.0)
    assert spender.budget.rate == pytest.approx(of * SLACK.rate, rel=0.1)
    assert spender.episodes(0.0, math.inf) <= 3


@pytest.mark.parametrize("says", [lambda wait: wait, lambda _: 1.0], ids=["honest", "always-1"])
def test_ten_ends_after_a_time_of_trouble_are_shown_at_the_documented_rate(says: Says) -> None:
    """Eight seconds in which everything is refused are no bucket's: they say nothing of its rate."""
    budget, now = Budget(Bucket("b", SLACK), 0.0), 0.0
    for _ in range(9):
        budget.book(now)
        budget.landed(now + 0.1, now)
        now += 1.0
    over = now + 8.0
    while now < over:
        budget.book(now)
        budget.refused(now + 0.1, says(math.ceil(over - now)), now)
        now = budget.ready(now + 0.1)
    for _ in range(10):
        now = max(now, budget.ready(now))
        budget.book(now)
        budget.landed(now + 0.1, now)
    assert now - over <= 10.0 / SLACK.rate + 1.0


def test_refusals_long_after_the_last_call_take_nothing_from_the_rate() -> None:
    """A bucket would have been full by then: a platform that refuses one rare post in three is in trouble."""
    budget, now = Budget(Bucket("b", SLACK), 0.0), 0.0
    for number in range(30):
        now = max(now + 8.0, budget.ready(now + 8.0))
        budget.book(now)
        if number % 3 == 2:
            budget.refused(now + 0.1, 3.0, now)
            now = budget.ready(now + 0.1)
            budget.book(now)
        budget.landed(now + 0.1, now)
    assert budget.rate == SLACK.rate


@pytest.mark.parametrize("of", [0.35, 0.5])
def test_a_penalty_over_a_smaller_limit_costs_one_refusal_more_at_most(of: float) -> None:
    """What a long Retry-After does not say, the next refusals do: the limit is measured by the second minute."""
    spender = Spender(says=lambda _: 10.0)
    spender.spend(replace(TRUE, rate=of * SLACK.rate, burst=3), 700.0)
    assert spender.episodes(0.0, math.inf) <= 3, spender.refused
    assert spender.rate(120.0, 700.0) >= 0.9 * of * SLACK.rate
    assert spender.budget.rate == pytest.approx(of * SLACK.rate, rel=0.1)


def test_a_limit_that_falls_in_mid_life_is_learned() -> None:
    """After ten good minutes a third is left: a few refusals, and most of it is used five minutes later."""
    spender = Spender()
    spender.spend(TRUE, 600.0)
    assert spender.refused == []
    spender.spend(share(0.35, burst=False), 1500.0)
    assert spender.episodes(600.0, 1200.0) <= 3
    assert spender.rate(900.0, 1200.0) >= 0.85 * 0.35 * SLACK.rate


def test_a_rested_budget_tries_the_whole_burst_again_after_half_an_hour() -> None:
    """Not sooner, and not while calls go on."""
    spender = Spender()
    spender.spend(replace(TRUE, shape="sliding"), 300.0)
    budget = spender.budget
    assert budget.burst < SLACK.burst
    assert budget.left(spender.now + 120.0) < SLACK.burst
    assert budget.left(spender.now + BURST_AFTER) == SLACK.burst


# ---------------------------------------------------------------------------------------------------- alone


@given(st.integers(0, 1 << 30), st.sampled_from(["bucket", "window"]), st.floats(0.1, 8.0))
@settings(max_examples=120)
def test_after_a_refusal_one_call_goes_alone_until_it_is_answered(seed: int, shape: str, slow: float) -> None:
    """Two calls at once on a budget that has just opened again would both be refused."""
    rng = random.Random(seed)
    rule = SLACK if shape == "bucket" else DISCORD
    budget, now = Budget(Bucket("b", rule), 0.0), 0.0
    under_way: list[tuple[float, float, bool]] = []  # answered, left, refused
    opened, proven = -math.inf, True
    while now < 150.0:
        now += rng.uniform(0.0, 0.3)
        for each in sorted(under_way):
            if each[0] > now:
                break
            under_way.remove(each)
            if each[2]:
                wait = rng.choice([0.0, 0.3, 1.0, 7.0])
                budget.refused(now, wait, each[1])
                opened, proven = max(opened, now + wait), False
            else:
                budget.landed(now, each[1])
                proven = proven or each[1] >= opened
        while budget.left(now) >= 1.0 and budget.flights < 2:
            budget.book(now)
            under_way.append((now + rng.uniform(0.0, slow), now, rng.random() < 0.3))
            if not proven:
                assert len(under_way) == 1, f"two at once at {now:.2f}, opened at {opened:.2f}"


def test_all_channels_go_on_as_soon_as_the_one_call_is_answered() -> None:
    """After a refusal of everything one call of one channel goes alone; the others' ends wait for its answer, no longer."""
    pacer, everywhere = Pacer(), Bucket("all", replace(DISCORD, rate=50.0, burst=50))
    items = [pacer.join(n, "edit", [Bucket(f"c{n}", DISCORD), everywhere], 0.0) for n in range(4)]
    for item in items:
        pacer.demand(item, 9, 0.0, rank=Rank.LAST, growing=False)
    first = pacer.next(0.0)
    assert isinstance(first, Send)
    pacer.refused(first.item, 0.1, 6.0, everywhere.key)
    pacer.demand(first.item, 9, 0.1, rank=Rank.LAST, growing=False)
    now = 0.1
    under_way: dict[Item, float] = {}
    shown: dict[Item, float] = {}
    while len(shown) < len(items) and now < 30.0:
        for item, left in list(under_way.items()):
            if now >= left + 0.1:
                pacer.sent(item, now)
                shown[item] = now
                del under_way[item]
        step = pacer.next(now)
        if isinstance(step, Send):
            under_way[step.item] = now
        else:
            now = min([step.until, *(left + 0.1 for left in under_way.values())])
    assert max(shown.values()) <= 6.1 + 0.5, shown


def test_a_wait_that_is_too_short_again_and_again_is_doubled() -> None:
    """Whatever the platform says: the tenth refusal in a row is not a second after the ninth."""
    budget, now, waits = Budget(Bucket("b", DISCORD), 0.0), 0.0, []
    for _ in range(10):
        budget.book(now)
        budget.refused(now, 0.5, now)
        waits.append(budget.shut_until - now)
        now = budget.shut_until
    assert waits[0] == pytest.approx(0.5)
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(30.0)
    budget.book(now)
    budget.landed(now, now)
    budget.book(now)
    budget.refused(now, 0.5, now)
    assert budget.shut_until == pytest.approx(now + 0.5)


def test_a_window_without_headers_grows_back() -> None:
    """Fewer calls per window after a refusal; one more after every ten minutes."""
    budget, now = Budget(Bucket("b", DISCORD), 0.0), 0.0
    budget.book(now)
    budget.refused(now, 1.0, now)
    small = budget.burst
    assert small < DISCORD.burst
    for _ in range(400):
        now = max(now + 5.0, budget.ready(now))
        budget.book(now)
        budget.landed(now, now)
    assert now > 3 * REGAIN
    assert budget.burst == DISCORD.burst


# ---------------------------------------------------------------------------------------------------- sliding


@given(st.integers(0, 1 << 30), st.sampled_from([0.05, 0.3, 2.0]))
@settings(max_examples=60)
def test_headers_of_a_sliding_window_are_never_overspent(seed: int, slow: float) -> None:
    """However late calls are counted and answered."""
    rng = random.Random(seed)
    budget = Budget(Bucket("b", DISCORD), 0.0)
    gate = Gate(Limit("x", 1.0, 5, "sliding", "observed", ""))
    now = 0.0
    arriving: list[tuple[float, float, float]] = []  # arrives, answered, left
    answering: list[tuple[float, float, int, float]] = []
    while now < 200.0:
        now += rng.uniform(0.0, 0.2)
        for arrives, answered, left_at in sorted(arriving):
            if arrives <= now:
                arriving.remove((arrives, answered, left_at))
                verdict = gate.take(arrives)
                assert verdict.allowed, f"refused at {arrives:.2f}"
                answering.append((answered, left_at, verdict.remaining, verdict.reset_after))
        for each in sorted(answering):
            if each[0] <= now:
                answering.remove(each)
                budget.told(now, 5, each[2], each[3])
                budget.landed(now, each[1])
        if budget.left(now) >= 1.0 and budget.flights < 2:
            budget.book(now)
            trip = rng.uniform(0.01, slow)
            arriving.append((now + rng.uniform(0.0, trip), now + trip, now))


def test_a_sliding_window_with_headers_is_used_call_by_call() -> None:
    """Each call comes back for itself: nobody waits for the whole of them."""
    budget = Budget(Bucket("b", DISCORD), 0.0)
    gate, now, calls = Gate(Limit("x", 1.0, 5, "sliding", "observed", "")), 0.0, 0
    while now < 300.0:
        now = max(now + 0.9, budget.ready(now))
        budget.book(now)
        verdict = gate.take(now + 0.05)
        assert verdict.allowed
        budget.told(now + 0.1, 5, verdict.remaining, verdict.reset_after)
        budget.landed(now + 0.1, now)
        calls += 1
    assert calls >= 0.9 * 300.0


@pytest.mark.parametrize(("calls", "period"), [(3, 5.0), (3, 6.0), (2, 4.0), (5, 10.0)])
def test_a_limit_under_the_one_that_headers_tell_is_met_three_times_at_most(
    calls: int, period: float
) -> None:
    """429 although calls are left, on Discord's edits: two refusals tell of it, and what it grants is used."""
    budget, now, refused, passed = Budget(Bucket("b", DISCORD), 0.0), 0.0, 0, 0
    shown = Gate(Limit("shown", 1.0, 5, "fixed", "observed", ""))
    under = Gate(Limit("under", calls / period, calls, "fixed", "observed", ""))
    while now < 300.0:
        now = max(now + 0.3, budget.ready(now))
        budget.book(now)
        told, hidden = shown.take(now + 0.05), under.take(now + 0.05)
        budget.told(now + 0.1, 5, max(0, told.remaining), told.reset_after)
        if hidden.allowed and told.allowed:
            budget.landed(now + 0.1, now)
            passed += 1
        else:
            budget.refused(now + 0.1, hidden.retry_after or told.retry_after, now)
            refused += 1
        now += 0.1
    assert refused <= 3
    assert passed >= 0.85 * 300.0 * min(1.0, calls / period)


def test_two_refusals_for_nothing_take_little_where_headers_tell() -> None:
    """Trouble long ago is no limit: the channel goes on as its headers say."""
    budget, now = Budget(Bucket("b", DISCORD), 0.0), 0.0
    gate = Gate(Limit("shown", 1.0, 5, "fixed", "observed", ""))
    for number in range(60):
        now = max(now + 20.0, budget.ready(now + 20.0))
        budget.book(now)
        told = gate.take(now + 0.05)
        budget.told(now + 0.1, 5, told.remaining, told.reset_after)
        if number % 10 == 9:
            budget.refused(now + 0.1, 1.0, now)
        else:
            budget.landed(now + 0.1, now)
    assert budget.left(now + 20.0) == DISCORD.burst


def test_a_window_that_ends_after_all_is_a_window_again() -> None:
    """One answer whose time runs down is enough."""
    budget = Budget(Bucket("b", DISCORD), 0.0)
    for number, now in enumerate((0.0, 1.0, 2.0)):
        budget.book(now)
        budget.told(now + 0.1, 5, 4 - number, 5.0)
        budget.landed(now + 0.1, now)
    slid = budget.shape
    budget.book(3.0)
    budget.told(3.1, 5, 1, 2.0)
    budget.landed(3.1, 3.0)
    assert (slid, budget.shape) == ("bucket", "window")
    assert budget.left(3.2) == 1.0
    assert budget.left(5.2) >= 4.0


# ---------------------------------------------------------------------------------------------------- memory


def test_what_was_learned_survives_a_restart_with_its_shape_and_its_next_probe() -> None:
    """The rate goes on, the window is obeyed, and the probe comes when it would have come."""
    small = Spender()
    small.spend(share(0.5, burst=False), 300.0)
    young = Budget(Bucket("b", SLACK), 1000.0)
    young.restore(small.budget.export(small.now), 1000.0, 60.0)
    assert young.rate == pytest.approx(small.budget.rate, rel=0.01)
    young.left(1000.0 + PROBES[0] - 400.0)
    assert young.rate < 0.6 * SLACK.rate
    young.left(1000.0 + PROBES[0])
    assert young.rate == SLACK.rate

    spender = Spender()
    spender.spend(replace(TRUE, shape="sliding"), 300.0)
    again = Spender(budget=Budget(Bucket("b", SLACK), 300.0), now=300.0)
    again.budget.restore(spender.budget.export(300.0), 300.0, 0.0)
    again.spend(replace(TRUE, shape="sliding"), 900.0)
    assert again.refused == []


@pytest.mark.parametrize(
    "stored",
    [
        {"rate": 0.4, "burst": 3, "period": 12.0, "left": 1.0, "told": False},
        {"rate": 9.0, "burst": 0, "period": 12.0, "left": 0.0, "told": False, "window": [], "probe_in": 1e9},
        {
            "rate": 0.4,
            "burst": 3,
            "period": 12.0,
            "left": 9.0,
            "told": False,
            "window": [10, 12.0],
            "failed": 99,
        },
    ],
    ids=["older", "odd", "newer"],
)
def test_stored_data_of_any_age_gives_a_budget_that_works(stored: Any) -> None:
    """No rate over the rule's, no burst under one, and calls leave."""
    budget = Budget(Bucket("b", SLACK), 0.0)
    budget.restore(stored, 0.0, 10.0)
    assert 0.0 < budget.rate <= SLACK.rate
    assert 1 <= budget.burst <= SLACK.burst
    spender = Spender(budget=budget)
    spender.spend(TRUE, 600.0)
    assert len(spender.passed) > 200
    assert spender.refused == []


@pytest.mark.parametrize(("rate", "elapsed"), [(0.4, REMEMBER + 1.0), (0.0, 1.0), (math.nan, 1.0)])
def test_what_is_too_old_or_no_number_is_not_believed(rate: float, elapsed: float) -> None:
    """The rule's figures are."""
    budget = Budget(Bucket("b", SLACK), 0.0)
    budget.restore({"rate": rate, "burst": 3, "period": 1.0, "left": 0.0, "told": False}, 0.0, elapsed)
    assert (budget.rate, budget.left(0.0)) == (SLACK.rate, SLACK.burst)


# ---------------------------------------------------------------------------------------------------- evidence

TEN_IN_TWELVE = [(10, 12.0)]


@pytest.mark.parametrize(
    ("calls", "at", "wait", "explained"),
    [
        ([float(second) for second in range(10)], 10.5, 2.0, True),
        ([float(second) for second in range(9)], 10.5, 2.0, False),  # one fewer had gone through
        ([0.5 * step for step in range(11)], 6.0, 6.0, False),  # more went through than fit
        ([float(second) for second in range(10)], 10.5, 9.0, False),  # it would have asked for less
        # A fixed window lets twice as many through around its end.
        (
            [0.0, *[10.0 + 0.1 * step for step in range(9)], *[12.1 + 0.1 * step for step in range(10)]],
            14.0,
            11.0,
            True,
        ),
    ],
)
def test_a_window_is_believed_only_where_it_explains_every_answer(
    calls: list[float], at: float, wait: float, *, explained: bool
) -> None:
    """What it let through, what it refused, and how long it asked to wait."""
    seen = Evidence(0.0, full=True)
    for call in calls:
        seen.call(call)
    assert (seen.window(TEN_IN_TWELVE, at, wait, 0.2) is not None) == explained
