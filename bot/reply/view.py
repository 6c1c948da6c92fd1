"""One reply as its channel shows it: what is there, what is lacking, what came of each call. Law: every page is
shown whole, exactly once, whatever the platform answers.

A view is a set of messages, one per page, and what is known of each. `plan` compares it with the document and wants
what it lacks; `prepare` renders one message at the moment when its call leaves; `answer` takes in the outcome.
Nothing here waits or talks: `outbox.py` does both.

What keeps a reply whole, exactly once:

* one call at a time per message, so an older text cannot overtake a newer one;
* a call that nobody answered may still be carried out later. Such an *echo* is over after `timeout` more seconds (its
  connection is closed); an edit that left while an echo was possible is not the last one: it is sent once more after;
* a post whose answer was lost is looked up by its key before it is repeated, and one that ran into the timeout is
  looked up until its echo is over;
* a page is posted before the page in front of it is trimmed, so that nothing disappears from view;
* a last edit that meets a fault is tried again, ever more slowly, until it succeeds or the view is abandoned.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from bot.ports import (
    Content,
    Control,
    Denied,
    Gone,
    Outcome,
    Place,
    Platform,
    Ref,
    Refused,
    Rejected,
    Sent,
    Unavailable,
)
from bot.reply.pacing import Item, Pacer, Rank

log = logging.getLogger(__name__)

ANNOUNCEMENT = -1  # the page number of the message that is posted in front of the first page

_FIRST_TEXT_AFTER = 0.3  # seconds after the first text; three words are enough at once
_FIRST_TEXT_BUSY = 1.0  # where edits are scarce the first text had better be worth reading
_ENOUGH_WORDS = 3
# A word, or one sign of a script that puts no spaces between words.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")

BACK_OFF = 0.5  # seconds before the second try, doubled for each further one
BACK_OFF_MOST = 15.0
_STRIKES = 3  # contents refused as such (too long, invalid) before a reply counts as not showable
# Share of the page limit after which the document is asked now and then whether it has overflowed.
_NEARLY_FULL = 0.8
_CLOSING_WAITS = 1.5  # seconds a closing page waits for the next one to be posted before it grows on its own


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


class Document(Protocol):
    """What a view shows: see bot/reply/pages.py."""

    @property
    def length(self) -> int: ...

    def pages(self) -> Sequence[Page]: ...


@dataclass(frozen=True, slots=True)
class Settled:
    """How a view ended: shown whole; gone (somebody deleted it); denied (`code` says why); abandoned by us."""

    kind: Literal["shown", "gone", "denied", "abandoned"]
    code: str = ""


@dataclass(slots=True, eq=False)
class Message:
    """One message of a view."""

    ref: Ref
    item: Item
    posted_at: float
    shown: Content | None  # None: nobody knows
    seen: int  # the document's length when `shown` was rendered
    echo_until: float = -math.inf
    tries: int = 0  # that met no answer, one after the other
    retry_at: float = -math.inf
    strikes: int = 0
    plain: bool = False  # buttons were refused
    refused: Content | None = None  # content that the platform would not take; tried once more at the end
    done: bool = False  # closed, and shown as it will stay


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

    def plan_soon(self, view: View) -> None:
        """Have the driver look at this view."""
        self.plans[view] = None
        self.wake.set()


class View:
    """One reply in its channel. Made by `Outbox.open`."""

    def __init__(
        self,
        desk: Desk,
        place: Place,
        reply: str,
        document: Document,
        announce: Content | None,
        controls: tuple[Control, ...],
        on_posted: Callable[[int, Ref, Place], None] | None,
        label: Callable[[Control], str] | None = None,
    ) -> None:
        self.place = place
        self.reply = reply
        self._desk = desk
        self._pacer = desk.pacer
        self._time = desk.time
        self.document = document
        self._announce = announce
        self.root: Ref | None = None  # the announcement, once posted
        self._controls = controls
        self._label = label
        self._on_posted = on_posted
        self.messages: list[Message] = []
        self._posting: Posting | None = None
        self._growing: Item | None = None  # the item that `grew` speaks to
        self._page_limit = desk.platform.profile.page_limit
        self._look_at = 0  # `grew` asks for a plan when the document is so long
        self._first_text_at: float | None = None
        self._finished = False
        self._done: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The messages that show its pages, in order."""
        return tuple(message.ref for message in self.messages)

    def grew(self) -> None:
        """The document has more text. Returns at once; costs about a microsecond."""
        length = self.document.length
        if length >= self._look_at:
            self._desk.plan_soon(self)
        item = self._growing
        if item is not None and self._pacer.want(item, length, self._time()):
            self._desk.wake.set()

    def finish(self, controls: tuple[Control, ...] = ()) -> None:
        """The document has ended: show it whole, with these buttons under its last page."""
        self._finished = True
        self._controls = controls
        self._desk.plan_soon(self)

    async def settled(self) -> Settled:
        """How it ended. May be awaited by several."""
        return await asyncio.shield(self._done)

    def abandon(self) -> None:
        """Stop showing it, wherever it is."""
        self.settle(Settled("abandoned"))

    @property
    def is_settled(self) -> bool:
        """Whether it has ended."""
        return self._done.done()

    def settle(self, settled: Settled) -> None:
        """It has ended so; the first end counts."""
        if self._done.done():
            return
        now = self._time()
        for message in self.messages:
            self._pacer.leave(message.item, now)
        if self._posting is not None:
            self._pacer.leave(self._posting.item, now)
        self._growing = None
        self._look_at = 1 << 62
        self._done.set_result(settled)
        self._desk.views.discard(self)
        self._desk.wake.set()

    # ------------------------------------------------------------------------------------------------ planning

    def plan(self, now: float) -> None:
        """Look at the document and want what the view lacks."""
        if self._done.done():
            return
        if self._announce is not None:
            self._want_post(ANNOUNCEMENT, now, total=0)
            return
        length = self.document.length
        if self._only_grows(length):
            newest = self.messages[-1]
            if length > newest.seen:
                self._pacer.demand(newest.item, length, now, not_before=newest.retry_at)
            return
        pages = [page for page in self.document.pages() if page.text.strip()]
        if not self._finished:
            self._look_at = self._next_look(pages, length)
        if len(pages) > len(self.messages):
            self._plan_post(pages, length, now)
        elif self._posting is not None and not (self._posting.searching or self._posting.item.in_flight):
            self._pacer.leave(self._posting.item, now)
            self._posting = None
        for number, message in enumerate(self.messages[: len(pages)]):
            self._plan_edit(number, message, pages, length, now)
        if self._posting is None:
            last = self.messages[-1] if self.messages else None
            self._growing = last.item if last is not None and not self._finished else None
        if self._finished:
            self._settle_if_whole(pages)

    def _only_grows(self, length: int) -> bool:
        """Whether nothing but the newest message can lack anything: then the document need not be rendered."""
        if self._finished or self._posting is not None or not self.messages or length >= self._look_at:
            return False
        newest = self.messages[-1]
        return newest.shown is not None and all(message.done for message in self.messages[:-1])

    def _next_look(self, pages: Sequence[Page], length: int) -> int:
        if not pages:
            return length + 1
        if len(pages) > len(self.messages):
            # A first text is looked at with every fragment until it has three words; a further page is known of.
            return length + 1 if not self.messages else 1 << 62
        limit = self._page_limit
        return max(pages[-1].start + int(_NEARLY_FULL * limit), length + max(40, limit // 50))

    def _plan_post(self, pages: Sequence[Page], length: int, now: float) -> None:
        number = len(self.messages)
        if self._posting is not None and self._posting.item.in_flight:
            return
        if self._finished:
            rank = Rank.LAST if number == len(pages) - 1 else Rank.MORE
            self._want_post(number, now, total=length, rank=rank, most=pages[number].end)
            return
        if number > 0:
            most = pages[number].end if pages[number].closed else pages[number].start + self._page_limit
            self._want_post(number, now, total=length, most=most)
            return
        if self._first_text_at is None:
            self._first_text_at = now
        buckets = self._desk.platform.buckets("edit", self.place, None)
        busy = bool(buckets) and self._pacer.busy(buckets[0], now)
        soonest = self._first_text_at + (_FIRST_TEXT_BUSY if busy else _FIRST_TEXT_AFTER)
        if not busy and len(_WORD.findall(pages[0].text)) >= _ENOUGH_WORDS:
            soonest = now
        if soonest <= now:
            self._look_at = 1 << 62
        self._want_post(number, now, total=length, rank=Rank.FIRST, not_before=soonest)

    def _want_post(
        self,
        number: int,
        now: float,
        *,
        total: int,
        not_before: float = -math.inf,
        rank: Rank = Rank.FIRST,
        most: int = 1 << 60,
    ) -> None:
        """Want the next message. An announcement stands before everything and is in nobody's way: a first text."""
        posting = self._posting
        if posting is None:
            buckets = self._desk.platform.buckets("post", self.place, None)
            growing = not self._finished
            item = self._pacer.join(self, "post", buckets, now, growing=growing, after=self._growing)
            posting = self._posting = Posting(number, item, post_key(self.reply, number), wanted_since=now)
        if posting.searching or posting.item.in_flight:
            return
        if number > 0 and rank is Rank.FIRST:
            rank = Rank.MORE
        not_before = max(not_before, posting.retry_at)
        posting.item.shown = self.messages[-1].item.shown if self.messages else 0
        self._growing = None if self._finished else posting.item
        self._pacer.demand(
            posting.item,
            total,
            now,
            rank=rank,
            growing=not self._finished,
            not_before=not_before,
            most=most,
        )

    def _plan_edit(
        self, number: int, message: Message, pages: Sequence[Page], length: int, now: float
    ) -> None:
        page, item = pages[number], message.item
        if message.done or item.in_flight:
            return
        newest = number == len(self.messages) - 1
        growing = newest and not self._finished and self._posting is None
        content = self._content(number, pages, plain=message.plain)
        echo = page.closed and message.echo_until > -math.inf
        if content == message.shown and not echo:
            message.seen = length
            message.done = page.closed and (self._finished or not newest)
            return
        if content == message.refused and not self._finished:
            return
        not_before = message.retry_at
        if echo and content == message.shown:
            not_before = message.echo_until
        if newest and self._posting is not None and self._posting.page > number and page.closed:
            # The page behind it comes first; only if that takes long does this one grow on its own, untrimmed.
            trimmed = message.shown is None or not page.text.startswith(message.shown.text)
            waits = math.inf if trimmed else self._posting.wanted_since + _CLOSING_WAITS
            not_before = max(not_before, waits)
        last = self._finished and number == len(pages) - 1
        # A closed page that lacks text, or still shows what has moved to the next one, keeps all that follows it from
        # being read in order, and its closing edit is needed anyhow and never repeated: it is worth a page more than
        # it shows (a sixth of the lag of long answers).
        lacks = not newest and item.shown != page.end
        self._pacer.demand(
            item,
            length + self._page_limit if lacks else page.end if page.closed else length,
            now,
            rank=Rank.LAST if last else Rank.MORE,
            growing=growing,
            not_before=not_before,
        )

    def _content(self, number: int, pages: Sequence[Page], *, plain: bool = False) -> Content:
        newest = number >= len(self.messages) - 1 and not (self._finished and number < len(pages) - 1)
        controls = self._controls if newest and not plain else ()
        labels = tuple(map(self._label, controls)) if self._label is not None else ()
        return Content(pages[number].text, controls, self.reply, labels=labels)

    def _settle_if_whole(self, pages: Sequence[Page]) -> None:
        if len(pages) > len(self.messages) or self._posting is not None:
            return
        if all(message.done for message in self.messages[: len(pages)]):
            self.settle(Settled("shown"))

    # ------------------------------------------------------------------------------------------------ one call

    def prepare(self, item: Item) -> Call | None:
        """The call that this item should make now, with the newest text; None: none after all."""
        if self._done.done():
            return None
        if self._announce is not None:
            posting = self._posting
            if posting is None or posting.item is not item or posting.searching:
                return None
            posting.attempts.append((self._announce, 0))
            return Call(self, None, posting, self._announce, 0, 0)
        pages = [page for page in self.document.pages() if page.text.strip()]
        length = self.document.length
        posting = self._posting
        if posting is not None and posting.item is item:
            if posting.page >= len(pages) or posting.searching:
                return None
            page = pages[posting.page]
            content = self._content(posting.page, pages, plain=posting.plain)
            posting.attempts.append((content, page.end))
            return Call(self, None, posting, content, page.end, length)
        for number, message in enumerate(self.messages[: len(pages)]):
            if message.item is not item:
                continue
            page = pages[number]
            newest = number == len(self.messages) - 1
            overflown = newest and len(pages) > len(self.messages) and self._posting is None
            content = self._content(number, pages, plain=message.plain)
            echo = page.closed and message.echo_until > -math.inf
            if content == message.shown and not echo:
                message.seen = length
                return None
            if overflown:
                self._look_at = 0  # the plan is to see it: the next page is posted first
                return None
            if content == message.refused and not self._finished:
                return None
            return Call(self, message, None, content, page.end, length)
        return None

    def answer(self, call: Call, outcome: Outcome, now: float) -> None:
        """Take in what came of a call. Anything that the view still lacks is wanted again."""
        if self._done.done():
            return
        match outcome:
            case Sent(ref):
                self._landed(call, ref, now)
            case Refused():
                if call.posting is not None:
                    call.posting.attempts.pop()
            case Unavailable(code, applied, retry_after):
                self._lost(call, code, applied, retry_after, now)
            case Gone(code):
                self.settle(Settled("gone", code))
            case Denied(code):
                self.settle(Settled("denied", code))
            case Rejected(code):
                self._rejected(call, code, now)
        self._desk.plan_soon(self)

    def _landed(self, call: Call, ref: Ref, now: float) -> None:
        message = call.message
        if message is None:
            self._posted(call, ref, call.content, now)
            return
        message.shown, message.seen, message.tries, message.strikes = call.content, call.length, 0, 0
        if call.item.left_at >= message.echo_until:
            message.echo_until = -math.inf

    def _posted(self, call: Call, ref: Ref, shown: Content | None, now: float) -> None:
        posting = call.posting
        if posting is None or self._done.done():
            return
        self._pacer.leave(posting.item, now)
        self._posting = None
        if posting.page == ANNOUNCEMENT:
            self._announce = None
            self.root = ref
            if not self.place.thread:
                self.place = replace(self.place, thread=ref.message)
        else:
            buckets = self._desk.platform.buckets("edit", self.place, ref)
            growing = not self._finished
            item = self._pacer.join(self, "edit", buckets, now, growing=growing, after=posting.item)
            item.shown = call.end
            message = Message(ref, item, now, shown, call.length, plain=posting.plain)
            if shown is None:
                message.seen = 0
            self.messages.append(message)
            self._look_at = 0
            self._growing = None if self._finished else item
        if self._on_posted is not None:
            try:
                self._on_posted(posting.page, ref, self.place)
            except Exception:
                log.exception("outbox.on_posted_failed", extra={"reply": self.reply})

    def found(self, call: Call, ref: Ref, now: float) -> None:
        """A post whose answer was lost does exist."""
        posting = call.posting
        if posting is None or self._done.done():
            return
        posting.searching = False
        # Which of several attempts it shows nobody knows.
        known = len({content for content, _ in posting.attempts}) == 1
        self._posted(call, ref, call.content if known else None, now)
        self._desk.plan_soon(self)

    def not_found(self, posting: Posting) -> None:
        """A post whose answer was lost does not exist, nor will it: it is made again."""
        posting.searching = False
        self._desk.plan_soon(self)

    def _lost(self, call: Call, code: str, applied: bool | None, retry_after: float, now: float) -> None:
        target = call.message if call.message is not None else call.posting
        if target is None:
            return
        target.tries += 1
        delay = min(BACK_OFF_MOST, BACK_OFF * 2.0 ** (target.tries - 1))
        target.retry_at = now + max(delay, retry_after)
        log.warning(
            "outbox.unavailable",
            extra={"reply": self.reply, "op": call.item.op, "code": code, "tries": target.tries},
        )
        if call.message is not None:
            if applied is not False:
                call.message.shown = None
                call.message.echo_until = now + self._desk.timeout
            return
        if call.posting is not None:
            if applied is False:
                call.posting.attempts.pop()
            else:
                call.posting.searching = True
                self._growing = None
                call.posting.late = now - call.item.left_at >= self._desk.timeout
                self._desk.searches.append(call)

    def _rejected(self, call: Call, code: str, now: float) -> None:
        log.warning(
            "outbox.rejected",
            extra={
                "reply": self.reply,
                "op": call.item.op,
                "code": code,
                "characters": len(call.content.text),
            },
        )
        if call.posting is not None:
            call.posting.attempts.pop()
        target = call.message if call.message is not None else call.posting
        if target is None:
            return
        if call.content.controls and not target.plain:
            target.plain = True
            return
        target.strikes += 1
        if target.strikes >= _STRIKES:
            self.settle(Settled("denied", f"rejected:{code}"))
        elif call.message is not None and not self._finished:
            call.message.refused = call.content
        else:
            # An answer may be odd once: the end is not given up for it.
            target.retry_at = now + BACK_OFF * 2.0**target.strikes


def post_key(reply: str, page: int) -> str:
    """The mark of one post: the same for every try, different for every page; at most 25 characters."""
    digest = hashlib.blake2s(f"{reply}/{page}".encode(), digest_size=11).hexdigest()
    return f"ink{digest}"
