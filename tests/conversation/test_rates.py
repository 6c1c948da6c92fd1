"""Requests a minute: no window of 60 seconds holds more than the limit, and what was refused does not count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.rates import MINUTE, Rates


def test_the_window_slides_and_says_when_it_opens_again() -> None:
    rates = Rates()
    assert [rates.ask("ada", limit=2, now=at) for at in (0.0, 20.0)] == [0.0, 0.0]
    assert rates.ask("ada", limit=2, now=30.0) == 30.0
    assert rates.ask("ada", limit=2, now=59.0) == 1.0
    assert rates.ask("ada", limit=2, now=60.0) == 0.0
    assert rates.ask("ada", limit=2, now=61.0) == 19.0, "the question at 20 s is still within the minute"


def test_one_persons_questions_are_not_anothers() -> None:
    """The same id in another workspace is somebody else."""
    rates = Rates()
    assert rates.ask(("slack", "T1", "U1"), limit=1, now=0.0) == 0.0
    assert rates.ask(("slack", "T2", "U1"), limit=1, now=0.0) == 0.0
    assert rates.ask(("slack", "T1", "U1"), limit=1, now=0.0) == 60.0


def test_a_limit_of_nothing_is_none() -> None:
    rates = Rates()
    assert all(rates.ask("ada", limit=0, now=0.0) == 0.0 for _ in range(1000))


def test_a_limit_that_was_lowered_waits_for_as_many_as_are_too_many() -> None:
    rates = Rates()
    for at in range(5):
        rates.ask("ada", limit=5, now=float(at))
    assert rates.ask("ada", limit=2, now=10.0) == pytest.approx(3.0 + MINUTE - 10.0)


def test_nobody_is_remembered_for_longer_than_a_minute() -> None:
    rates = Rates()
    for person in range(500):
        rates.ask(person, limit=3, now=person / 100)
    rates.ask("late", limit=3, now=100.0)
    assert len(rates) == 1


@given(
    limit=st.integers(1, 5),
    steps=st.lists(st.tuples(st.floats(0, 40), st.sampled_from("ab")), max_size=80),
)
def test_no_minute_ever_holds_more_than_the_limit_and_the_wait_is_true(
    limit: int, steps: list[tuple[float, str]]
) -> None:
    rates, now = Rates(), 0.0
    taken: dict[str, list[float]] = {"a": [], "b": []}
    for step, person in steps:
        now += step
        within = [at for at in taken[person] if at > now - MINUTE]
        wait = rates.ask(person, limit=limit, now=now)
        assert (wait == 0.0) == (len(within) < limit), (now, within)
        if wait:
            still = [at for at in taken[person] if at > now + wait - MINUTE + 1e-6]
            assert len(still) < limit, "after that wait there is room"
        else:
            taken[person].append(now)
