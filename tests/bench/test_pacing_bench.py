"""The bench itself: its figures have the shape that readers rely on, and what it claims holds for a sample."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import pytest

from bench import bounds, learning
from bench.cost import measure
from bench.loads import Load, main_loads, seeded_loads, speak
from bench.pacing import Row, picture, rows
from bench.policies import POLICIES, run
from bench.simulation import DISCORD, SETTINGS, SLACK, Setting

LOADS = {load.name: load for load in main_loads()}


def test_the_loads_are_those_of_the_table() -> None:
    """48 loads and 50 seeded cases, the same every time."""
    assert len(LOADS) == 48
    assert len(list(seeded_loads())) == 50
    assert list(seeded_loads()) == list(seeded_loads())
    lengths = [speech.end - speech.start for load in LOADS.values() for speech in load.speeches]
    assert min(lengths) >= 9.8
    assert max(lengths) <= 50.1


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
@pytest.mark.parametrize(
    "name", ["1-at-once-equal", "5-at-once-mixed", "10-staggered-one-fast", "20-at-once-slow-then-fast"]
)
@pytest.mark.parametrize("pages", [False, True])
def test_ours_meets_no_refusal_and_loses_nothing(setting: Setting, name: str, pages: bool) -> None:
    """Every character is seen, in order, and no limit is ever overspent."""
    world = run("ours", setting, LOADS[name], pages=pages)
    assert world.refusals == []
    assert world.lost == 0
    assert world.wrong == []


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_ours_is_close_to_the_fluid_bound_where_it_is_saturated(setting: Setting) -> None:
    """Five replies or more: at most 5% over the bound (one row of 64 is at 5.4%)."""
    ratios = {
        load.name: run("ours", setting, load).mean_lag / bounds.fluid(setting, load)
        for load in LOADS.values()
        if load.replies in (5, 10)
    }
    assert max(ratios.values()) <= 1.055, ratios


def test_the_bound_is_under_every_policy() -> None:
    """A lower bound that a policy beats would be none."""
    for setting, load in itertools.product(SETTINGS, list(seeded_loads())[:6]):
        bound = bounds.clairvoyant(setting, load, rounds=60)
        for policy in POLICIES:
            world = run(policy, setting, load)
            if world.lost == 0:
                assert world.mean_lag > bound


def test_the_clairvoyant_bound_of_a_case_that_can_be_reckoned_by_hand() -> None:
    """One reply, two edits in hand and none to come: displays at a third, two thirds, and the end (in the limit)."""
    from dataclasses import replace  # noqa: PLC0415 - beside its only use

    poor = replace(SLACK, edit=replace(SLACK.edit, rate=1e-6, burst=2))
    load = Load("one", (speak(0.0, (30.0, 100.0)),), at_once=True)
    found = bounds.clairvoyant(poor, load, rounds=400)
    assert found == pytest.approx(5.0 + 0.1, rel=0.03)


def test_a_timer_collects_refusals_and_loses_text() -> None:
    """What the project is there to avoid is in the bench for everybody to see."""
    world = run("timer-1s", SLACK, LOADS["20-at-once-equal"])
    assert len(world.refusals) > 20
    assert world.lost > 0


def test_a_smaller_limit_is_learned() -> None:
    """Half of what was assumed: few refusals, and nothing lost."""
    load = learning.crowd(minutes=6)
    found = learning.run("half", SLACK, learning.scaled(SLACK.edit, 0.5, burst=False), load, minutes=6)
    assert found.characters_lost == 0
    assert found.episodes_first_minute <= 2
    assert found.episodes_after <= 1
    assert found.ratio_from_minute_2 <= 1.15


def test_rows_have_every_key_and_policy() -> None:
    """Readers of the JSON rely on it."""
    found = rows((SLACK,), [LOADS["3-at-once-mixed"]])
    assert {(row.policy, row.pages) for row in found} == set(itertools.product(POLICIES, (False, True)))
    ours = next(row for row in found if row.policy == "ours" and not row.pages)
    assert ours.bound_kind == "clairvoyant"
    assert ours.ratio is not None
    assert 1.0 <= ours.ratio <= 1.25


def test_the_picture_is_an_svg_with_a_line_per_policy() -> None:
    """It is shown in the README."""
    found: list[Row] = []
    for count in (1, 5):
        found.extend(rows(SETTINGS, [LOADS[f"{count}-at-once-mixed"]], pages=False))
    root = ET.fromstring(picture(found))
    lines = list(root.iter("{http://www.w3.org/2000/svg}path"))
    assert len(lines) == 2 * (len(POLICIES) + 1)


def test_a_decision_is_cheap() -> None:
    """Microseconds, with room for a busy machine (the goals are 50, 150 and 2)."""
    cost = measure()
    assert cost["send_20_us"] <= 100
    assert cost["send_1000_us"] <= 600
    assert cost["want_us"] <= 6
    assert cost["woken_while_shut"] == 0


def test_discord_headers_that_tell_twice_are_used_within_ten_seconds() -> None:
    """The first answer says so, and the next calls leave by it."""
    from dataclasses import replace  # noqa: PLC0415 - beside its only use

    double = replace(DISCORD.edit, rate=2.0, burst=10)
    load = learning.crowd(minutes=4)
    found = learning.run("double", DISCORD, double, load, minutes=4)
    assert found.ratio_from_minute_2 <= 1.05
    assert found.episodes == []
