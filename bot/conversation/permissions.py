"""Who may ask, and who may press what. Pure. Law: one question for every way of asking, so that no way goes around it.

`may` is asked before a question is answered, however it came: a mention, a direct message, a follow-up, `/ask`, a
shortcut, an edited question, Regenerate, Continue. The order of its rules is the order of what people are told: first
what holds for everybody here, then what holds for this person. What denies beats what allows. Settings are guarded by
`may_manage` alone, so that no rule, however wrong, locks a manager out of mending it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bot.conversation.preferences import OPEN_HOUSE, House, Preferences
from bot.ports import Control, Standing

Way: TypeAlias = Literal[
    "mention",
    "direct",
    "command",
    "overheard",
    "shortcut",
    "summary",
    "edit",
    "regenerate",
    "continue",
]
Why: TypeAlias = Literal[
    "workspace",  # the person who runs the bot does not let it answer in this workspace or guild
    "direct",  # no direct messages here
    "channel",  # switched off in this channel
    "bot",  # a bot that is not listed
    "loop",  # a listed bot that has been answered often enough without a person between
    "outsider",  # somebody of another workspace
    "guest",
    "denied",  # by name or by group
    "not_listed",  # only listed people may ask here, and this is none of them
    "not_yours",  # a control of somebody else's answer
    "not_manager",
]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, how and where.

    private        a conversation with one person
    answers_to_bots  how many answers in a row this conversation has given to bots, with no person's question between
    """

    how: Way
    person: str
    standing: Standing
    workspace: str
    private: bool = False
    answers_to_bots: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not. `aloud`: whether anybody is told; a bot never is, nor somebody who did not address us."""

    why: Why
    aloud: bool = True


def may(asking: Asking, preferences: Preferences, house: House = OPEN_HOUSE) -> Refusal | None:
    """Why this question is not answered; None where it is."""
    why = _why_not(asking, preferences, house)
    if why is None:
        return None
    return Refusal(why, aloud=asking.how != "overheard" and not asking.standing.bot)


def _why_not(asking: Asking, preferences: Preferences, house: House) -> Why | None:
    standing = asking.standing
    if asking.workspace and (
        asking.workspace in house.denied or (house.allowed and asking.workspace not in house.allowed)
    ):
        return "workspace"
    if asking.private and not preferences.direct_messages:
        return "direct"
    if not asking.private and not preferences.answers_here:
        return "channel"
    if standing.bot:
        if asking.person not in preferences.bots:
            return "bot"
        if asking.answers_to_bots >= preferences.bots_in_a_row:
            return "loop"
    if standing.outsider and not preferences.outsiders:
        return "outsider"
    if standing.guest and not preferences.guests:
        return "guest"
    if _denied(asking.person, standing, preferences):
        return "denied"
    # A bot that somebody listed was allowed by that.
    if preferences.who_asks == "listed" and not (
        standing.bot or _listed(asking.person, standing, preferences)
    ):
        return "not_listed"
    return None


def may_manage(standing: Standing, house: House = OPEN_HOUSE) -> Refusal | None:
    """Why this person may not see or change settings; None where they may.

    Managers by the platform, and members of the groups that the house lists. Somebody of another workspace manages
    that one, not this one; a bot manages nothing.
    """
    if standing.bot or standing.outsider:
        return Refusal("not_manager", aloud=not standing.bot)
    if standing.manager or standing.groups & house.managers:
        return None
    return Refusal("not_manager")


def may_control(
    control: Control,
    asking: Asking,
    preferences: Preferences,
    *,
    asker: str,
    house: House = OPEN_HOUSE,
) -> Refusal | None:
    """Why this person may not press this button of a reply that `asker` ("" when forgotten) has asked for.

    Stop and Delete: the asker, moderators and managers. Regenerate, Continue, As file: whoever may ask here. Thumbs:
    everybody who is not denied. `asking.how` is not looked at.
    """
    standing = asking.standing
    match control:
        case Control.STOP | Control.DELETE:
            own = bool(asker) and asking.person == asker
            moderates = standing.moderator and not (standing.bot or standing.outsider)
            if own or moderates or may_manage(standing, house) is None:
                return None
            return Refusal("not_yours", aloud=not standing.bot)
        case Control.GOOD | Control.BAD:
            if standing.bot:
                return Refusal("bot", aloud=False)
            return Refusal("denied") if _denied(asking.person, standing, preferences) else None
        case Control.REGENERATE | Control.CONTINUE | Control.FILE:
            why = _why_not(asking, preferences, house)
            return Refusal(why, aloud=not standing.bot) if why else None


def _denied(person: str, standing: Standing, preferences: Preferences) -> bool:
    return person in preferences.denied_people or _any(standing.groups, preferences.denied_groups)


def _listed(person: str, standing: Standing, preferences: Preferences) -> bool:
    return person in preferences.allowed_people or _any(standing.groups, preferences.allowed_groups)


def _any(groups: Collection[str], of: Collection[str]) -> bool:
    return not set(groups).isdisjoint(of)
