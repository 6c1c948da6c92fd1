"""One reply as its channel shows it: what is there, and what is lacking. Law: every page is shown whole, exactly once,
whatever the platform answers.

A view is a set of messages, one per page, and what is known of each. `planning.plan` compares it with the document and
wants what it lacks; `prepare` renders one message at the moment when its call leaves; `landing.answer` takes in the
outcome. Nothing here waits or talks: `outbox.py` does both.

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
from collections.abc import Callable, Sequence

from bot.ports import Confirmation, Content, Control, Place, Ref
from bot.reply.messages import (
    Call,
    Desk,
    Document,
    Message,
    Page,
    Posting,
    Settled,
)
from bot.reply.pacing import Item

log = logging.getLogger(__name__)


class View:
    """One reply in its channel. Made by `Outbox.open`; `planning.py` and `landing.py` write what it wants and what came."""

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
        *,
        frames: bool = True,
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
        self.frames = frames  # it is seen to grow
        self.finished = False
        self.hurried = False  # somebody waits until it has settled
        self.withdrawn = 0  # messages that were taken back
        self.given_up = ""  # why this reply cannot be shown, once that is so
        self.sorry = sorry  # what is said then
        self._controls = controls
        self._label = label
        self._sure = sure
        self._on_leaving = on_leaving
        self._on_changed = on_changed
        self.page_limit = desk.platform.profile.page_limit
        self.first_text_at: float | None = None
        self.first_seen_at: float | None = None  # when a message first showed any of it
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

    def hurry(self) -> None:
        """Somebody waits until it has settled: what is still to go waits for nobody's text."""
        self.hurried = True
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

    # ------------------------------------------------------------------------------------ for planning.py and landing.py

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
        number, pages = self.messages.index(message), self.pages()
        return number < len(pages) and pages[number].closed

    def tell_whole(self) -> None:
        """People can read all of it."""
        self._whole.set()

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

    # ------------------------------------------------------------------------------------------------ what it shows

    def pages(self) -> list[Page]:
        """The document's, without those that show nothing."""
        return [page for page in self.document.pages() if page.text.strip()]

    def content(self, number: int, pages: Sequence[Page], target: Message | Posting) -> Content:
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
        pages, length = self.pages(), self.document.length
        for number, message in enumerate(self.messages[: len(pages)]):
            if message.item is not item:
                continue
            page = pages[number]
            newest = number == len(self.messages) - 1
            overflown = newest and len(pages) > len(self.messages) and self.posting is None
            content = self.content(number, pages, message)
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
        pages = self.pages()
        if posting.page >= len(pages):
            return None
        page = pages[posting.page]
        content = self.content(posting.page, pages, posting)
        posting.attempts.append((content, page.end))
        return Call(self, None, posting, content, page.end, self.document.length)
