"""Messages, their edits, deletions and reactions -> what people said and did. Pure. Law: nothing is looked up; what the payload and the cache do not tell stays a word.

The payloads are read here as they come, not through discord.py's models: one malformed message must cost one log
line, and the models' constructors demand fields that we do not need. Commands, buttons and forms: see `acts`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol

from adapters.discord import reading
from adapters.discord.reading import Cache, Payload, display_name
from bot.ports import Control, Deleted, Edited, Incoming, Person, Place, Pressed, Ref

PLATFORM: Final = "discord"

THREADS: Final = (10, 11, 12)
"""Channel types: a thread of an announcement channel, a public one, a private one."""

SIGNS: Final[Mapping[str, Control]] = {
    "\N{OCTAGONAL SIGN}": Control.STOP,
    "\N{THUMBS UP SIGN}": Control.GOOD,
    "\N{THUMBS DOWN SIGN}": Control.BAD,
}
"""Reactions that mean a button."""

_SHADES: Final = dict.fromkeys((*range(127995, 128000), 65039))
"""Skin tones, and the sign that asks for a picture: a thumb is a thumb."""

FRESH_SECONDS: Final = 60.0
"""An update of a message that we never saw counts as an edit while it was edited so lately; older ones are unfurls,
pins and threads of messages that were edited once."""


class Places(Cache, Protocol):
    """The same with what stands where."""

    def parent_of(self, thread: str) -> str: ...


def said(d: Payload, me: str, cache: Places) -> Incoming | None:
    """What a MESSAGE_CREATE means for us; None if it is not for us. Raises on a malformed payload."""
    author = d["author"]
    if author["id"] == me or d.get("webhook_id") or d.get("type", 0) not in reading.SAID:
        return None
    channel, message, guild = str(d["channel_id"]), str(d["id"]), str(d.get("guild_id") or "")
    answers = reading.answers(d)
    bot = bool(author.get("bot"))
    if bot and not _names(d, me):
        return None  # a bot that replies to us pings us without meaning to: it has to say our name
    mentioned = any(person.get("id") == me for person in d.get("mentions") or ())
    to_us = answers is not None and (
        reading.is_by(d.get("referenced_message"), me) or cache.is_ours(answers.message)
    )
    thread = d.get("channel_type") in THREADS or (bool(guild) and cache.is_thread(channel))
    text, files = reading.message(d, me, cache), reading.files(d)
    how: Literal["mention", "direct", "overheard"]
    if not guild:
        how = "direct"
    elif mentioned or to_us:
        how = "mention"
    elif text or files:
        how = "overheard"
    else:
        return None  # without the message content intent everything overheard is empty: nothing to answer
    return Incoming(
        key=f"{PLATFORM}:message:{message}",
        person=Person(str(author["id"]), display_name(author, d.get("member"))),
        text=text,
        how=how,
        place=_place(d, cache),
        scope=_scope(channel, message, direct=not guild, thread=thread),
        message=Ref(channel, message),
        answers=answers,
        files=files,
        about=reading.line(d.get("referenced_message"), me, cache, guild=guild)
        if answers is not None and not to_us
        else None,
        threaded=thread or answers is not None,
        bot=bot,
    )


def _scope(channel: str, message: str, *, direct: bool, thread: bool) -> str:
    if direct:
        return f"direct:{channel}"
    return f"thread:{channel}" if thread else f"message:{channel}:{message}"


def _place(d: Payload, cache: Places) -> Place:
    guild, channel, message = str(d.get("guild_id") or ""), str(d["channel_id"]), str(d["id"])
    return Place(
        PLATFORM,
        guild,
        channel,
        reply_to=message if guild else "",
        private=not guild,
        parent=cache.parent_of(channel) if guild and cache.is_thread(channel) else "",
    )


def _names(d: Payload, me: str) -> bool:
    """Does it say our name, rather than only reply to us?"""
    content = str(d.get("content") or "")
    return f"<@{me}>" in content or f"<@!{me}>" in content


# ------------------------------------------------------------------------------------------------------ edits


def edited(
    d: Payload, me: str, cache: Places, *, before: tuple[str, str] | None, now: datetime
) -> Edited | None:
    """What a MESSAGE_UPDATE means: an edit where a person changed the words or the files; None for an unfurl, a pin, a
    thread's counter, an edit of ours or of a bot's. Raises on a malformed payload.

    before  `print_of` the message as it was last seen; None where it was not
    now     by the wall's clock, as `edited_timestamp` is
    """
    author = d.get("author")
    if not isinstance(author, Mapping) or "content" not in d or not d.get("edited_timestamp"):
        return None  # a partial update: something about the message changed, not what it says
    if author["id"] == me or author.get("bot") or d.get("webhook_id") or d.get("type", 0) not in reading.SAID:
        return None
    words, at = print_of(d)
    if before is None:
        if not abs((now - _moment(at)).total_seconds()) <= FRESH_SECONDS:
            return None
    elif words == before[0] or (before[1] and _moment(at) <= _moment(before[1])):
        return None
    text, files = reading.message(d, me, cache), reading.files(d)
    if not text and not files:
        return None  # without the message content intent nothing is known of it but that it changed
    person = Person(str(author["id"]), display_name(author, d.get("member")))
    return Edited(Ref(str(d["channel_id"]), str(d["id"])), person, _place(d, cache), text, files)


def print_of(d: Payload) -> tuple[str, str]:
    """(a fingerprint of a message's words and files, when it was edited or "")."""
    attached = (str(one.get("id")) for one in d.get("attachments") or () if isinstance(one, Mapping))
    words = "\0".join((str(d.get("content") or ""), *sorted(attached)))
    return hashlib.blake2s(words.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest(), str(
        d.get("edited_timestamp") or ""
    )


def _moment(stamp: str) -> datetime:
    """A timestamp of Discord's; the beginning of time where it is none."""
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


# ------------------------------------------------------------------------------------------------------ the rest


def reacted(d: Payload, me: str, cache: Places) -> Pressed | None:
    """A MESSAGE_REACTION_ADD that means a button of one of our messages; None for any other. Raises on a malformed
    payload.
    """
    control = sign(d)
    person = str(d["user_id"])
    member = d.get("member") or {}
    user = member.get("user") or {}
    message = Ref(str(d["channel_id"]), str(d["message_id"]))
    ours = d.get("message_author_id") == me or cache.is_ours(message.message)
    if control is None or person == me or user.get("bot") or not ours:
        return None
    guild = str(d.get("guild_id") or "")
    name = display_name(user, member) or cache.person_name(person)
    parent = cache.parent_of(message.channel) if guild and cache.is_thread(message.channel) else ""
    place = Place(PLATFORM, guild, message.channel, private=not guild, parent=parent)
    return Pressed(control, "", Person(person, name), place, message)


def sign(d: Payload) -> Control | None:
    """The button that a reaction means."""
    emoji = d.get("emoji") or {}
    return None if emoji.get("id") else SIGNS.get(str(emoji.get("name") or "").translate(_SHADES))


def deleted(d: Mapping[str, Any]) -> list[Deleted]:
    """MESSAGE_DELETE and MESSAGE_DELETE_BULK. Raises on a malformed payload."""
    channel = str(d["channel_id"])
    ids = d["ids"] if "ids" in d else [d["id"]]
    return [Deleted(Ref(channel, str(message))) for message in ids]
