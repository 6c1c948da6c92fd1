"""One reply as its channel shows it: what is there, and what is lacking. Law: every page is shown whole, exactly once,
whatever the platform answers.

A view is a set of messages, one per page, and what is known of each. `plan` compares it with the document and wants
what it lacks; `prepare` renders one message at the moment when its call leaves; `landing.answer` takes in the outcome.
Nothing here waits or talks: `outbox.py` does both.

What keeps a reply whole, exactly once:

* one call at a time per message, so an older text cannot overtake a newer one;
* a call that nobody answered may still be carried out later. Such an *echo* is over after `timeout` more seconds (its
  connection is closed); an edit that left while an echo of another text was possible is not the last one: it is sent
  once more after;
* a post whose answer was lost is looked up by its key before it is repeated, and one that ran into the timeout is
  looked up until its echo is over;
* a page is posted before the page in front of it is trimmed, so that nothing disappears from view;
* a message that grows natively takes nothing back: it is given only what is settled, and is closed before the next
  page is posted. Where it takes no more, its page is sealed and the answer goes on in a new message, by edits;
* a last edit that meets a fault is tried again, ever more slowly, until it succeeds or the view is abandoned.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Callable, Sequence

from bot.ports import Confirmation, Content, Control, Place, Ref
from bot.reply.messages import (
    ANNOUNCEMENT,
    Call,
    Desk,
    Document,
    Message,
    Page,
    Posting,
    Settled,
    post_key,
)
from bot.reply.pacing import Item, Rank

__all__ = ["ANNOUNCEMENT", "Settled", "View", "post_key"]

log = logging.getLogger(__name__)

_FIRST_TEXT_AFTER = 0.3  # seconds after the first text; three words are enough at once
_FIRST_TEXT_BUSY = 1.0  # where edits are scarce the first text had better be worth reading
_ENOUGH_WORDS = 3
# A word, or one sign of a script that puts no spaces between words.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")

# Share of the page limit after which the document is asked now and then whether it has overflowed.
_NEARLY_FULL = 0.8
_CLOSING_WAITS = 1.5  # seconds a closing page waits for the next one to be posted before it grows on its own


class View:
    """One reply in its channel. Made by `Outbox.open`; `landing.py` writes what its calls brought."""

    def __init__(
        self,
        desk: Desk,
        place: Place,
        reply: str,
        document: Document,
        announce: Content | None,
        controls: tuple[Control, ...],
        on_leaving: Callable[[], None] | None,
        on_changed: Callable[[tuple[Ref, ...], Place], None] | None,
        sorry: str,
        label: Callable[[Control], str] | None = None,
        sure: Confirmation | None = None,
    ) -> None:
        self.place = place
        self.reply = reply
        self.desk = desk
        self.pacer = desk.pacer
        self.document = document
        self.announce = announce
        self.root: Ref | None = None  # the announcement, once posted
        self.messages: list[Message] = []
        self.posting: Posting | None = None
        self.growing: Item | None = None  # the item that `grew` speaks to
        self.look_at = 0  # `grew` asks for a plan when the document is so long
        self.finished = False
        self.withdrawn = 0  # messages that were taken back
        self.given_up = ""  # why this reply cannot be shown, once that is so
        self.sorry = sorry  # what is said then
        self._controls = controls
        self._label = label
        self._sure = sure
        self._on_leaving = on_leaving
        self._on_changed = on_changed
        self._page_limit = desk.platform.profile.page_limit
        self._first_text_at: float | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._whole = asyncio.Event()
        self._done: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The messages that show its pages, in order."""
        return tuple(message.ref for message in self.messages)

    @property
    def is_posting(self) -> bool:
        """Whether a message may stand there of which we have not heard."""
        posting = self.posting
        return posting is not None and (posting.item.in_flight or posting.searching)

    def grew(self) -> None:
        """The document has more text. Returns at once; costs about a microsecond."""
        length = self.document.length
        if length >= self.look_at:
            self.look_again()
        item = self.growing
        if item is not None and self.pacer.want(item, length, self.desk.time()):
            self.desk.wake.set()

    def finish(self, controls: tuple[Control, ...] = ()) -> None:
        """The document has ended: show it whole, with these buttons under its last page."""
        self.finished = True
        self._controls = controls
        for message in self.messages:
            if message.strikes:
                message.retry_at = -math.inf  # that was for frames
        self.look_again()

    async def whole(self) -> None:
        """Until people can read all of it, or it has settled. Earlier pages may still show a button that is to go."""
        await self._whole.wait()

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
        now = self.desk.time()
        for message in self.messages:
            self.pacer.leave(message.item, now)
        if self.posting is not None:
            self.pacer.leave(self.posting.item, now)
        if self._leaving is not None:
            self._leaving.cancel()
        self.growing = None
        self.look_at = 1 << 62
        self._whole.set()
        self._done.set_result(settled)
        self.desk.views.discard(self)
        self.desk.wake.set()

    # ------------------------------------------------------------------------------------------------ for landing.py

    def look_again(self) -> None:
        """Have the driver look at this view."""
        self.desk.plan_soon(self)

    def leave_at(self, until: float) -> None:
        """The newest message had better be left then, whether there is new text or not."""
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = asyncio.get_running_loop().call_at(until, self.look_again)

    def seal(self, message: Message) -> None:
        """Close its page where it is settled, if that is the open one."""
        if not self.finished and not self.is_closed(message):
            self.document.seal()
            self.look_at = 0

    def is_closed(self, message: Message) -> bool:
        """Whether its page is."""
        number, pages = self.messages.index(message), self._pages()
        return number < len(pages) and pages[number].closed

    def tell_leaving(self) -> None:
        """A message leaves with its first words."""
        if self._on_leaving is not None:
            self._tell(self._on_leaving)

    def tell_changed(self) -> None:
        """It has a message more, or fewer, or a thread."""
        if self._on_changed is not None:
            self._tell(self._on_changed, self.refs, self.place)

    def _tell(self, owner: Callable[..., None], *news: object) -> None:
        """What its owner makes of it is not the view's trouble."""
        try:
            owner(*news)
        except Exception:
            log.exception("outbox.owner_failed", extra={"reply": self.reply})

    # ------------------------------------------------------------------------------------------------ planning

    def plan(self, now: float) -> None:
        """Look at the document and want what the view lacks."""
        if self._done.done():
            return
        if self.announce is not None:
            self._want_post(ANNOUNCEMENT, now, total=0)
            return
        newest = self.messages[-1] if self.messages else None
        if newest is not None and newest.open is not None and now >= newest.open.until:
            self.seal(newest)
        length = self.document.length
        if newest is not None and self._only_grows(newest, length):
            if length > newest.seen:
                self.pacer.demand(newest.item, length, now, not_before=newest.retry_at)
            return
        pages = self._pages()
        # One that grows natively cannot be trimmed: it is closed before the next page is posted.
        held = newest is not None and newest.open is not None and len(pages) > len(self.messages)
        if not self.finished:
            self.look_at = 0 if held else self._next_look(pages, length)
        if len(pages) > len(self.messages) and not held:
            self._plan_post(pages, length, now)
        elif self.posting is not None and not (self.posting.searching or self.posting.item.in_flight):
            self.pacer.leave(self.posting.item, now)
            self.posting = None
        for number, message in enumerate(self.messages[: len(pages)]):
            self._plan_edit(number, message, pages, length, now)
        if self.posting is None:
            self.growing = newest.item if newest is not None and not self.finished else None
        if self.finished:
            self._settle_if_whole(pages, now)

    def _pages(self) -> list[Page]:
        return [page for page in self.document.pages() if page.text.strip()]

    def _only_grows(self, newest: Message, length: int) -> bool:
        """Whether nothing but the newest message can lack anything: then the document need not be rendered."""
        if self.finished or self.posting is not None or length >= self.look_at:
            return False
        if newest.shown is None or newest.bare is not None:
            return False
        return all(message.done for message in self.messages[:-1])

    def _next_look(self, pages: Sequence[Page], length: int) -> int:
        if not pages:
            return length + 1
        if len(pages) > len(self.messages):
            # A first text is looked at with every fragment until it has three words; a further page is known of, and one
            # whose message was taken back waits for the end.
            return length + 1 if not self.messages and not self.withdrawn else 1 << 62
        limit = self._page_limit
        return max(pages[-1].start + int(_NEARLY_FULL * limit), length + max(40, limit // 50))

    def _plan_post(self, pages: Sequence[Page], length: int, now: float) -> None:
        number = len(self.messages)
        if self.posting is not None and self.posting.item.in_flight:
            return
        if self.withdrawn and not self.finished:
            return  # see `landing._withdrawn`
        if self.finished:
            self._want_post(number, now, total=length, rank=Rank.LAST, most=pages[number].end)
            return
        if number > 0:
            most = pages[number].end if pages[number].closed else pages[number].start + self._page_limit
            self._want_post(number, now, total=length, most=most)
            return
        if self._first_text_at is None:
            self._first_text_at = now
        buckets = self.desk.platform.buckets("edit", self.place, None)
        busy = bool(buckets) and self.pacer.busy(buckets[0], now)
        soonest = self._first_text_at + (_FIRST_TEXT_BUSY if busy else _FIRST_TEXT_AFTER)
        if not busy and len(_WORD.findall(pages[0].text)) >= _ENOUGH_WORDS:
            soonest = now
        if soonest <= now:
            self.look_at = 1 << 62
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
        posting = self.posting
        if posting is None:
            buckets = self.desk.platform.buckets("post", self.place, None)
            growing = not self.finished
            item = self.pacer.join(self, "post", buckets, now, growing=growing, after=self.growing)
            key = post_key(self.reply, number, self.withdrawn)
            posting = self.posting = Posting(number, item, key, wanted_since=now)
        if posting.searching or posting.item.in_flight:
            return
        if number > 0 and rank is Rank.FIRST:
            rank = Rank.MORE
        not_before = max(not_before, posting.retry_at)
        posting.item.shown = self.messages[-1].item.shown if self.messages else 0
        self.growing = None if self.finished else posting.item
        self.pacer.demand(
            posting.item,
            total,
            now,
            rank=rank,
            growing=not self.finished,
            not_before=not_before,
            most=most,
        )

    def _plan_edit(
        self, number: int, message: Message, pages: Sequence[Page], length: int, now: float
    ) -> None:
        page, item = pages[number], message.item
        if message.done or item.in_flight:
            return
        if message.waits(page) and not self.finished:
            self.pacer.rest(item, now)
            return
        newest = number == len(self.messages) - 1
        growing = newest and not self.finished and self.posting is None
        content = self._content(number, pages, message)
        doubtful_until = message.doubtful_until(content) if page.closed else -math.inf
        lacks = message.lacks(content)
        if not lacks and doubtful_until == -math.inf:
            message.seen = length
            message.done = page.closed and (self.finished or not newest)
            self.pacer.rest(item, now)
            return
        if content == message.refused and not self.finished:
            self.pacer.rest(item, now)
            return
        not_before = max(message.retry_at, -math.inf if lacks else doubtful_until)
        if newest and self.posting is not None and self.posting.page > number and page.closed:
            # The page behind it comes first; only if that takes long does this one grow on its own, untrimmed.
            trimmed = message.shown is None or not page.text.startswith(message.shown.text)
            waits = math.inf if trimmed else self.posting.wanted_since + _CLOSING_WAITS
            not_before = max(not_before, waits)
        # A closed page that lacks text, or still shows what has moved to the next one, keeps all that follows it from
        # being read in order, and its closing edit is needed anyhow and never repeated: it is worth a page more than
        # it shows (a sixth of the lag of long answers). One that grows natively even keeps the next one from coming.
        pressing = page.closed if message.open is not None else not newest and item.shown != page.end
        # An answer that has ended is whole when its last text is there to be read, wherever that stands.
        last = message.bare is not None or (self.finished and (pressing or number == len(pages) - 1))
        self.pacer.demand(
            item,
            length + self._page_limit if pressing else page.end if page.closed else length,
            now,
            rank=Rank.LAST if last else Rank.MORE,
            growing=growing,
            not_before=not_before,
        )

    def _content(self, number: int, pages: Sequence[Page], target: Message | Posting) -> Content:
        """What the message of this page should look like now."""
        if isinstance(target, Message) and target.bare is not None:
            return target.bare
        page = pages[number]
        ends = self.finished and number == len(pages) - 1
        newest = number >= len(self.messages) - 1 and (not self.finished or ends)
        if target.plain or not newest or (isinstance(target, Message) and target.native and not ends):
            controls: tuple[Control, ...] = ()
        else:
            controls = self._controls
        labels = tuple(map(self._label, controls)) if self._label is not None else ()
        # Only a first page may grow natively: where that ended, the answer goes on by edits.
        settled = page.settled if number == 0 else None
        sure = self._sure if Control.DELETE in controls else None
        return Content(
            page.text,
            controls,
            self.reply,
            labels=labels,
            sure=sure,
            settled=settled,
            closed=page.closed,
            stands=isinstance(target, Message) and target.stands(page),
        )

    def _settle_if_whole(self, pages: Sequence[Page], now: float) -> None:
        if len(pages) > len(self.messages) or self.posting is not None:
            return
        shown = self.messages[: len(pages)]
        if all(message.reads(page) for message, page in zip(shown, pages, strict=True)) and (
            not shown or shown[-1].done
        ):
            self._whole.set()
        if not all(message.done for message in shown):
            return
        # After a crash the pages may be fewer than the messages that were left: what they showed stands above now. They
        # are ours no more, or the next answer to this question would want to write into them.
        if pages and len(pages) < len(self.messages):
            for surplus in self.messages[len(pages) :]:
                self.pacer.leave(surplus.item, now)
                self.desk.removals.append((self.place, surplus.ref))
            del self.messages[len(pages) :]
            self.tell_changed()
        self.settle(Settled("shown"))

    # ------------------------------------------------------------------------------------------------ one call

    def prepare(self, item: Item) -> Call | None:
        """The call that this item should make now, with the newest text; None: none after all."""
        if self._done.done():
            return None
        posting = self.posting
        if posting is not None and posting.item is item:
            return self._prepare_post(posting)
        if self.announce is not None:
            return None
        pages, length = self._pages(), self.document.length
        for number, message in enumerate(self.messages[: len(pages)]):
            if message.item is not item:
                continue
            page = pages[number]
            newest = number == len(self.messages) - 1
            overflown = newest and len(pages) > len(self.messages) and self.posting is None
            content = self._content(number, pages, message)
            doubtful = page.closed and message.doubtful_until(content) > -math.inf
            if not message.lacks(content) and not doubtful:
                message.seen = length
                return None
            if overflown and message.open is None and message.bare is None:
                self.look_at = 0  # the plan is to see it: the next page is posted first
                return None
            if (content == message.refused or message.waits(page)) and not self.finished:
                message.seen = length  # nothing to ask again before there is more text
                return None
            return Call(self, message, None, content, page.end, length)
        return None

    def _prepare_post(self, posting: Posting) -> Call | None:
        if posting.searching:
            return None
        if posting.bare is not None:
            posting.attempts.append((posting.bare, 0))
            return Call(self, None, posting, posting.bare, 0, 0)
        if self.announce is not None:
            posting.attempts.append((self.announce, 0))
            return Call(self, None, posting, self.announce, 0, 0)
        pages = self._pages()
        if posting.page >= len(pages):
            return None
        page = pages[posting.page]
        content = self._content(posting.page, pages, posting)
        posting.attempts.append((content, page.end))
        return Call(self, None, posting, content, page.end, self.document.length)
