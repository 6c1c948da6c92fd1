"""What goes into the store and comes out of it, as data. Law: no row of SQLAlchemy's leaves the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.ports import Attachment, Place, Ref

ReplyState = Literal["growing", "ending", "shown", "gone", "denied"]
TurnState = Literal["whole", "partial", "refused"]
Verdict = Literal["good", "bad"]


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be kept of somebody's question.

    known_by  anchors under which its conversation may be found, best first
    known_as  anchors under which its conversation is to be found from now on
    message   the question itself; None for a command
    upto      the reply that this question answers: if its conversation has gone on since, the question goes on from
              there in a copy of it (a fork). "": at the end of the conversation that `known_by` finds
    how       as `Incoming.how`, for the permissions of a later Regenerate
    """

    key: str
    known_by: Sequence[str]
    known_as: Sequence[str]
    place: Place
    person: str
    name: str
    text: str
    announce: str = ""
    message: Ref | None = None
    files: tuple[Attachment, ...] = ()
    upto: str = ""
    how: str = ""
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of a conversation, oldest first; `name` is "" while unknown.

    state  "whole", "partial" (an answer that broke off), "summary" (it stands for all that was said before)
    reply  the exchange that it belongs to; "" for what stood on the platform before
    """

    role: str
    person: str
    name: str
    text: str
    reply: str
    files: tuple[Attachment, ...] = ()
    state: str = "whole"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A reply that a crash left behind. `text` is what had been journalled; whole if `state` is "ending".

    turn    how it had ended, as in `Answered`; "" where it had not
    stood   what it was to take the place of, where it was had anew; then `notice` and `turn` are of that
    locale  of whoever asked
    """

    reply: str
    conversation: int
    state: str
    place: Place
    refs: tuple[Ref, ...]
    text: str
    notice: str
    announce: str
    turn: str = ""
    stood: str = ""
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply with all that its buttons need, also after a restart.

    place         where it stands (without its route)
    refs          its messages, page by page; without an announcement
    asker         "" where they asked to be forgotten
    question      what was asked (the text of the user's turn), `files` with it; `message` is where, None for a command
    text          what Claude said; "" while it grows, or where it said nothing
    turn          how the answer ended: "whole", "partial", "refused"; "" while it grows or where nothing was said
    stop_reason   as the API named it; "" where the answer was stopped or broke off
    """

    reply: str
    conversation: int
    state: str
    place: Place
    refs: tuple[Ref, ...]
    asker: str
    key: str
    how: str
    locale: str
    question: str
    message: Ref | None
    files: tuple[Attachment, ...]
    text: str
    turn: str
    notice: str
    stop_reason: str
    model: str
    seconds: float
    micros: int
    created: float
