"""Slash commands -> the core's events. Law: pure; what is no order is a question, and nobody's question is lost.

`/ask` always asks. Any other command of the app (`/claude`) orders where its first word is an order and what follows
is no sentence: "/claude stop" stops, "/claude stop the deploy" asks. Slack has no commands in threads.
"""

from __future__ import annotations

from adapters.slack import reading
from adapters.slack.payloads import (
    PLATFORM,
    Identity,
    NameOf,
    Payload,
    digest,
    is_direct,
    needed,
    scope_of,
    text,
)
from bot.ports import Incoming, Ordered, Person, Place

ASK = "/ask"
LONGEST_ARGUMENT = 2
"""Words after an order; with more of them it is a sentence ("help me write a letter")."""

ALONE = frozenset({"new", "stop"})
ORDERS = ALONE | {"settings", "usage", "help", "forget"}


def command(body: Payload, me: Identity, name_of: NameOf) -> Incoming | Ordered:
    """A slash command of the app's."""
    said = reading.read(text(body, "text"), bot=me.user, name_of=name_of)
    if text(body, "command").lower() != ASK and (order := _order(said)) is not None:
        return _ordered(body, me, name_of, order)
    return _question(body, me, name_of, said)


def _order(said: str) -> tuple[str, str] | None:
    """(verb, argument); None for a question."""
    words = said.split()
    verb = words[0].lower().rstrip("!.") if words else "help"
    argument = " ".join(words[1:])
    most = 0 if verb in ALONE else LONGEST_ARGUMENT
    return (verb, argument) if verb in ORDERS and len(words) - 1 <= most else None


def _question(body: Payload, me: Identity, name_of: NameOf, said: str) -> Incoming:
    """A conversation of its own, to be followed up in the thread that its announcement opens."""
    asker = _asker(body, name_of)
    key = _key(body)
    return Incoming(
        key=f"{PLATFORM}:command:{key}",
        person=asker,
        text=said,
        how="command",
        place=_place(body, me),
        scope=f"command:{key}",
        unseen=(asker.name or text(body, "user_name") or asker.id) if said else "",
    )


def _ordered(body: Payload, me: Identity, name_of: NameOf, order: tuple[str, str]) -> Ordered:
    place = _place(body, me)
    return Ordered(
        key=f"{PLATFORM}:command:{_key(body)}",
        verb=order[0],
        argument=order[1],
        person=_asker(body, name_of),
        place=place,
        # Where no command can be typed in a thread, one in a channel belongs to no conversation.
        scope=scope_of(place.channel, "") if place.private else "",
    )


def _asker(body: Payload, name_of: NameOf) -> Person:
    user = needed(body, "user_id")
    return Person(user, name_of(user))


def _place(body: Payload, me: Identity) -> Place:
    channel = needed(body, "channel_id")
    kind = "im" if text(body, "channel_name") == "directmessage" else ""
    return Place(PLATFORM, text(body, "team_id") or me.team, channel, private=is_direct(channel, kind))


def _key(body: Payload) -> str:
    parts = (
        needed(body, "trigger_id"),
        needed(body, "user_id"),
        text(body, "response_url"),
        text(body, "text"),
    )
    return digest(*parts)
