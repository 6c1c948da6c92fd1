"""Budgets against gates that know nothing of them: never overspent, wholly spent, and learned."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ports import Bucket, Rule
from bot.reply.budget import Budget
from sandbox.limits import Gate, Limit, Verdict

SLACK = Rule(50 / 60, 10, "bucket", "observed", "reference")
DISCORD = Rule(1.0, 5, "window", "observed", "reference")


def gate_of(rule: Rule) -> Gate:
    shape = "bucket" if rule.shape == "bucket" else "fixed"
    return Gate(Limit("x", rule.rate, rule.burst, "bucket" if shape == "bucket" else "fixed", "observed", ""))


@pytest.mark.parametrize("rule", [SLACK, DISCORD], ids=["bucket", "window"])
@given(st.data())
@settings(max_examples=150)
def test_no_call_is_ever_refused_at_the_assumed_limit(rule: Rule, data: st.DataObject) -> None:
    """Law 2: whenever calls leave and however long each takes to arrive and to be answered."""
    rng = random.Random(data.draw(st.integers(0, 1 << 30)))
    eager = data.draw(st.floats(0, 1))
    slow = data.draw(st.sampled_from([0.05, 0.3, 2.0]))
    headers = data.draw(st.booleans()) and rule.shape == "window"
    bucket = Bucket("b", rule)
    budget, gate = Budget(bucket, 0.0), gate_of(rule)
    now, calls = 0.0, 0
    arriving: list[tuple[float, float, float]] = []  # arrives, answered, left
    answering: list[tuple[float, float, Verdict]] = []
    while now < 120.0:
        now += rng.uniform(0.0, 0.2)
        arriving.sort()
        while arriving and arriving[0][0] <= now:
            arrives, answered, left_at = arriving.pop(0)
            verdict = gate.take(arrives)
            assert verdict.allowed, f"refused at {arrives:.2f} after {calls} calls"
            answering.append((answered, left_at, verdict))
        for each in sorted(answering, key=lambda each: each[0]):
            if each[0] <= now:
                answering.remove(each)
                if headers:
                    budget.told(now, rule.burst, each[2].remaining, each[2].reset_after)
                budget.landed(now, each[1])
        while budget.left(now) >= 1.0 and rng.random() < eager and budget.flights < 2:
            budget.book(now)
            calls += 1
            trip = rng.uniform(0.01, slow)
            arriving.append((now + rng.uniform(0.0, trip), now + trip, now))


@pytest.mark.parametrize(("rule", "least"), [(SLACK, 0.99), (DISCORD, 0.96)], ids=["bucket", "window"])
def test_the_whole_rate_is_spent(rule: Rule, least: float) -> None:
    """No safety margin: in ten minutes a greedy spender gets at least so much of what the platform gives."""
    budget, gate = Budget(Bucket("b", rule), 0.0), gate_of(rule)
    now, calls = 0.0, 0
    while now < 600.0:
        ready = budget.ready(now)
        now = max(now, ready)
        budget.book(now)
        assert gate.take(now + 0.05).allowed
        budget.landed(now + 0.1, now)
        now += 0.1
        calls += 1
    assert calls >= least * 600.0 * rule.rate


def test_headers_are_believed_at_once() -> None:
    """Twice the assumed limit is used in the same window."""
    budget = Budget(Bucket("b", DISCORD), 0.0)
    budget.book(0.0)
    budget.told(0.1, 10, 9, 4.95)
    budget.landed(0.1, 0.0)
    assert budget.left(0.1) == 9
    assert 1.9 <= budget.rate <= 2.1


def test_headers_that_tell_of_fewer_calls_left_are_believed_too() -> None:
    """Somebody else uses the same bucket."""
    budget = Budget(Bucket("b", DISCORD), 0.0)
    budget.book(0.0)
    budget.told(0.1, 5, 1, 4.95)
    budget.landed(0.1, 0.0)
    assert budget.left(0.1) == 1
    budget.book(0.2)
    assert budget.left(0.2) == 0
    assert budget.ready(0.2) >= 5.0


def test_a_call_of_the_last_moment_costs_the_next_window_nothing_where_headers_tell_its_window() -> None:
    """It lands after the window may have ended; without headers it may have been counted in the next one."""
    for headers, left in ((True, 5.0), (False, 4.0)):
        budget = Budget(Bucket("b", DISCORD), 0.0)
        budget.book(0.0)
        if headers:
            budget.told(0.1, 5, 4, 4.95)
        budget.landed(0.1, 0.0)
        budget.book(4.92)
        if headers:
            budget.told(5.02, 5, 3, 0.03)
        budget.landed(5.02, 4.92)
        assert budget.left(5.2) == left, headers


def test_a_refusal_leaves_one_call_after_retry_after_and_it_goes_alone() -> None:
    """After a 429 the budget is felt for with one call at a time."""
    budget = Budget(Bucket("b", SLACK), 0.0)
    budget.book(1.0)
    budget.refused(1.1, 3.0, 1.0)
    assert budget.left(2.0) == 0.0
    assert budget.ready(2.0) == pytest.approx(4.1)
    assert budget.left(4.1) >= 1.0
    budget.book(4.1)
    assert budget.left(4.15) == 0.0
    assert budget.episodes == 1


def test_two_refusals_of_one_moment_are_one_episode() -> None:
    """Two calls were in flight: the limit is not halved twice."""
    budget = Budget(Bucket("b", SLACK), 0.0)
    budget.book(30.0)
    budget.book(30.0)
    budget.refused(30.1, 2.0, 30.0)
    rate = budget.rate
    budget.refused(30.1, 2.0, 30.0)
    assert budget.rate == rate
    assert budget.episodes == 1
    assert budget.refusals == 2


def test_the_rate_between_two_refusals_is_measured() -> None:
    """Calls let through over time, whatever was assumed."""
    rule = SLACK
    budget = Budget(Bucket("b", rule), 0.0)
    gate = Gate(Limit("x", rule.rate * 0.5, 10, "bucket", "observed", ""))
    now = 0.0
    while now < 400.0:
        now = max(now + 0.05, budget.ready(now))
        budget.book(now)
        verdict = gate.take(now + 0.05)
        if verdict.allowed:
            budget.landed(now + 0.1, now)
        else:
            budget.refused(now + 0.1, verdict.retry_after, now)
        now += 0.1
    assert budget.rate == pytest.approx(rule.rate * 0.5, rel=0.1)
    assert budget.episodes <= 4


def test_a_rested_budget_is_restored_with_what_was_left() -> None:
    """A restart does not refill a budget, nor does it forget a lower rate."""
    rule = SLACK
    budget = Budget(Bucket("b", rule), 0.0)
    for _ in range(8):
        budget.spent(0.0)
    kept = budget.export(0.0)
    again = Budget(Bucket("b", rule), 50.0)
    again.restore(kept, 50.0, elapsed=1.2)
    assert again.left(50.0) == pytest.approx(3.0)
