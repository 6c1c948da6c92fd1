"""The nouns of one answer: what it is about, how it is shown, how it ended. Law: they hold what is known, and do nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bot.claude.events import Usage
from bot.ports import Content, Place, Ref

Turn = Literal["whole", "partial", "refused"]


class Declined(Exception):
    """Claude is not asked after all; nothing is shown. The message is a sentence for the asker."""


class Journal(Protocol):
    """What of a reply must survive a crash. Its methods never raise; a disk that fails is logged there."""

    def posted(self, reply: str, refs: Sequence[Ref], place: Place) -> None:
        """A message exists now. Written soon; frames do not wait for it."""

    def growing(self, reply: str, text: Callable[[], str]) -> None:
        """The reply has begun; its text is asked for from time to time until `ended`."""

    def shows(self, reply: str) -> None:
        """A message leaves with its first words: written at once, or a crash would leave words that nobody knows. Frames
        do not wait for it.
        """

    async def ended(
        self, reply: str, *, text: str, notice: str, turn: Turn, usage: Usage, reason: str, seconds: float
    ) -> None:
        """The text is whole; written before its last edit is sent."""

    async def closed(self, reply: str, state: Literal["shown", "gone", "denied"]) -> None:
        """The view is what it will be."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a reply is about: its id, where it grows, and what is posted in front of it.

    `refs`: messages that are there already and are to show its pages, in order; those left over are deleted.
    `stands`: they show an earlier answer, and go on doing so where nothing new is said.
    """

    id: str
    place: Place
    announce: Content | None = None
    refs: tuple[Ref, ...] = field(default=())
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer is shown.

    language    of our own words
    growing     False: all at once, when it is done
    footer      what stands under a whole answer, from its model, its tokens and its seconds; None: nothing
    most_pages, most_code   see `attaching.attached`
    """

    language: str = "en"
    growing: bool = True
    footer: Callable[[Usage, float], str] | None = None
    most_pages: int = 0
    most_code: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ended. `reason`: Claude's own word, or "stopped", "fault:...", "unseen", "internal"."""

    turn: Turn
    reason: str
    notice: str
    text: str
    usage: Usage
    seconds: float
