"""Slack's payloads -> the core's events. Law: pure, and no payload is fatal: it is an event, nothing, or `Malformed`.

One message may arrive several times: as `app_mention` and as `message`, redelivered after a lost acknowledgement,
again after a reconnect. Each gives the same `key`, which is how the core answers once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from adapters.slack import reading
from adapters.slack.blocks import CONTROLS
from adapters.slack.dialect import SlackDialect
from bot.ports import Deleted, Event, Incoming, Person, Place, Pressed, Ref

Payload: TypeAlias = Mapping[str, Any]
NameOf: TypeAlias = Callable[[str], str]

PLATFORM = "slack"

SPOKEN = frozenset({"", "file_share", "thread_broadcast"})
"""Subtypes of `message` in which a person says something; message_changed above all is none of them."""

LONGEST_ANNOUNCED = 3_000
"""Characters of a command's question that are shown above its answer; Claude gets the whole of it."""


class Malformed(ValueError):
    """A payload that Slack would not send; the message names the field and repeats nothing of its content."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in this workspace: team id, the bot's user id, its bot id."""

    team: str
    user: str
    bot: str = ""
    name: str = ""


def message(body: Payload, me: Identity, name_of: NameOf) -> Event | None:
    """An Events API payload; None for what does not concern the bot."""
    event = _mapping(body, "event")
    kind = _text(event, "type")
    if kind not in ("app_mention", "message"):
        return None
    if kind == "message" and (gone := _deleted(event)):
        return Deleted(Ref(_needed(event, "channel"), gone))
    if _text(event, "subtype") not in SPOKEN or event.get("hidden") or _by_a_bot(event, me):
        return None
    return _spoken(event, kind, _text(body, "team_id") or me.team, me, name_of)


def _deleted(event: Payload) -> str:
    """The ts of the message that is gone, or "". The root of a thread leaves a tombstone, which is a change."""
    subtype = _text(event, "subtype")
    if subtype == "message_deleted":
        return _needed(event, "deleted_ts")
    after = event.get("message")
    if subtype == "message_changed" and isinstance(after, Mapping) and _text(after, "subtype") == "tombstone":
        return _needed(after, "ts")
    return ""


def _spoken(event: Payload, kind: str, team: str, me: Identity, name_of: NameOf) -> Incoming | None:
    channel, ts, user = _needed(event, "channel"), _needed(event, "ts"), _needed(event, "user")
    thread = _text(event, "thread_ts")
    if thread == ts:  # the root itself, seen again after it has got replies
        thread = ""
    raw = _text(event, "text")
    direct = _is_direct(channel, _text(event, "channel_type"))
    how: Literal["mention", "direct", "overheard"]
    if direct:
        how = "direct"
    elif kind == "app_mention" or reading.mentions(raw, me.user):
        how = "mention"
    elif thread:
        how = "overheard"
    else:
        return None
    # In a DM people talk at top level; in a channel the answer opens a thread under the question.
    root = thread if direct else thread or ts
    return Incoming(
        key=f"{PLATFORM}:{team}:{channel}:{ts}",
        person=Person(user, name_of(user)),
        text=reading.message(event, bot=me.user, name_of=name_of),
        how=how,
        place=Place(PLATFORM, team, channel, thread=root, private=direct),
        scope=f"thread:{channel}:{root}" if root else f"direct:{channel}",
        message=Ref(channel, ts),
        files=reading.files(event),
        threaded=bool(thread),
    )


def command(body: Payload, me: Identity, name_of: NameOf) -> Incoming:
    """A slash command: a conversation of its own, to be followed up in the thread that its announcement opens."""
    channel, user, trigger = (
        _needed(body, "channel_id"),
        _needed(body, "user_id"),
        _needed(body, "trigger_id"),
    )
    team = _text(body, "team_id") or me.team
    # The same for each delivery of one command. Slack's trigger ids are unique; a server like it may repeat them.
    parts = "\0".join((trigger, user, _text(body, "response_url"), _text(body, "text")))
    command = hashlib.blake2s(parts.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
    direct = _is_direct(channel, "im" if _text(body, "channel_name") == "directmessage" else "")
    text = reading.read(_text(body, "text"), bot=me.user, name_of=name_of)
    return Incoming(
        key=f"{PLATFORM}:command:{command}",
        person=Person(user, name_of(user)),
        text=text,
        how="command",
        place=Place(PLATFORM, team, channel, private=direct),
        scope=f"command:{command}",
        announce=_announce(name_of(user) or _text(body, "user_name") or user, text) if text else "",
    )


def _announce(name: str, question: str) -> str:
    """The question as a message by the bot, in Slack's dialect: nobody is pinged by way of a command."""
    shown = question if len(question) <= LONGEST_ANNOUNCED else question[:LONGEST_ANNOUNCED].rstrip() + " …"
    # A question that begins with a fence, a list or a table needs a line of its own to stay one.
    gap = "\n\n" if "\n" in shown else " "
    text = f"**{reading.inert(name)} asks:**{gap}{shown}"
    return SlackDialect().render(text, (), 0, len(text))


def press(body: Payload, me: Identity, name_of: NameOf) -> Pressed | None:
    """A block_actions payload; None where the button is not one of ours."""
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, Mapping):
        raise Malformed("actions")
    control = CONTROLS.get(_text(action, "action_id"))
    if control is None:
        return None
    container = body.get("container")
    container = container if isinstance(container, Mapping) else {}
    shown = body.get("message")
    shown = shown if isinstance(shown, Mapping) else {}
    where = body.get("channel")
    channel = (_text(where, "id") if isinstance(where, Mapping) else "") or _needed(container, "channel_id")
    ts = _text(shown, "ts") or _needed(container, "message_ts")
    thread = _text(shown, "thread_ts") or _text(container, "thread_ts")
    who = _mapping(body, "user")
    user = _needed(who, "id")
    team = body.get("team")
    return Pressed(
        control=control,
        reply=_needed(action, "value"),
        person=Person(user, name_of(user)),
        place=Place(
            PLATFORM,
            (_text(team, "id") if isinstance(team, Mapping) else "") or me.team,
            channel,
            thread="" if thread == ts else thread,
            private=_is_direct(channel, ""),
        ),
        message=Ref(channel, ts),
    )


def _by_a_bot(event: Payload, me: Identity) -> bool:
    """Bots are never answered, ourselves above all: two of them would talk for ever."""
    return bool(
        _text(event, "bot_id") or event.get("bot_profile") or _text(event, "user") in {me.user, "USLACKBOT"}
    )


def _is_direct(channel: str, kind: str) -> bool:
    return kind == "im" or (not kind and channel.startswith("D"))


def _mapping(payload: Payload, field: str) -> Payload:
    value = payload.get(field)
    if not isinstance(value, Mapping):
        raise Malformed(field)
    return value


def _text(payload: Payload, field: str) -> str:
    """The field's text; the empty one where it is missing or is something else."""
    value = payload.get(field)
    return value if isinstance(value, str) else ""


def _needed(payload: Payload, field: str) -> str:
    value = _text(payload, field)
    if not value:
        raise Malformed(field)
    return value
