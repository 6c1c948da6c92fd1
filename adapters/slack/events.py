"""Slack's events -> the core's. Law: pure, and no payload is fatal: it is an event, nothing, or `Malformed`.

One message may arrive several times: as `app_mention` and as `message`, redelivered after a lost acknowledgement,
again after a reconnect. Each gives the same `key`, which is how the core answers once.
"""

from __future__ import annotations

from typing import Any, Literal

from adapters.slack import reading
from adapters.slack.payloads import (
    PLATFORM,
    SLACKBOT,
    Identity,
    Malformed,
    NameOf,
    Payload,
    by_a_bot,
    is_direct,
    is_ours,
    mapping,
    needed,
    part,
    scope_of,
    text,
)
from bot.ports import Control, Deleted, Edited, Event, Incoming, Person, Place, Pressed, Ref

__all__ = ["PLATFORM", "SPOKEN", "Identity", "Malformed", "NameOf", "Payload", "edit_key", "opened", "read"]

SPOKEN = frozenset({"", "file_share", "thread_broadcast"})
"""Subtypes of `message` in which a person says something; message_changed above all is none of them."""

BY_BOTS = SPOKEN | {"bot_message"}

SIGNS = {
    "octagonal_sign": Control.STOP,
    "+1": Control.GOOD,
    "thumbsup": Control.GOOD,
    "-1": Control.BAD,
    "thumbsdown": Control.BAD,
}
"""Reactions on one of our messages that say what a button would."""

LATE_EDIT_SECONDS = 5.0


def read(body: Payload, me: Identity, name_of: NameOf) -> tuple[Event, ...]:
    """An Events API payload; () for what does not concern the bot."""
    event = mapping(body, "event")
    kind = text(event, "type")
    team = text(body, "team_id") or me.team
    if kind == "agent_session_stopped":
        return _stopped(event, team, name_of)
    if kind == "reaction_added":
        found: Event | None = _reacted(event, team, me, name_of)
    elif kind in ("app_mention", "message"):
        found = _message(event, kind, team, me, name_of)
    else:
        found = None
    return () if found is None else (found,)


def opened(body: Payload, me: Identity) -> tuple[Place, Person] | None:
    """A conversation with the app that somebody has opened, and not begun yet (see openings.py). That they look at another
    channel meanwhile (assistant_thread_context_changed) changes nothing.
    """
    event = mapping(body, "event")
    if text(event, "type") != "assistant_thread_started":
        return None
    thread = mapping(event, "assistant_thread")
    team = text(body, "team_id") or me.team
    place = Place(
        PLATFORM, team, needed(thread, "channel_id"), thread=needed(thread, "thread_ts"), private=True
    )
    return place, Person(needed(thread, "user_id"))


# -------------------------------------------------------------------------------------------------------- messages


def _message(event: Payload, kind: str, team: str, me: Identity, name_of: NameOf) -> Event | None:
    if kind == "message" and (gone := _deleted(event)):
        return Deleted(Ref(needed(event, "channel"), gone))
    if text(event, "subtype") == "message_changed":
        return _edited(event, team, me, name_of)
    if event.get("hidden") or is_ours(event, me) or text(event, "user") == SLACKBOT:
        return None
    if text(event, "subtype") not in (BY_BOTS if by_a_bot(event) else SPOKEN):
        return None
    return _spoken(event, kind, team, me, name_of)


def _deleted(event: Payload) -> str:
    """The ts of the message that is gone, or "". The root of a thread leaves a tombstone, which is a change."""
    subtype = text(event, "subtype")
    if subtype == "message_deleted":
        return needed(event, "deleted_ts")
    after = part(event, "message")
    if subtype == "message_changed" and text(after, "subtype") == "tombstone":
        return needed(after, "ts")
    return ""


def _spoken(event: Payload, kind: str, team: str, me: Identity, name_of: NameOf) -> Incoming | None:
    bot = by_a_bot(event)
    channel, ts = needed(event, "channel"), needed(event, "ts")
    how: Literal["mention", "direct", "overheard"]
    direct = is_direct(channel, text(event, "channel_type"))
    if direct:
        how = "direct"
    elif kind == "app_mention" or reading.mentions(text(event, "text"), me.user):
        how = "mention"
    else:
        how = "overheard"
    if bot and how != "mention":
        return None  # two that answer each other never end
    place, threaded = _place(event, channel, ts, team, me, direct=direct)
    return Incoming(
        key=f"{PLATFORM}:{team}:{channel}:{ts}",
        person=_bot(event, name_of) if bot else _person(event, name_of),
        text=reading.message(event, bot=me.user, name_of=name_of),
        how=how,
        place=place,
        scope=scope_of(channel, place.thread),
        message=Ref(channel, ts),
        files=reading.files(event),
        threaded=threaded,
        bot=bot,
    )


def _place(
    event: Payload, channel: str, ts: str, team: str, me: Identity, *, direct: bool
) -> tuple[Place, bool]:
    """(where an answer grows, whether it stands in a thread that it has not begun itself)."""
    thread = text(event, "thread_ts")
    if thread == ts:  # the root itself, seen again after it has got replies
        thread = ""
    # In an ordinary DM people talk at top level; elsewhere the answer opens a thread under the question.
    root = thread if direct and not me.agent else thread or ts
    place = Place(PLATFORM, team, channel, thread=root, reply_to=ts, private=direct)
    return place, bool(thread)


def _person(event: Payload, name_of: NameOf) -> Person:
    user = needed(event, "user")
    return Person(user, name_of(user))


def _bot(event: Payload, name_of: NameOf) -> Person:
    """Older integrations have no user."""
    id_ = text(event, "user") or needed(event, "bot_id")
    name = text(event, "username") or text(part(event, "bot_profile"), "name")
    return Person(id_, name or name_of(id_))


# ----------------------------------------------------------------------------------------------------------- edits


def _edited(event: Payload, team: str, me: Identity, name_of: NameOf) -> Edited | None:
    """message_changed: Slack sends it for unfurls, thread counters and our own edits too, which are none."""
    after, channel = part(event, "message"), needed(event, "channel")
    if by_a_bot(after) or is_ours(after, me) or text(after, "user") == SLACKBOT:
        return None
    if after.get("hidden") or text(after, "subtype") not in SPOKEN or not _reworded(event, after):
        return None
    ts = needed(after, "ts")
    direct = is_direct(channel, text(event, "channel_type"))
    place, _ = _place(after, channel, ts, team, me, direct=direct)
    return Edited(
        message=Ref(channel, ts),
        person=_person(after, name_of),
        place=place,
        text=reading.message(after, bot=me.user, name_of=name_of),
        files=reading.files(after),
    )


def _reworded(event: Payload, after: Payload) -> bool:
    """Whether somebody changed the words."""
    before = event.get("previous_message")
    if isinstance(before, dict):
        same = text(before, "text") == text(after, "text")
        return not (same and _bare(before.get("blocks")) == _bare(after.get("blocks")))
    # Slack always tells what was there before. A server that does not tells at least when it was edited: an older
    # edit that an unfurl brings along is none.
    try:
        edited = float(text(part(after, "edited"), "ts"))
        return abs(float(text(event, "event_ts") or text(event, "ts")) - edited) <= LATE_EDIT_SECONDS
    except ValueError:
        return False


def edit_key(body: Payload) -> str:
    """The same for each delivery of one edit."""
    event = part(body, "event")
    after = part(event, "message")
    moment = text(part(after, "edited"), "ts") or text(event, "event_ts") or text(event, "ts")
    return f"edit:{text(event, 'channel')}:{text(after, 'ts')}:{moment}"


def _bare(value: Any) -> Any:
    """Blocks without the ids that Slack gives them anew."""
    if isinstance(value, list):
        return [_bare(one) for one in value]
    if isinstance(value, dict):
        return {name: _bare(one) for name, one in value.items() if name != "block_id"}
    return value


# ------------------------------------------------------------------------------------------------------------ signs


def _reacted(event: Payload, team: str, me: Identity, name_of: NameOf) -> Pressed | None:
    """A reaction on one of our messages. Slack does not tell its thread."""
    control = SIGNS.get(text(event, "reaction").partition("::")[0])  # "+1::skin-tone-3"
    item = part(event, "item")
    if control is None or text(item, "type") != "message" or text(event, "item_user") != me.user:
        return None
    person = _person(event, name_of)
    if person.id in (me.user, SLACKBOT):
        return None
    channel = needed(item, "channel")
    return Pressed(
        control=control,
        reply="",
        person=person,
        place=Place(PLATFORM, team, channel, private=is_direct(channel, "")),
        message=Ref(channel, needed(item, "ts")),
    )


def _stopped(event: Payload, team: str, name_of: NameOf) -> tuple[Pressed, ...]:
    """Slack's own stop button. Slack has sealed the streams that it names; where it names none, the thread is meant."""
    channel, thread = needed(event, "channel"), text(event, "thread_ts")
    listed = event.get("streaming_message_ts")
    stopped = [ts for ts in (listed if isinstance(listed, list) else ()) if isinstance(ts, str) and ts]
    place = Place(PLATFORM, team, channel, thread=thread, private=is_direct(channel, ""))
    person = _person(event, name_of)
    return tuple(
        Pressed(Control.STOP, reply="", person=person, place=place, message=Ref(channel, ts))
        for ts in stopped or [thread or needed(event, "thread_ts")]
    )
