"""Who may ask and press: every rule holds in every way of asking, and no rule locks a manager out of the settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from bot.conversation.permissions import Asking, Refusal, Way, Why, may, may_control, may_manage
from bot.conversation.preferences import House, Preferences
from bot.ports import Control, Standing

WAYS: tuple[Way, ...] = get_args(Way)
PERSON = Standing()
MANAGER = Standing(manager=True, moderator=True)
MODERATOR = Standing(moderator=True)
GUEST = Standing(guest=True)
OUTSIDER = Standing(outsider=True)
BOT = Standing(bot=True)
STAFF = Standing(groups=frozenset({"staff", "all"}))


def preferences(**changes: Any) -> Preferences:
    return Preferences(model="m", effort="low", **changes)


def asking(standing: Standing = PERSON, how: Way = "mention", **more: Any) -> Asking:
    return Asking(how, more.pop("person", "U1"), standing, more.pop("workspace", "T1"), **more)


# standing, preferences, what else, whether and why not
RULES: list[tuple[str, Standing, dict[str, Any], dict[str, Any], House, Why | None]] = [
    ("anybody may by default", PERSON, {}, {}, House(), None),
    ("guests may not by default", GUEST, {}, {}, House(), "guest"),
    ("guests may where they are let in", GUEST, {"guests": True}, {}, House(), None),
    ("outsiders may not by default", OUTSIDER, {}, {}, House(), "outsider"),
    ("outsiders may where they are let in", OUTSIDER, {"outsiders": True}, {}, House(), None),
    ("an outsider who is a guest needs both", replace(OUTSIDER, guest=True), {"outsiders": True}, {}, House(), "guest"),
    ("bots may not by default", BOT, {}, {"person": "B1"}, House(), "bot"),
    ("a listed bot may", BOT, {"bots": ["B1"]}, {"person": "B1"}, House(), None),
    ("another bot may not", BOT, {"bots": ["B2"]}, {"person": "B1"}, House(), "bot"),
    ("a listed bot may twice", BOT, {"bots": ["B1"], "bots_in_a_row": 3}, {"person": "B1", "answers_to_bots": 2}, House(), None),
    ("a listed bot may not for ever", BOT, {"bots": ["B1"], "bots_in_a_row": 3}, {"person": "B1", "answers_to_bots": 3}, House(), "loop"),
    ("a person may after many bots", PERSON, {"bots": ["B1"]}, {"answers_to_bots": 9}, House(), None),
    ("a listed bot may where only listed people may", BOT, {"bots": ["B1"], "who_asks": "listed"}, {"person": "B1"}, House(), None),
    ("a listed bot that is denied may not", BOT, {"bots": ["B1"], "denied_people": ["B1"]}, {"person": "B1"}, House(), "denied"),
    ("who is denied may not", PERSON, {"denied_people": ["U1"]}, {}, House(), "denied"),
    ("somebody else is not denied", PERSON, {"denied_people": ["U2"]}, {}, House(), None),
    ("whose group is denied may not", STAFF, {"denied_groups": ["all"]}, {}, House(), "denied"),
    ("who is not listed may not", PERSON, {"who_asks": "listed", "allowed_people": ["U2"]}, {}, House(), "not_listed"),
    ("who is listed may", PERSON, {"who_asks": "listed", "allowed_people": ["U1"]}, {}, House(), None),
    ("whose group is listed may", STAFF, {"who_asks": "listed", "allowed_groups": ["staff"]}, {}, House(), None),
    ("nobody may where nobody is listed", MANAGER, {"who_asks": "listed"}, {}, House(), "not_listed"),
    ("lists do nothing while everyone may", PERSON, {"allowed_people": ["U2"]}, {}, House(), None),
    ("denied beats listed", PERSON, {"who_asks": "listed", "allowed_people": ["U1"], "denied_people": ["U1"]}, {}, House(), "denied"),
    ("a denied group beats a listed person", STAFF, {"who_asks": "listed", "allowed_people": ["U1"], "denied_groups": ["staff"]}, {}, House(), "denied"),
    ("a manager can be denied", MANAGER, {"denied_people": ["U1"]}, {}, House(), "denied"),
    ("a listed guest is still a guest", GUEST, {"who_asks": "listed", "allowed_people": ["U1"]}, {}, House(), "guest"),
    ("nobody may in a channel that is off", MANAGER, {"answers_here": False}, {}, House(), "channel"),
    ("a direct message stands in no channel", PERSON, {"answers_here": False}, {"private": True}, House(), None),
    ("no direct messages", MANAGER, {"direct_messages": False}, {"private": True}, House(), "direct"),
    ("no direct messages is nothing to a channel", PERSON, {"direct_messages": False}, {}, House(), None),
    ("a denied workspace", MANAGER, {}, {}, House(denied=frozenset({"T1"})), "workspace"),
    ("another workspace is denied", PERSON, {}, {}, House(denied=frozenset({"T2"})), None),
    ("not an allowed workspace", PERSON, {}, {}, House(allowed=frozenset({"T2"})), "workspace"),
    ("an allowed workspace", PERSON, {}, {}, House(allowed=frozenset({"T1"})), None),
    ("a denied workspace beats an allowed one", PERSON, {}, {}, House(allowed=frozenset({"T1"}), denied=frozenset({"T1"})), "workspace"),
    ("a direct message on Discord belongs to no guild", PERSON, {}, {"workspace": "", "private": True}, House(allowed=frozenset({"T1"})), None),
]  # fmt: skip


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize(
    ("standing", "changes", "more", "house", "why"),
    [rule[1:] for rule in RULES],
    ids=[rule[0] for rule in RULES],
)
def test_every_rule_holds_in_every_way_of_asking(
    how: Way, standing: Standing, changes: dict[str, Any], more: dict[str, Any], house: House, why: Why | None
) -> None:
    refusal = may(asking(standing, how, **more), preferences(**changes), house)
    assert (refusal.why if refusal else None) == why


@pytest.mark.parametrize("control", [Control.REGENERATE, Control.CONTINUE, Control.FILE])
@pytest.mark.parametrize(
    ("standing", "changes", "more", "house", "why"),
    [rule[1:] for rule in RULES],
    ids=[rule[0] for rule in RULES],
)
def test_every_rule_holds_for_buttons_that_ask_claude_or_upload(
    control: Control,
    standing: Standing,
    changes: dict[str, Any],
    more: dict[str, Any],
    house: House,
    why: Why | None,
) -> None:
    """Pressing Regenerate on somebody's answer is no way around who may ask; not even for whoever asked first."""
    asked = asking(standing, **more)
    refusal = may_control(control, asked, preferences(**changes), asker=asked.person, house=house)
    assert (refusal.why if refusal else None) == why


def test_only_who_addressed_us_is_told_and_never_a_bot() -> None:
    """An answer to what was overheard would be noise, and one to a bot the beginning of a loop."""
    nobody = preferences(denied_people=["U1"])
    assert may(asking(how="mention"), nobody) == Refusal("denied", aloud=True)
    assert may(asking(how="overheard"), nobody) == Refusal("denied", aloud=False)
    assert may(asking(BOT, person="B1"), preferences()) == Refusal("bot", aloud=False)


# standing, person, asker -> may stop and delete
OWN = [
    ("the asker", PERSON, "U1", "U1", True),
    ("somebody else", PERSON, "U2", "U1", False),
    ("a moderator", MODERATOR, "U2", "U1", True),
    ("a manager", Standing(manager=True), "U2", "U1", True),
    ("a member of the managing group", STAFF, "U2", "U1", True),
    ("a guest who asked while guests were let in", GUEST, "U1", "U1", True),
    ("an outsider with powers elsewhere", replace(OUTSIDER, manager=True, moderator=True), "U2", "U1", False),
    ("a bot with powers", replace(BOT, manager=True, moderator=True), "B1", "U1", False),
    ("nobody's answer, pressed by anybody", PERSON, "", "", False),
    ("nobody's answer, pressed by a moderator", MODERATOR, "U2", "", True),
]  # fmt: skip


@pytest.mark.parametrize("control", [Control.STOP, Control.DELETE])
@pytest.mark.parametrize(
    ("standing", "person", "asker", "may_"), [row[1:] for row in OWN], ids=[row[0] for row in OWN]
)
def test_stop_and_delete_are_for_the_asker_and_who_moderates(
    control: Control, standing: Standing, person: str, asker: str, may_: bool
) -> None:
    """Also for an asker who has been denied since, and where the bot was switched off."""
    off = preferences(denied_people=["U1", "U2"], answers_here=False)
    house = House(managers=frozenset({"staff"}))
    refusal = may_control(control, asking(standing, person=person), off, asker=asker, house=house)
    assert (refusal is None) == may_
    if refusal:
        assert refusal.why == "not_yours"


@pytest.mark.parametrize("control", [Control.GOOD, Control.BAD])
def test_thumbs_are_for_everybody_who_is_not_denied(control: Control) -> None:
    listed = preferences(who_asks="listed", denied_people=["U9"])
    assert may_control(control, asking(GUEST), listed, asker="U2") is None
    assert may_control(control, asking(person="U9"), listed, asker="U2") == Refusal("denied")
    assert may_control(control, asking(BOT), listed, asker="U2") == Refusal("bot", aloud=False)


MANAGING = [
    ("a manager", MANAGER, True),
    ("a person", PERSON, False),
    ("a moderator", MODERATOR, False),
    ("a member of the listed group", STAFF, True),
    ("somebody else's admin", replace(OUTSIDER, manager=True), False),
    ("an outsider in a listed group", replace(OUTSIDER, groups=frozenset({"staff"})), False),
    ("a bot", replace(BOT, manager=True), False),
]


@pytest.mark.parametrize(
    ("standing", "may_"), [row[1:] for row in MANAGING], ids=[row[0] for row in MANAGING]
)
def test_settings_are_for_managers_and_the_listed_groups(standing: Standing, may_: bool) -> None:
    assert (may_manage(standing, House(managers=frozenset({"staff"}))) is None) == may_


def test_no_setting_locks_a_manager_out_of_the_settings() -> None:
    """Whoever denied everybody by mistake can still mend it: no preference is even looked at."""
    closed = preferences(who_asks="listed", answers_here=False, denied_people=["U1"], direct_messages=False)
    assert may(asking(MANAGER), closed) is not None
    assert may_manage(MANAGER, House(denied=frozenset({"T1"}))) is None
