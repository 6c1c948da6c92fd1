"""What a view lacks, and wants of the pacer. Law: nothing that a view lacks goes unwanted, and nothing is wanted twice.

`plan` compares the messages with the document: a message more, a page that grows, a page that closes, a button that goes.
How urgent each is stands in its rank and in the characters that its call would bring to view.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.reply.messages import ANNOUNCEMENT, Message, Page, Posting, Settled, post_key
from bot.reply.pacing import Rank

if TYPE_CHECKING:
    from bot.reply.view import View

_FIRST_TEXT_AFTER = 0.3  # seconds after the first text; three words are enough at once
_FIRST_TEXT_BUSY = 1.0  # where edits are scarce the first text had better be worth reading
_ENOUGH_WORDS = 3
# A word, or one sign of a script that puts no spaces between words.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")

# Share of the page limit after which the document is asked now and then whether it has overflowed.
_NEARLY_FULL = 0.8
_CLOSING_WAITS = 1.5  # seconds a closing page waits for the next one to be posted before it grows on its own


def plan(view: View, now: float) -> None:
    """Look at the document and want what the view lacks."""
    if view.is_settled:
        return
    if view.announce is not None:
        _want_post(view, ANNOUNCEMENT, now, total=0)
        return
    if not (view.frames or view.finished):
        return
    newest = view.messages[-1] if view.messages else None
    if newest is not None and newest.open is not None and now >= newest.open.until:
        view.seal(newest)
    length = view.document.length
    if newest is not None and _only_grows(view, newest, length):
        if length > newest.seen:
            view.pacer.demand(newest.item, length, now, not_before=newest.retry_at)
        return
    pages = view.pages()
    # One that grows natively cannot be trimmed: it is closed before the next page is posted.
    held = newest is not None and newest.open is not None and len(pages) > len(view.messages)
    if not view.finished:
        view.look_at = 0 if held else _next_look(view, pages, length)
    if len(pages) > len(view.messages) and not held:
        _plan_post(view, pages, length, now)
    elif view.posting is not None and not (view.posting.searching or view.posting.item.in_flight):
        view.pacer.leave(view.posting.item, now)
        view.posting = None
    for number, message in enumerate(view.messages[: len(pages)]):
        _plan_edit(view, number, message, pages, length, now)
    if view.posting is None:
        view.growing = newest.item if newest is not None and not view.finished else None
    if view.finished:
        _settle_if_whole(view, pages, now)


def _only_grows(view: View, newest: Message, length: int) -> bool:
    """Whether nothing but the newest message can lack anything: then the document need not be rendered."""
    if view.finished or view.posting is not None or length >= view.look_at:
        return False
    if newest.shown is None or newest.bare is not None:
        return False
    return all(message.done for message in view.messages[:-1])


def _next_look(view: View, pages: Sequence[Page], length: int) -> int:
    if not pages:
        return length + 1
    if len(pages) > len(view.messages):
        # A first text is looked at with every fragment until it has three words; a further page is known of, and one
        # whose message was taken back waits for the end.
        return length + 1 if not view.messages and not view.withdrawn else 1 << 62
    limit = view.page_limit
    return max(pages[-1].start + int(_NEARLY_FULL * limit), length + max(40, limit // 50))


def _plan_post(view: View, pages: Sequence[Page], length: int, now: float) -> None:
    number = len(view.messages)
    if view.posting is not None and view.posting.item.in_flight:
        return
    if view.withdrawn and not view.finished:
        return  # see `landing._withdrawn`
    if view.finished:
        _want_post(view, number, now, total=length, rank=Rank.LAST, most=pages[number].end)
        return
    if number > 0:
        most = pages[number].end if pages[number].closed else pages[number].start + view.page_limit
        _want_post(view, number, now, total=length, most=most)
        return
    if view.first_text_at is None:
        view.first_text_at = now
    buckets = view.desk.platform.buckets("edit", view.place, None)
    busy = bool(buckets) and view.pacer.busy(buckets[0], now)
    soonest = view.first_text_at + (_FIRST_TEXT_BUSY if busy else _FIRST_TEXT_AFTER)
    if not busy and len(_WORD.findall(pages[0].text)) >= _ENOUGH_WORDS:
        soonest = now
    if soonest <= now:
        view.look_at = 1 << 62
    _want_post(view, number, now, total=length, rank=Rank.FIRST, not_before=soonest)


def _want_post(
    view: View,
    number: int,
    now: float,
    *,
    total: int,
    not_before: float = -math.inf,
    rank: Rank = Rank.FIRST,
    most: int = 1 << 60,
) -> None:
    """Want the next message. An announcement stands before everything and is in nobody's way: a first text."""
    posting = view.posting
    if posting is None:
        buckets = view.desk.platform.buckets("post", view.place, None)
        growing = not view.finished
        item = view.pacer.join(view, "post", buckets, now, growing=growing, after=view.growing)
        key = post_key(view.reply, number, view.withdrawn)
        posting = view.posting = Posting(number, item, key, wanted_since=now)
    if posting.searching or posting.item.in_flight:
        return
    if number > 0 and rank is Rank.FIRST:
        rank = Rank.MORE
    not_before = max(not_before, posting.retry_at)
    posting.item.shown = view.messages[-1].item.shown if view.messages else 0
    view.growing = None if view.finished else posting.item
    view.pacer.demand(
        posting.item,
        total,
        now,
        rank=rank,
        growing=not view.finished,
        not_before=not_before,
        most=most,
    )


def _plan_edit(
    view: View, number: int, message: Message, pages: Sequence[Page], length: int, now: float
) -> None:
    page, item = pages[number], message.item
    if message.done or item.in_flight:
        return
    if message.waits(page) and not view.finished:
        view.pacer.rest(item, now)
        return
    newest = number == len(view.messages) - 1
    growing = newest and not view.finished and view.posting is None
    content = view.content(number, pages, message)
    doubtful_until = message.doubtful_until(content) if page.closed else -math.inf
    lacks = message.lacks(content)
    if not lacks and doubtful_until == -math.inf:
        message.seen = length
        message.done = page.closed and (view.finished or not newest)
        view.pacer.rest(item, now)
        return
    if content == message.refused and not view.finished:
        view.pacer.rest(item, now)
        return
    not_before = max(message.retry_at, -math.inf if lacks else doubtful_until)
    if newest and view.posting is not None and view.posting.page > number and page.closed:
        # The page behind it comes first; only if that takes long does this one grow on its own, untrimmed.
        trimmed = message.shown is None or not page.text.startswith(message.shown.text)
        waits = math.inf if trimmed else view.posting.wanted_since + _CLOSING_WAITS
        not_before = max(not_before, waits)
    # A closed page that lacks text, or still shows what has moved to the next one, keeps all that follows it from
    # being read in order, and its closing edit is needed anyhow and never repeated: it is worth a page more than
    # it shows (a sixth of the lag of long answers). One that grows natively even keeps the next one from coming.
    pressing = page.closed if message.open is not None else not newest and item.shown != page.end
    # An answer that has ended is whole when its last text is there to be read, wherever that stands.
    ends = pressing or view.hurried or number == len(pages) - 1
    last = message.bare is not None or (view.finished and ends)
    view.pacer.demand(
        item,
        length + view.page_limit if pressing else page.end if page.closed else length,
        now,
        rank=Rank.LAST if last else Rank.MORE,
        growing=growing,
        not_before=not_before,
    )


def _settle_if_whole(view: View, pages: Sequence[Page], now: float) -> None:
    if len(pages) > len(view.messages) or view.posting is not None:
        return
    shown = view.messages[: len(pages)]
    if all(message.reads(page) for message, page in zip(shown, pages, strict=True)) and (
        not shown or shown[-1].done
    ):
        view.tell_whole()
    if not all(message.done for message in shown):
        return
    # After a crash the pages may be fewer than the messages that were left: what they showed stands above now. They
    # are ours no more, or the next answer to this question would want to write into them.
    if pages and len(pages) < len(view.messages):
        for surplus in view.messages[len(pages) :]:
            view.pacer.leave(surplus.item, now)
            view.desk.removals.append((view.place, surplus.ref))
        del view.messages[len(pages) :]
        view.tell_changed()
    view.settle(Settled("shown"))
