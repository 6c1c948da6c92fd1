"""The rules by which somebody may or may not ask, as data: how each is set, and what is said to whoever it turns away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bot import sentences
from tests.end_to_end.asking import WAYS, Room

Fields: TypeAlias = dict[str, str | list[str]]
Phase: TypeAlias = Literal["rooms", "everywhere", "environment", "house"]
DAY = 86_400
FORMS: tuple[Phase, ...] = ("rooms", "everywhere")  # what managers set in the chat
LITTLE = "0.0001"  # dollars; one answer costs more
SOME = (
    "0.05"  # dollars; a room's few answers cost less, and what is set aside for one that is under way is more
)
MANY = 21  # questions a minute: more than anybody asks in one room
SPENT = frozenset(
    {sentences.PERSON_SPENT, sentences.CHANNEL_SPENT, sentences.WORKSPACE_SPENT, sentences.RESERVED}
)
RATES = SPENT | {sentences.TOO_MANY_REQUESTS}


def nothing(_room: Room) -> Fields:
    return {}


@dataclass(frozen=True)
class Rule:
    """What holds, and what whoever asks is told of it; "" where they are answered.

    here, everywhere  what managers set for the channel, and for all of them
    before            what they set for the channel while the first questions are asked
    limit             the dollars of which the sentence tells
    under_way         whose answer is under way in another conversation meanwhile, so that its cost is not known
    asker             what the asker is (Slack: a field of a person)
    directs           the platforms where it holds in direct messages, too; Discord's belong to no guild
    phase             rooms: side by side. everywhere: one after the other. environment, house: after a restart
    """

    says: str = ""
    here: Callable[[Room], Fields] = nothing
    everywhere: Callable[[Room], Fields] = nothing
    before: Callable[[Room], Fields] = nothing
    limit: str = LITTLE
    under_way: Literal["", "asker's", "other's"] = ""
    asker: Literal["", "guest", "stranger", "bot"] = ""
    on: tuple[str, ...] = ("slack", "discord")
    ways: tuple[str, ...] = ()
    channels: tuple[str, ...] = ("slack", "discord")
    directs: tuple[str, ...] = ()
    phase: Phase = "rooms"


def setting(**fields: str) -> Callable[[Room], Fields]:
    return lambda _room: dict(fields)


BOTH = ("slack", "discord")
ONLY_LISTED: Fields = {"who_asks": sentences.WHO_LISTED}
RULES: dict[str, Rule] = {
    "nobody is kept out": Rule(directs=BOTH),
    "denied by name": Rule(sentences.NOT_FOR_YOU, lambda room: {"denied_people": [room.asker]}),
    "denied by group": Rule(sentences.NOT_FOR_YOU, lambda room: {"denied_groups": [room.group]}),
    "denied and listed": Rule(
        sentences.NOT_FOR_YOU,
        lambda room: {**ONLY_LISTED, "allowed_people": [room.asker], "denied_groups": [room.group]},
    ),
    "not listed": Rule(sentences.NOT_FOR_YOU, lambda room: {**ONLY_LISTED, "allowed_people": [room.other]}),
    "listed by name": Rule(here=lambda room: {**ONLY_LISTED, "allowed_people": [room.asker]}),
    "listed by group": Rule(here=lambda room: {**ONLY_LISTED, "allowed_groups": [room.group]}),
    "denied everywhere": Rule(
        sentences.NOT_FOR_YOU,
        # A channel that lets somebody in lets in nobody whom everywhere keeps out.
        lambda room: {**ONLY_LISTED, "allowed_people": [room.asker]},
        everywhere=lambda room: {"denied_people": [room.asker]},
        directs=("slack",),
    ),
    "switched off": Rule(sentences.NOT_IN_THIS_CHANNEL, setting(answers_here=sentences.NO)),
    "guest": Rule(sentences.NOT_FOR_GUESTS, asker="guest", on=("slack",), directs=("slack",)),
    "guest who is welcome": Rule(here=setting(guests=sentences.YES), asker="guest", on=("slack",)),
    "outsider": Rule(sentences.NOT_FOR_OUTSIDERS, asker="stranger", on=("slack",), directs=("slack",)),
    "outsider who is welcome": Rule(here=setting(outsiders=sentences.YES), asker="stranger", on=("slack",)),
    "bot": Rule(
        sentences.NOT_FOR_YOU,
        setting(bots=""),
        before=lambda room: {"bots": room.asker},
        asker="bot",
    ),
    "bot that is listed": Rule(before=lambda room: {"bots": room.asker, "bots_in_a_row": "9"}, asker="bot"),
    "bots in a loop": Rule(
        sentences.NOT_FOR_YOU,
        before=lambda room: {"bots": room.asker, "bots_in_a_row": "1"},
        asker="bot",
        ways=("mention under an answer",),
    ),
    "questions a minute": Rule(sentences.TOO_MANY_REQUESTS, setting(requests_a_minute="1")),
    "dollars of a person": Rule(sentences.PERSON_SPENT, setting(person_daily=LITTLE)),
    "dollars of a channel": Rule(sentences.CHANNEL_SPENT, setting(channel_daily=LITTLE)),
    "dollars of a person that an answer under way may cost": Rule(
        sentences.RESERVED, setting(person_daily=SOME), limit=SOME, under_way="asker's"
    ),
    "dollars of a channel that an answer under way may cost": Rule(
        sentences.RESERVED, setting(channel_daily=SOME), limit=SOME, under_way="other's"
    ),
    "dollars, and a thread for each question": Rule(
        sentences.PERSON_SPENT,
        setting(person_daily=LITTLE, branching=sentences.BRANCH_ALWAYS),
        on=("discord",),
        ways=("mention", "reply", "always on", "regenerate"),
    ),
    "dollars of everybody": Rule(
        sentences.WORKSPACE_SPENT,
        everywhere=setting(workspace_daily=LITTLE),
        directs=("slack",),
        phase="everywhere",
    ),
    "no direct messages": Rule(
        sentences.NO_DIRECT_MESSAGES,
        everywhere=setting(direct_messages=sentences.NO),
        on=("slack",),
        channels=(),
        directs=("slack",),
        phase="everywhere",
    ),
    "denied by the environment": Rule(sentences.NOT_FOR_YOU, directs=BOTH, phase="environment"),
    "not listed by the environment": Rule(sentences.NOT_FOR_YOU, directs=BOTH, phase="environment"),
    "questions a minute by the environment": Rule(
        sentences.TOO_MANY_REQUESTS, directs=BOTH, phase="environment"
    ),
    "dollars by the environment": Rule(sentences.PERSON_SPENT, directs=BOTH, phase="environment"),
    "workspace that is not served": Rule(sentences.NOT_IN_THIS_WORKSPACE, directs=("slack",), phase="house"),
    "no direct messages by the environment": Rule(
        sentences.NO_DIRECT_MESSAGES, on=("discord",), channels=(), directs=("discord",), phase="house"
    ),
}


def ways_of(rule: Rule, platform: str) -> list[str]:
    """By which ways this rule could be gone around there."""
    return [
        name
        for name, way in WAYS.items()
        if platform in way.on
        and platform in (rule.directs if way.where == "direct" else rule.channels)
        and (not rule.ways or name in rule.ways)
        and (way.bots or rule.asker != "bot")
    ]


def cells(platform: str) -> list[tuple[str, str]]:
    """The whole table: (rule, way)."""
    return [
        (name, way) for name, rule in RULES.items() if platform in rule.on for way in ways_of(rule, platform)
    ]


def sample(platform: str) -> list[tuple[str, str]]:
    """Every rule that needs no restart and every way at least once: each rule with some ways, in turn."""
    turns: dict[str, int] = {}
    chosen = []
    for name, rule in RULES.items():
        ways = ways_of(rule, platform) if platform in rule.on and rule.phase in FORMS else []
        for way in sorted(ways, key=lambda way: turns.get(way, 0))[:3]:
            turns[way] = turns.get(way, 0) + 1
            chosen.append((name, way))
    for name, way in cells(platform):
        if way not in turns and RULES[name].phase in FORMS:
            turns[way] = 1
            chosen.append((name, way))
    return chosen
