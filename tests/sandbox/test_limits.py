"""sandbox/limits.py: four shapes of a budget, at the same long-run rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.limits import Gate, Limit, Limits, Shape

SHAPES: tuple[Shape, ...] = ("bucket", "single", "sliding", "fixed")


def limit(shape: Shape, *, rate: float = 1.0, burst: int = 5) -> Limit:
    return Limit("slack.chat.update", rate, burst, shape, "guessed", "a test")


@pytest.mark.parametrize(("shape", "at_once"), [("bucket", 5), ("single", 1), ("sliding", 5), ("fixed", 5)])
def test_a_fresh_budget_allows_its_burst_and_no_more(shape: Shape, at_once: int) -> None:
    """The burst is what can be spent at one moment."""
    gate = Gate(limit(shape))
    assert [gate.take(0.0).allowed for _ in range(6)] == [True] * at_once + [False] * (6 - at_once)


@pytest.mark.parametrize("shape", SHAPES)
def test_whoever_waits_for_retry_after_is_allowed(shape: Shape) -> None:
    """Retry-After is a promise."""
    gate, now = Gate(limit(shape)), 100.0
    for _ in range(50):
        verdict = gate.take(now)
        if not verdict.allowed:
            now += verdict.retry_after
            verdict = gate.take(now)
        assert verdict.allowed
        assert verdict.retry_after == 0.0


@given(
    shape=st.sampled_from(SHAPES),
    burst=st.integers(1, 8),
    gaps=st.lists(st.floats(0.0, 4.0), min_size=1, max_size=120),
)
def test_no_pattern_of_calls_gets_more_than_burst_and_rate(
    shape: Shape, burst: int, gaps: list[float]
) -> None:
    """In any shape the calls allowed by time t are at most burst + rate x t (fixed windows: one burst more)."""
    gate, now, allowed = Gate(limit(shape, rate=2.0, burst=burst)), 0.0, 0
    for gap in gaps:
        now += gap
        allowed += gate.take(now).allowed
        extra = burst if shape == "fixed" else 0
        assert allowed <= burst + extra + 2.0 * now + 1e-6, (shape, burst, gaps)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_refused_call_spends_nothing(shape: Shape) -> None:
    """Hammering does not push the promised moment away."""
    gate = Gate(limit(shape))
    while gate.take(0.0).allowed:
        pass
    first = gate.take(0.0).retry_after
    for _ in range(20):
        gate.take(first / 2)
    assert gate.look(first).allowed
    assert gate.refusals == 22


@pytest.mark.parametrize("shape", SHAPES)
def test_a_look_says_what_is_left_and_takes_nothing(shape: Shape) -> None:
    """A budget at rest is whole, in any shape; after one call it is one short."""
    gate = Gate(limit(shape))
    size = 1 if shape == "single" else limit(shape).burst
    for _ in range(2):
        assert (gate.look(7.0).remaining, gate.look(7.0).reset_after) == (size, 0.0)
    taken = gate.take(7.0)
    assert gate.look(7.0).remaining == taken.remaining == size - 1
    assert gate.look(7.0).reset_after == taken.reset_after > 0.0


def test_a_fixed_window_opens_at_its_first_call() -> None:
    """Two bursts can meet at the edge of two windows; that is the shape."""
    gate = Gate(limit("fixed"))
    assert gate.take(10.0).allowed
    assert all(gate.take(14.9).allowed for _ in range(4))
    assert gate.take(14.9).retry_after == pytest.approx(0.1)
    assert all(gate.take(15.0).allowed for _ in range(5))


def test_scopes_do_not_share_a_budget() -> None:
    """A limit is counted per scope (workspace, channel, route)."""
    limits = Limits()
    limits.declare(limit("single"))
    assert limits.take("slack.chat.update", "T1", 0.0).allowed
    assert not limits.take("slack.chat.update", "T1", 0.0).allowed
    assert limits.take("slack.chat.update", "T2", 0.0).allowed
    assert {scope for scope, _ in limits.gates()} == {"T1", "T2"}


def test_limits_that_are_not_enforced_still_count_refusals() -> None:
    """The panel shows what would have been refused."""
    limits = Limits()
    limits.declare(limit("single"))
    limits.enforced = False
    assert all(limits.take("slack.chat.update", "T1", 0.0).allowed for _ in range(3))
    assert limits.gate("slack.chat.update", "T1").refusals == 2


def test_a_changed_limit_starts_anew_and_keeps_its_source() -> None:
    """The figures change, the evidence stays."""
    limits = Limits()
    limits.declare(limit("bucket"))
    limits.take("slack.chat.update", "T1", 0.0)
    changed = limits.change("slack.chat.update", rate=0.5, shape="single")
    assert (changed.rate, changed.burst, changed.shape, changed.source) == (0.5, 5, "single", "a test")
    assert not list(limits.gates())


def test_nonsense_is_refused_with_a_sentence() -> None:
    """Misuse answers with a sentence."""
    limits = Limits()
    limits.declare(limit("bucket"))
    with pytest.raises(KeyError, match=r"slack\.chat\.update"):
        limits.change("slack.chat.updat", rate=1.0)
    with pytest.raises(ValueError, match="positive rate"):
        limits.change("slack.chat.update", rate=0.0)
