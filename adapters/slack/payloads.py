"""What every payload of Slack's is read with. Law: pure; a field that is not what it should be is "" or `Malformed`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.ports import Place

Payload: TypeAlias = Mapping[str, Any]
NameOf: TypeAlias = Callable[[str], str]

PLATFORM = "slack"
SLACKBOT = "USLACKBOT"
_NOTHING: Payload = {}


class Malformed(ValueError):
    """A payload that Slack would not send; the message names the field and repeats nothing of its content."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in this workspace: team id, the bot's user id, its bot id, its handle; the organisation's id on a Grid.

    `agent`: the app has Slack's agent surface, where each direct message begins a thread.
    """

    team: str
    user: str
    bot: str = ""
    name: str = ""
    enterprise: str = ""
    agent: bool = False


def text(payload: Payload, field: str) -> str:
    """The field's text; the empty one where it is missing or is something else."""
    value = payload.get(field)
    return value if isinstance(value, str) else ""


def needed(payload: Payload, field: str) -> str:
    value = text(payload, field)
    if not value:
        raise Malformed(field)
    return value


def part(payload: Payload, field: str) -> Payload:
    """The object in the field; an empty one where there is none."""
    value = payload.get(field)
    return value if isinstance(value, Mapping) else _NOTHING


def mapping(payload: Payload, field: str) -> Payload:
    value = payload.get(field)
    if not isinstance(value, Mapping):
        raise Malformed(field)
    return value


def is_direct(channel: str, kind: str) -> bool:
    """`kind` is the channel_type, or "" where the payload does not tell it."""
    return kind == "im" or (not kind and channel.startswith("D"))


def is_ours(said: Payload, me: Identity) -> bool:
    """By the bot's user id, or by its bot id where Slack gives no user."""
    return text(said, "user") == me.user or bool(me.bot and text(said, "bot_id") == me.bot)


def by_a_bot(said: Payload) -> bool:
    return bool(text(said, "bot_id") or said.get("bot_profile") or text(said, "subtype") == "bot_message")


def scope_of(channel: str, root: str) -> str:
    """What a conversation is on Slack: a thread, or a direct channel's top level."""
    return f"thread:{channel}:{root}" if root else f"direct:{channel}"


def place_of(payload: Payload, me: Identity, channel: str, thread: str) -> Place:
    """A place of an interaction, whose payload names its team in an object, and the kind of channel by a name."""
    kind = "im" if text(part(payload, "channel"), "name") == "directmessage" else ""
    team = text(part(payload, "team"), "id") or me.team
    return Place(PLATFORM, team, channel, thread=thread, private=is_direct(channel, kind))


def digest(*parts: str) -> str:
    """The same for each delivery of one thing. Slack's trigger ids are unique; a server like it may repeat them."""
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2s(joined, digest_size=10).hexdigest()
