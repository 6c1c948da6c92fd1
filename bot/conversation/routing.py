"""Which conversation an event belongs to. Pure. Law: nothing leaks between threads, channels, people or workspaces.

A conversation is found by *anchors*, names that a platform's own structure gives: a thread, a message in a reply
chain, a direct channel. Each is prefixed with platform and workspace, so that equal ids elsewhere never meet.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.ports import Incoming, Place, Ref


def known_by(incoming: Incoming) -> list[str]:
    """Where the conversation of this question may be known, best first: what it replies to, then where it stands."""
    anchors = [message_anchor(incoming.place, incoming.answers)] if incoming.answers else []
    return anchors + known_as(incoming)


def known_as(incoming: Incoming) -> list[str]:
    """Under which names the conversation of this question is to be found from now on."""
    return [_prefix(incoming.place) + incoming.scope] if incoming.scope else []


def begins(incoming: Incoming) -> bool:
    """Whether nothing can have been said in its conversation: it is named after this very message."""
    message = incoming.message
    if message is None or incoming.answers is not None:
        return False
    return incoming.scope.rpartition(":")[2] == message.message


def message_anchor(place: Place, message: Ref) -> str:
    """A single message: replying to it continues its conversation."""
    return f"{_prefix(place)}message:{message.channel}:{message.message}"


def anchors_of(place: Place, scope: str) -> list[str]:
    """Under which names a conversation may stand that somebody speaks of in a place."""
    anchors = [_prefix(place) + scope] if scope else []
    if place.thread:
        anchors.append(f"{_prefix(place)}thread:{place.channel}:{place.thread}")
    return anchors


def reply_anchors(place: Place, refs: Sequence[Ref]) -> list[str]:
    """Under which names a reply's messages lead back to its conversation."""
    anchors = [message_anchor(place, ref) for ref in refs]
    if place.thread:
        anchors.append(f"{_prefix(place)}thread:{place.channel}:{place.thread}")
    elif place.private and place.reply_to:
        # A native stream stands in a thread under the question (Slack).
        anchors.append(f"{_prefix(place)}thread:{place.channel}:{place.reply_to}")
    elif refs:
        # Where it stands in the channel itself, people may open a thread under it.
        anchors.append(f"{_prefix(place)}thread:{refs[0].channel}:{refs[0].message}")
    return anchors


def thread_anchors(thread: Place) -> list[str]:
    """Under which name a conversation is found that got a thread of its own, where that is a channel (Discord)."""
    return [f"{_prefix(thread)}thread:{thread.channel}"]


def _prefix(place: Place) -> str:
    return f"{place.platform}:{place.workspace}:"
