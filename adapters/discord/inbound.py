"""Discord's payloads -> what people said. Pure. Law: nothing is looked up; what the payload and the cache do not tell stays a word.

The payloads are read here as they come, not through discord.py's models: one malformed message must cost one log
line, and the models' constructors demand fields that we do not need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from adapters.discord import reading
from adapters.discord.outbound import control_of
from adapters.discord.reading import Cache, display_name
from bot.ports import Deleted, Incoming, Person, Place, Pressed, Ref

PLATFORM: Final = "discord"

COMMAND: Final = "ask"
QUESTION: Final = "question"

_THREADS: Final = (10, 11, 12)

INTERACTION_COMMAND: Final = 2
INTERACTION_COMPONENT: Final = 3

ADMINISTRATOR: Final = 1 << 3
VIEW_CHANNEL: Final = 1 << 10
SEND_MESSAGES: Final = 1 << 11
SEND_IN_THREADS: Final = 1 << 38


@dataclass(frozen=True, slots=True)
class Asked:
    """A slash command or a button, with what answering it needs. The token never leaves the adapter."""

    id: str
    token: str = field(repr=False)
    visible: bool
    event: Incoming | Pressed | None


def said(d: Mapping[str, Any], me: str, cache: Cache) -> Incoming | None:
    """What a MESSAGE_CREATE means for us; None if it is not for us. Raises on a malformed payload."""
    author = d["author"]
    if author["id"] == me or author.get("bot") or d.get("webhook_id") or d.get("type", 0) not in reading.SAID:
        return None
    channel, message, guild = str(d["channel_id"]), str(d["id"]), str(d.get("guild_id") or "")
    answers = reading.answers(d)
    mentioned = any(person.get("id") == me for person in d.get("mentions") or ())
    to_us = answers is not None and (
        reading.is_by(d.get("referenced_message"), me) or cache.is_ours(answers.message)
    )
    thread = d.get("channel_type") in _THREADS or (bool(guild) and cache.is_thread(channel))
    text, files = reading.message(d, me, cache), reading.files(d)
    how: Literal["mention", "direct", "overheard"]
    if not guild:
        how, scope = "direct", f"direct:{channel}"
    elif thread:
        how, scope = ("mention" if mentioned or to_us else "overheard"), f"thread:{channel}"
        if how == "overheard" and not text and not files:
            return None  # without the message content intent everything overheard is empty: nothing to answer
    elif mentioned or to_us:
        how, scope = "mention", f"message:{channel}:{message}"
    else:
        return None
    return Incoming(
        key=f"{PLATFORM}:message:{message}",
        person=Person(str(author["id"]), display_name(author, d.get("member"))),
        text=text,
        how=how,
        place=Place(PLATFORM, guild, channel, reply_to=message if guild else "", private=not guild),
        scope=scope,
        message=Ref(channel, message),
        answers=answers,
        files=files,
        about=reading.line(d.get("referenced_message"), me, cache, guild=guild)
        if answers is not None and not to_us
        else None,
        threaded=thread or answers is not None,
    )


def asked(d: Mapping[str, Any], me: str, cache: Cache) -> Asked:
    """What an INTERACTION_CREATE means. Raises on a malformed payload."""
    interaction, token = str(d["id"]), str(d["token"])
    channel = str(d.get("channel_id") or (d.get("channel") or {}).get("id") or "")
    guild = str(d.get("guild_id") or "")
    user = (d.get("member") or {}).get("user") or d["user"]
    person = Person(str(user["id"]), display_name(user, d.get("member")))
    data = d.get("data") or {}
    visible = _visible(d)
    event: Incoming | Pressed | None = None
    if d["type"] == INTERACTION_COMMAND and data.get("name") == COMMAND:
        place = Place(PLATFORM, guild, channel, private=_direct(d), route=interaction)
        event = Incoming(
            key=f"{PLATFORM}:interaction:{interaction}",
            person=person,
            text=reading.readable(_question(data), _resolved(data, guild), me, cache),
            how="command",
            place=place,
            scope=f"message:{channel}:{interaction}",
        )
    elif d["type"] == INTERACTION_COMPONENT:
        button = control_of(str(data.get("custom_id") or ""))
        if button is not None:
            message = d["message"]
            event = Pressed(
                control=button[0],
                reply=button[1],
                person=person,
                place=Place(PLATFORM, guild, channel, private=_direct(d)),
                message=Ref(str(message.get("channel_id") or channel), str(message["id"])),
            )
    return Asked(interaction, token, visible, event)


def deleted(d: Mapping[str, Any]) -> list[Deleted]:
    """MESSAGE_DELETE and MESSAGE_DELETE_BULK. Raises on a malformed payload."""
    channel = str(d["channel_id"])
    ids = d["ids"] if "ids" in d else [d["id"]]
    return [Deleted(Ref(channel, str(message))) for message in ids]


# ------------------------------------------------------------------------------------------------------ details


def _question(data: Mapping[str, Any]) -> str:
    for option in data.get("options") or ():
        if option.get("name") == QUESTION:
            return str(option.get("value") or "")
    return ""


def _resolved(data: Mapping[str, Any], guild: str) -> dict[str, Any]:
    """The people whom a command's text names, as a message would tell them."""
    resolved = data.get("resolved") or {}
    members = resolved.get("members") or {}
    people = (resolved.get("users") or {}).items()
    return {"guild_id": guild, "mentions": [{**user, "member": members.get(id_)} for id_, user in people]}


def _direct(d: Mapping[str, Any]) -> bool:
    """A conversation with us alone: interaction context BOT_DM; without a context, no guild."""
    context = d.get("context")
    return context == 1 if context is not None else not d.get("guild_id")


def _visible(d: Mapping[str, Any]) -> bool:
    """Can we post in the channel by ourselves, or only through the interaction? In a direct message with us always;
    in a guild if we are installed in it ("0" among the integration's owners) and `app_permissions` has it.
    """
    if _direct(d):
        return True
    owners = d.get("authorizing_integration_owners")
    if not d.get("guild_id") or (owners and "0" not in owners):
        return False
    try:
        permissions = int(d["app_permissions"])
    except (KeyError, ValueError):
        return True  # nothing is said against it; a refusal would be told
    channel = d.get("channel") or {}
    sends = SEND_IN_THREADS if channel.get("type") in _THREADS else SEND_MESSAGES
    needed = VIEW_CHANNEL | sends
    return bool(permissions & ADMINISTRATOR) or permissions & needed == needed
