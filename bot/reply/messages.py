"""The nouns of a view: its messages, the one that is being posted, a call under way. Law: they hold what is known.

`planning.py` decides by them what is lacking, `landing.py` keeps them true when a call comes back.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from bot.ports import Content, Open, Place, Platform, Ref
from bot.reply.pacing import Item, Pacer

if TYPE_CHECKING:
    from bot.reply.view import View

ANNOUNCEMENT = -1  # the page number of the message that is posted in front of the first page

# Seconds in which a call may yet be carried out whose connection broke: what was sent whole is carried out at once, or
# behind a proxy within a moment. One that hung until our timeout may hang as long again.
ECHO_OF_BREAK = 4.0
BACK_OFF = 0.5  # seconds before the second try, doubled for each further one
BACK_OFF_MOST = 15.0
ODD = 2  # refusals of its content, one after the other, from which on a message hardly takes any


class Page(Protocol):
    """One page of a document, in the platform's dialect."""

    @property
    def text(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def settled(self) -> int: ...


class Document(Protocol):
    """What a view shows: see bot/reply/pages.py."""

    @property
    def length(self) -> int: ...

    def pages(self) -> Sequence[Page]: ...

    def seal(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Settled:
    """How a view ended: shown whole; gone (somebody deleted it); denied (`code` says why); abandoned by us."""

    kind: Literal["shown", "gone", "denied", "abandoned"]
    code: str = ""


@dataclass(frozen=True, slots=True)
class Echo:
    """A call that nobody answered may still be carried out: what it would show, and until when."""

    content: Content
    until: float


@dataclass(slots=True, eq=False)
class Message:
    """One message of a view.

    open    it grows natively, and shows so much
    native  it grew so once: no Stop button was ever on it, and none comes
    bare    the last that is tried where its content was refused again and again: what it shows, without buttons
    """

    ref: Ref
    item: Item
    posted_at: float
    shown: Content | None  # None: nobody knows
    seen: int  # the document's length when `shown` was rendered
    echoes: tuple[Echo, ...] = ()
    tries: int = 0  # that met no answer, one after the other
    retry_at: float = -math.inf
    strikes: int = 0
    plain: bool = False  # buttons were refused
    refused: Content | None = None  # content that the platform would not take; tried once more at the end
    done: bool = False  # closed, and shown as it will stay
    open: Open | None = None
    native: bool = False
    bare: Content | None = None

    def waits(self, page: Page) -> bool:
        """Whether a page had better not be closed before the whole answer is: it may mean a new message."""
        return page.closed and self.strikes >= ODD

    def stands(self, page: Page) -> bool:
        """Whether it shows this page as it stays, but for its buttons."""
        shown = self.shown
        return page.closed and shown is not None and shown.closed and shown.text == page.text

    def reads(self, page: Page) -> bool:
        """Whether people read this page on it as it stays: nothing but its buttons may yet change."""
        shown = self.shown
        return self.done or (
            shown is not None and self.stands(page) and self.doubtful_until(shown) == -math.inf
        )

    def lacks(self, content: Content) -> bool:
        """Whether it shows anything else than this."""
        if self.open is not None:
            return content.closed or (content.settled or 0) > self.open.shown
        return content != self.shown

    def doubtful_until(self, content: Content) -> float:
        """Until when a lost call may yet bring something else than this; -infinity where none can."""
        return max((echo.until for echo in self.echoes if echo.content != content), default=-math.inf)


@dataclass(slots=True, eq=False)
class Posting:
    """The next message of a view: a page, or the announcement."""

    page: int
    item: Item
    key: str
    tries: int = 0
    retry_at: float = -math.inf
    strikes: int = 0
    plain: bool = False
    attempts: list[tuple[Content, int]] = field(default_factory=list)  # contents that may exist under the key
    bare: Content | None = None  # the last that is tried where its content was refused again and again
    stale: bool = False  # a page in front of it was taken back: what it makes shows no page any more
    wanted_since: float = 0.0
    searching: bool = False
    late: bool = False  # the lost call ran into the timeout: it may be carried out yet


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call under way. `end`: source characters that its content shows; `length`: of the document then."""

    view: View
    message: Message | None
    posting: Posting | None
    content: Content
    end: int
    length: int

    @property
    def item(self) -> Item:
        target = self.message if self.message is not None else self.posting
        assert target is not None
        return target.item


@dataclass(slots=True, eq=False)
class Desk:
    """What all views of one outbox share."""

    platform: Platform
    pacer: Pacer
    time: Callable[[], float]
    timeout: float
    views: set[View] = field(default_factory=set)
    plans: dict[View, None] = field(default_factory=dict)  # views to look at, in order
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    searches: list[Call] = field(default_factory=list)  # posts whose answer was lost
    removals: list[tuple[Place, Ref]] = field(default_factory=list)  # messages that show no page any more

    def plan_soon(self, view: View) -> None:
        """Have the driver look at this view."""
        self.plans[view] = None
        self.wake.set()


def post_key(reply: str, page: int, anew: int = 0) -> str:
    """The mark of one post: the same for every try, different for every page; at most 25 characters.

    `anew`: how many messages of the reply were taken back, so that none that is left bears the mark of a new one.
    """
    marked = f"{reply}/{page}" if not anew else f"{reply}/{page}/{anew}"
    digest = hashlib.blake2s(marked.encode(), digest_size=11).hexdigest()
    return f"ink{digest}"
