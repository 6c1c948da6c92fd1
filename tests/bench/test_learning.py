"""Limits that nobody told: the rows of the bench that the goals are written for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench import learning
from bench.simulation import DISCORD, SLACK
from sandbox.limits import Shape


@pytest.mark.parametrize("burst", [False, True], ids=["rate", "rate-and-burst"])
@pytest.mark.parametrize("share", [0.35, 0.5, 0.8])
def test_a_share_of_the_limit_is_learned_and_used(share: float, *, burst: bool) -> None:
    """Two refusal episodes in the first minute, three in the half hour after it, and 1.15 times the bound."""
    true = learning.scaled(SLACK.edit, share, burst=burst)
    found = learning.run("share", SLACK, true, learning.crowd())
    assert found.episodes_first_minute <= 2
    assert found.episodes_after <= 3
    assert found.ratio_from_minute_2 <= 1.15
    assert found.characters_lost == 0


@pytest.mark.parametrize("minute", [10, 15, 20])
def test_a_limit_that_has_come_back_is_used(minute: int) -> None:
    """90% of it in the fifth minute after."""
    true = learning.scaled(SLACK.edit, 0.5, burst=False)
    found = learning.run("back", SLACK, true, learning.crowd(), returns_at=60.0 * minute)
    assert found.used_after_return is not None
    assert found.used_after_return >= learning.USED
    assert found.characters_lost == 0


@pytest.mark.parametrize("shape", ["single", "sliding", "fixed"])
def test_another_shape_costs_two_refusals_at_most(shape: Shape) -> None:
    """And nothing is lost."""
    found = learning.run("shape", SLACK, replace(SLACK.edit, shape=shape), learning.crowd())
    assert len(found.episodes) <= 2
    assert found.characters_lost == 0
    assert found.ratio_from_minute_2 <= 1.2


def test_headers_of_a_sliding_window_are_followed_call_by_call() -> None:
    """Not waited for as a whole, which takes more than twice as long."""
    load = learning.crowd(minutes=8)
    found = learning.run("slides", DISCORD, replace(DISCORD.edit, shape="sliding"), load, minutes=8)
    assert found.episodes == []
    assert found.ratio_from_minute_2 <= 1.45


def test_a_limit_that_falls_is_measured_from_its_fall() -> None:
    """The refusals begin there, and the lag is counted from the second minute after."""
    true = learning.scaled(SLACK.edit, 0.5, burst=False)
    found = learning.run("falls", SLACK, true, learning.crowd(minutes=12), falls_at=240.0, minutes=12)
    assert all(minute >= 4.0 for minute in found.episodes)
    assert 1 <= len(found.episodes) <= 3
    assert found.characters_lost == 0
