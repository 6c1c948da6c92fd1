"""What goes into the store and comes out of it, as data. Law: no row of SQLAlchemy's leaves the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.ports import Place, Ref

ReplyState = Literal["growing", "ending", "shown", "gone", "denied"]
TurnState = Literal["whole", "partial", "refused"]


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be kept of somebody's question.

    known_by  anchors under which its conversation may be found, best first
    known_as  anchors under which its conversation is to be found from now on
    """

    key: str
    known_by: Sequence[str]
    known_as: Sequence[str]
    place: Place
    person: str
    name: str
    text: str
    announce: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of a conversation, oldest first; `name` is "" while unknown."""

    role: str
    person: str
    name: str
    text: str
    reply: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A reply that a crash left behind. `text` is what had been journalled; whole if `state` is "ending"."""

    reply: str
    conversation: int
    state: str
    place: Place
    refs: tuple[Ref, ...]
    text: str
    notice: str
    announce: str
