"""One message that grows natively, and what is remembered of those that do or did. Law: it holds what is known, and
says nothing to Slack.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, TypeVar

from adapters.slack import blocks
from adapters.slack.outcomes import REFUSED, Failure
from bot.ports import Open, Ref, Sent

K = TypeVar("K")
V = TypeVar("V")

LIFE_SECONDS = 240.0
"""Slack seals a stream some five minutes after its start, whether text comes or not (slackapi/python-slack-sdk#1859;
others say after five idle minutes). Four leave time for the last calls, also where budgets are short."""

LEFT_AT_BYTES = 8_000
"""UTF-8 bytes of a page after which its stream is left."""
MOST_BYTES = 9_000
"""UTF-8 bytes that a stream is ever given. Not documented; msg_too_long was met at 11,977 characters (CopilotKit#6063)
and at 10,600 bytes (openclaw#143882)."""

REMEMBERED = 1_000


@dataclass(slots=True, eq=False)
class Stream:
    """One message that grows natively, or did until a moment ago.

    text      what it shows, as far as is known
    sure      whether that is all that it shows, and will
    live      Slack may still take it for a stream
    broken    why it is to be left; ""
    mute      Slack itself takes no more text for it
    closing   its next call is chat.stopStream, and booked as one
    sealed    Slack has ended it, not we
    doomed    why it is to be taken back; ""
    """

    ref: Ref
    key: str
    reply: str
    until: float
    text: str = ""
    sure: bool = True
    live: bool = True
    broken: str = ""
    mute: bool = False
    closing: bool = False
    sealed: bool = False
    doomed: str = ""
    conflicts: int = 0

    def open(self, shown: int | None = None) -> Sent:
        """The answer that says: it grows, and wants a further call."""
        return Sent(self.ref, Open(len(self.text) if shown is None else shown, self.until))


class Memory:
    """The streams of one workspace, open and past."""

    def __init__(self) -> None:
        self._open: OrderedDict[Ref, Stream] = OrderedDict()
        self._over: OrderedDict[Ref, None] = OrderedDict()
        self._tried: OrderedDict[str, None] = OrderedDict()
        self._lost: OrderedDict[str, str] = OrderedDict()  # key -> channel
        self._left: OrderedDict[str, None] = OrderedDict()
        self.withdrawn: OrderedDict[Ref, None] = OrderedDict()

    def of(self, ref: Ref) -> Stream | None:
        """The stream that this message is, or was until its page is whole."""
        return self._open.get(ref)

    def keep(self, stream: Stream) -> Stream:
        self._open[stream.ref] = stream
        if len(self._open) > REMEMBERED:
            self._open.popitem(last=False)
        return stream

    def forget(self, stream: Stream) -> None:
        """It is over, and shows what it should, or is gone."""
        self._open.pop(stream.ref, None)
        _note(self._over, stream.ref, None)

    def knows(self, ref: Ref) -> bool:
        """Whether this message streams or has streamed, in this process."""
        return ref in self._open or ref in self._over

    # ------------------------------------------------------------------------------------------------ starts

    def trying(self, key: str) -> None:
        """A post with this key is about to be made, natively or not."""
        _note(self._tried, key, None)

    def starting(self, key: str, channel: str) -> None:
        """A start is on its way: lost, until an answer says more."""
        _note(self._lost, key, channel)

    def answered(self, key: str) -> None:
        self._lost.pop(key, None)

    def lost(self, key: str) -> bool:
        """Whether a start with this key was lost: it may exist, and carries no mark."""
        return key in self._lost

    def foreign(self, key: str, channel: str) -> bool:
        """Whether a post with this key can only be of a process that has died, and no start here would be taken for it."""
        return key not in self._tried and channel not in self._lost.values()

    # ------------------------------------------------------------------------------------------------ taken back

    def withdrawing(self, ref: Ref) -> None:
        """We are about to delete it: the news of that is no news to us."""
        _note(self.withdrawn, ref, None)

    def leave(self, reply: str) -> None:
        """This reply goes on by edits."""
        _note(self._left, reply, None)

    def left(self, reply: str) -> bool:
        return reply in self._left


def is_refusal(failed: Failure) -> bool:
    """A 429, in whatever words."""
    return failed.status == 429 or failed.code in REFUSED


def was_refused(failed: Failure) -> bool:
    """Whether it is certain that nothing was carried out."""
    return failed.applied is False or 400 <= failed.status < 500


def chunks(text: str) -> list[dict[str, Any]]:
    """Always chunks, as the SDK's own helper sends them: a stream never changes its mode."""
    return [{"type": "markdown_text", "text": text}] if text.strip() else []


def mark(key: str) -> dict[str, Any]:
    """The metadata by which a message is found again."""
    return {"event_type": blocks.METADATA, "event_payload": {"key": key}}


def _note(table: OrderedDict[K, V], key: K, value: V) -> None:
    table[key] = value
    if len(table) > REMEMBERED:
        table.popitem(last=False)
