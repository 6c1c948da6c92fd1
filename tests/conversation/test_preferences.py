"""Settings on three levels: only what was set is set, and what is not set follows."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.panel import settings_panel
from bot.conversation.preferences import (
    ADDING_UP,
    WORKSPACE_ONLY,
    House,
    Preferences,
    defaults,
    house,
    merged,
    resolve,
)
from bot.settings import SettingsError
from tests.conversation.stage import settings

BASE = Preferences(model="claude-sonnet-5-5", effort="low")

ids = st.lists(st.sampled_from(["U1", "U2", "U3", "G1"]), unique=True)
changes = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["a", "b"]),
        "footer": st.booleans(),
        "reply_in": st.sampled_from(["thread", "channel"]),
        "notify_after": st.integers(0, 100),
        "allowed_people": ids,
        "denied_people": ids,
        "denied_groups": ids,
        "person_daily": st.integers(0, 10**7),
        "workspace_daily": st.integers(0, 10**7),
        "direct_messages": st.booleans(),
    },
)


def test_a_channel_follows_its_workspace_and_that_the_environment() -> None:
    workspace, channel = {"model": "claude-opus-5-5", "footer": True}, {"footer": False, "effort": "high"}
    held = resolve(BASE, workspace, channel)
    assert (held.model, held.effort, held.footer) == ("claude-opus-5-5", "high", False)
    assert resolve(BASE, workspace, {}).effort == "low"
    assert resolve(BASE, {}, {}) == BASE


def test_who_is_denied_anywhere_above_is_denied() -> None:
    """A channel with a list of its own would otherwise let in whom the workspace keeps out."""
    base = BASE.model_copy(update={"denied_people": ("U0",)})
    held = resolve(base, {"denied_people": ["U1"]}, {"denied_people": ["U2"], "allowed_people": ["U1"]})
    assert held.denied_people == ("U0", "U1", "U2")
    assert held.allowed_people == ("U1",)


def test_a_channel_cannot_lift_what_bounds_all_channels() -> None:
    held = resolve(BASE, {"workspace_daily": 5}, {"workspace_daily": 0, "direct_messages": False})
    assert (held.workspace_daily, held.direct_messages) == (5, True)


def test_stored_values_that_are_not_accepted_any_more_do_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """A file written by another version, or by hand."""
    with caplog.at_level(logging.WARNING):
        held = resolve(BASE, {"footer": True, "colour": "red"}, {"effort": "heroic", "reply_in": "channel"})
    assert held == BASE.model_copy(update={"footer": True, "reply_in": "channel"})
    assert [record.getMessage() for record in caplog.records] == ["preferences.passed_over"]


def test_a_broken_list_lets_nobody_in_whom_the_other_level_keeps_out() -> None:
    for broken in (None, "U1", 7, {"U1": 1}):
        assert resolve(BASE, {"denied_people": ["U1"]}, {"denied_people": broken}).denied_people == ("U1",)
        assert resolve(BASE, {"denied_people": broken}, {"denied_people": ["U1"]}).denied_people == ("U1",)


@given(changes, changes, changes)
def test_levels_may_be_put_together_in_any_grouping(
    a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]
) -> None:
    """Law: associative."""

    def plain(level: dict[str, Any]) -> dict[str, Any]:
        return {name: sorted(set_) if name in ADDING_UP else set_ for name, set_ in level.items()}

    assert plain(merged(merged(a, b), c)) == plain(merged(a, merged(b, c)))
    assert resolve(resolve(BASE, a, b), {}, c) == resolve(
        BASE, merged(a, {name: set_ for name, set_ in b.items() if name not in WORKSPACE_ONLY}), c
    )


@given(changes, changes)
def test_what_nobody_set_is_as_above_and_what_somebody_set_is_as_set(
    workspace: dict[str, Any], channel: dict[str, Any]
) -> None:
    held = resolve(BASE, workspace, channel).model_dump()
    for name, value in held.items():
        if name in ADDING_UP:
            assert set(value) == {*workspace.get(name, ()), *channel.get(name, ())}
            continue
        told = channel if name in channel and name not in WORKSPACE_ONLY else workspace
        expected = told.get(name, getattr(BASE, name))
        assert value == (tuple(sorted(expected)) if isinstance(expected, list) else expected), name


def test_the_environment_is_the_first_level() -> None:
    told = settings(
        INKSTREAM_MODEL="claude-haiku-5-5",
        INKSTREAM_FOOTER="true",
        INKSTREAM_ALLOWED_PEOPLE="U2, U1,,U1",
        INKSTREAM_DOLLARS_PER_PERSON="2.50",
        INKSTREAM_GUESTS="on",
        INKSTREAM_MANAGER_GROUPS="S1",
        INKSTREAM_WORKSPACES="T1",
    )
    first = defaults(told)
    assert (first.model, first.footer, first.guests, first.outsiders) == (
        "claude-haiku-5-5",
        True,
        True,
        False,
    )
    assert (first.who_asks, first.allowed_people) == ("listed", ("U1", "U2"))
    assert first.person_daily == 2_500_000
    assert house(told) == House(allowed=frozenset({"T1"}), managers=frozenset({"S1"}))


def test_without_a_word_in_the_environment_everybody_of_the_house_may_ask() -> None:
    first = defaults(settings())
    assert (first.who_asks, first.direct_messages, first.guests, first.outsiders, first.bots) == (
        "everyone", True, False, False, (),
    )  # fmt: skip
    assert (first.person_daily, first.channel_daily, first.workspace_daily) == (0, 0, 0)


def test_what_the_environment_locks_no_chat_changes() -> None:
    """On Discord whoever runs the bot pays, and whoever manages a guild may be a stranger."""
    told = settings(
        INKSTREAM_DOLLARS_PER_WORKSPACE="5",
        INKSTREAM_ALLOWED_GROUPS="R1",
        INKSTREAM_LOCKED="INKSTREAM_DOLLARS_PER_WORKSPACE, INKSTREAM_MODEL, INKSTREAM_ALLOWED_GROUPS",
    )
    first = defaults(told)
    assert set(first.locked) == {"workspace_daily", "model", "allowed_groups", "who_asks"}
    held = resolve(
        first,
        {
            "workspace_daily": 0,
            "model": "claude-fable-5-2",
            "who_asks": "everyone",
            "footer": True,
            "locked": [],
        },
        {"model": "claude-opus-5-5", "allowed_groups": []},
    )
    assert held == first.model_copy(update={"footer": True})
    offered = {
        field.id for group in settings_panel("workspace", first, {}, []).groups for field in group.fields
    }
    assert not offered & set(first.locked)
    assert "footer" in offered


def test_a_lock_on_what_does_not_exist_is_a_mistake() -> None:
    """Or somebody believes that a limit is locked which is not."""
    with pytest.raises(SettingsError, match=r"no chat can change INKSTREAM_DOLLARS\n"):
        settings(INKSTREAM_LOCKED="INKSTREAM_MODEL INKSTREAM_DOLLARS")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("INKSTREAM_PRICES", "{", "INKSTREAM_PRICES: is not valid JSON"),
        ("INKSTREAM_FOOTER", "perhaps", "INKSTREAM_FOOTER: Input should be 'on' or 'off'"),
        ("INKSTREAM_DOLLARS_PER_PERSON", "-1", "INKSTREAM_DOLLARS_PER_PERSON: "),
    ],
)
def test_a_mistake_in_the_environment_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        settings(**{name: value})
