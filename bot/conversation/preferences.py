"""How the bot behaves in one channel. Pure. Law: only what somebody set is stored; everything else follows the level
above, also when that changes later.

Three levels: the environment (`defaults`), what managers set for a workspace or guild, what they set for a channel.
Each level replaces what it names, but for the people and groups who are denied: those add up, so that no channel lets
in whom the workspace keeps out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.channel_defaults import listed
from bot.settings import Settings, variable

log = logging.getLogger(__name__)

Scope: TypeAlias = Literal["workspace", "channel"]
Effort: TypeAlias = Literal["low", "medium", "high", "xhigh", "max", "off"]

# Money as the store keeps it: integer millionths of a dollar.
Micros: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000_000_000)]


def _sorted(ids: Any) -> Any:
    """One form for one set, so that equal lists are equal and add up in any order."""
    return (
        tuple(sorted({str(id_) for id_ in ids})) if isinstance(ids, list | tuple | set | frozenset) else ids
    )


Ids: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_sorted)]


class Preferences(BaseModel):
    """What holds in one channel. 0 switches a number off, "" a text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The answer.
    model: str = Field(min_length=1)
    effort: Effort
    persona: str = Field(
        default="", max_length=8_000
    )  # told to Claude after the manners and INKSTREAM_SYSTEM_PROMPT
    growing: Literal["growing", "when_done"] = "growing"
    footer: bool = False
    language: str = Field(default="", max_length=20)  # of our own sentences; "" as the platform tells

    # Where and how.
    answers_here: bool = True
    always_on: bool = False  # answers what is not addressed to it, too
    reply_in: Literal["thread", "channel"] = "thread"
    branching: Literal["never", "always", "busy"] = (
        "busy"  # a thread for each question, where there is a choice
    )
    while_answering: Literal["wait", "steer"] = "wait"
    notify_after: int = Field(
        default=0, ge=0, le=86_400
    )  # seconds; a longer answer ends with a ping of the asker
    remove_with_question: bool = False
    attach_pages: int = Field(default=0, ge=0, le=1_000)  # a longer answer comes as a file, too
    attach_code: int = Field(default=0, ge=0, le=1_000_000)  # characters; longer code comes as a file, too

    # Who.
    who_asks: Literal["everyone", "listed"] = "everyone"
    allowed_people: Ids = ()
    allowed_groups: Ids = ()
    denied_people: Ids = ()
    denied_groups: Ids = ()
    direct_messages: bool = True
    guests: bool = False
    outsiders: bool = False
    bots: Ids = ()
    bots_in_a_row: int = Field(default=3, ge=1, le=100)

    # How much.
    requests_a_minute: int = Field(default=0, ge=0, le=10_000)
    person_daily: Micros = 0
    channel_daily: Micros = 0
    workspace_daily: Micros = 0

    # Names of the above of which only the environment decides.
    locked: Ids = ()


# Set for the whole workspace or not at all: a channel must not lift what bounds all channels together, and a direct
# message stands in no channel.
WORKSPACE_ONLY = frozenset({"workspace_daily", "direct_messages"})
ADDING_UP = frozenset({"denied_people", "denied_groups"})


@dataclass(frozen=True, slots=True)
class House:
    """What the person who runs the bot has laid down for every workspace; no setting in a chat changes it.

    allowed, denied  ids of workspaces and guilds; no `allowed`: everywhere. Conversations that belong to none (direct
                     messages on Discord) are not asked
    managers         ids of the user groups or roles whose members may change settings, besides managers
    """

    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    managers: frozenset[str] = frozenset()


OPEN_HOUSE = House()


def defaults(settings: Settings) -> Preferences:
    """The first level: the environment."""
    people, groups = listed(settings.allowed_people), listed(settings.allowed_groups)
    return Preferences(
        model=settings.model,
        effort=settings.effort,
        growing=settings.growing,
        footer=settings.footer == "on",
        language=settings.language,
        answers_here=settings.answers_here == "on",
        always_on=settings.always_on == "on",
        reply_in=settings.reply_in,
        branching=settings.branching,
        while_answering=settings.while_answering,
        notify_after=settings.notify_after,
        remove_with_question=settings.remove_with_question == "on",
        attach_pages=settings.attach_pages,
        attach_code=settings.attach_code,
        who_asks="listed" if people or groups else "everyone",
        allowed_people=people,
        allowed_groups=groups,
        denied_people=listed(settings.denied_people),
        denied_groups=listed(settings.denied_groups),
        direct_messages=settings.direct_messages == "on",
        guests=settings.guests == "on",
        outsiders=settings.outsiders == "on",
        bots=listed(settings.bots),
        bots_in_a_row=settings.bots_in_a_row,
        requests_a_minute=settings.requests_a_minute,
        person_daily=_micros(settings.person_daily),
        channel_daily=_micros(settings.channel_daily),
        workspace_daily=_micros(settings.workspace_daily),
        locked=_locked(settings),
    )


def house(settings: Settings) -> House:
    """Whom the bot serves at all."""
    return House(
        allowed=frozenset(listed(settings.allowed_workspaces)),
        denied=frozenset(listed(settings.denied_workspaces)),
        managers=frozenset(listed(settings.manager_groups)),
    )


def _locked(settings: Settings) -> tuple[str, ...]:
    names = set(listed(settings.locked))
    locked = {field for field in Preferences.model_fields if field != "locked" and _written(field) in names}
    # Whoever may ask is one thing: the list, and that it counts.
    return tuple(locked | ({"who_asks"} if locked & {"allowed_people", "allowed_groups"} else set()))


def _written(field: str) -> str:
    """The environment variable of a preference; "" where the environment has no such thing."""
    return variable(field) if field in Settings.model_fields else ""


def _micros(dollars: Decimal) -> int:
    return int(dollars * 1_000_000)


def merged(above: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    """Two levels of changes as one. Associative."""
    both = {**above, **below}
    for name in ADDING_UP & above.keys() & below.keys():
        levels = [level[name] for level in (above, below) if isinstance(level[name], list | tuple)]
        # What is no list cannot be meant; it must not open the door to whom the other level keeps out.
        both[name] = sorted({str(id_) for level in levels for id_ in level})
    return both


def resolve(defaults: Preferences, workspace: Mapping[str, Any], channel: Mapping[str, Any]) -> Preferences:
    """What holds in a channel. Stored values that this version does not know or accept are passed over, and logged.

    What the environment has locked is as the environment says.
    """
    locked = {*defaults.locked, "locked"}
    changes = merged(
        {name: set_ for name, set_ in workspace.items() if name not in locked},
        {name: set_ for name, set_ in channel.items() if name not in locked | WORKSPACE_ONLY},
    )
    asked = merged(defaults.model_dump(), changes)
    try:
        return Preferences.model_validate(asked)
    except ValidationError as error:
        wrong = {str(mistake["loc"][0]) for mistake in error.errors(include_url=False, include_input=False)}
        log.warning("preferences.passed_over", extra={"fields": sorted(wrong)})
        return Preferences.model_validate(
            merged(defaults.model_dump(), {name: set_ for name, set_ in changes.items() if name not in wrong})
        )
