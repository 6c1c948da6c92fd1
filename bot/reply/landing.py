"""What came of a call, taken into its view. Law: no answer of a platform loses, doubles or reorders a page.

Each answer changes what is known of one message, and has the view look again; what it still lacks is wanted again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.ports import (
    Content,
    Denied,
    Full,
    Gone,
    Open,
    Outcome,
    Ref,
    Refused,
    Rejected,
    Sent,
    Unavailable,
    Withdrawn,
)
from bot.reply.messages import (
    ANNOUNCEMENT,
    BACK_OFF,
    BACK_OFF_MOST,
    ECHO_OF_BREAK,
    Call,
    Echo,
    Message,
    Posting,
    Settled,
)

if TYPE_CHECKING:
    from bot.reply.view import View

log = logging.getLogger(__name__)

# Seconds that are waited at most where a fault names a time (a 503 with Retry-After): a proxy's guess, nobody's budget.
_NAMED_MOST = 60.0
_STRIKES = 3  # contents refused as such (too long, invalid) before a reply counts as not showable


def answer(view: View, call: Call, outcome: Outcome, now: float) -> None:
    """Take in what came of a call. Anything that the view still lacks is wanted again."""
    if view.is_settled or _is_stale(view, call, outcome):
        return
    match outcome:
        case Sent(ref, grows):
            _seen(view, call, now)
            _landed(view, call, ref, grows, now)
        case Refused():
            if call.posting is not None:
                call.posting.attempts.pop()
        case Unavailable(code, applied, retry_after):
            _lost(view, call, code, applied, retry_after, now)
        case Gone(code):
            view.settle(Settled("gone", code))
        case Denied(code):
            view.settle(Settled("denied", code))
        case Rejected(code):
            _rejected(view, call, code, now)
        case Full(code):
            _full(view, call, code, now)
        case Withdrawn(code):
            _withdrawn(view, call, code, now)
    view.look_again()


def found(view: View, call: Call, ref: Ref, now: float) -> None:
    """A post whose answer was lost does exist."""
    posting = call.posting
    if posting is None or view.is_settled:
        return
    posting.searching = False
    if posting.stale:
        view.desk.removals.append((view.place, ref))
        view.desk.wake.set()
        return
    _seen(view, call, now)
    # Which of several attempts it shows nobody knows, nor how much of one that may grow natively.
    attempts = {content for content, _ in posting.attempts}
    known = len(attempts) == 1 and (call.content.closed or call.content.settled is None)
    _posted(view, call, ref, call.content if known else None, None, now)
    view.look_again()


def not_found(view: View, posting: Posting) -> None:
    """A post whose answer was lost does not exist, nor will it: it is made again."""
    posting.searching = False
    view.look_again()


def _is_stale(view: View, call: Call, outcome: Outcome) -> bool:
    """Whether the call was for a message that shows no page any more, because one in front of it was taken back."""
    message, posting = call.message, call.posting
    if message is not None:
        return message not in view.messages
    if posting is None or not posting.stale:
        return False
    match outcome:
        case Sent(ref):
            view.desk.removals.append((view.place, ref))
        case Unavailable(_, applied) if applied is not False:
            posting.searching, posting.late = True, True
            view.desk.searches.append(call)
    return True


def _seen(view: View, call: Call, now: float) -> None:
    if view.first_seen_at is None and call.end:
        view.first_seen_at = now


def _landed(view: View, call: Call, ref: Ref, grows: Open | None, now: float) -> None:
    message = call.message
    if message is None:
        _posted(view, call, ref, call.content, grows, now)
        return
    message.shown, message.seen, message.tries, message.strikes = call.content, call.length, 0, 0
    message.echoes = tuple(echo for echo in message.echoes if echo.until > call.item.left_at)
    if message.bare is not None:
        view.settle(Settled("denied", view.given_up))
        return
    if message.open is not None and grows is None:
        view.look_at = 0  # closed: the next page may be posted
    _opened(view, message, grows)


def _opened(view: View, message: Message, grows: Open | None) -> None:
    message.open = grows
    if grows is not None:
        message.native = True
        view.leave_at(grows.until)


def _posted(view: View, call: Call, ref: Ref, shown: Content | None, grows: Open | None, now: float) -> None:
    posting = call.posting
    if posting is None or view.is_settled:
        return
    view.pacer.leave(posting.item, now)
    view.posting = None
    if posting.page == ANNOUNCEMENT:
        view.announce = None
        view.root = ref
        if not view.place.thread:
            view.place = replace(view.place, thread=ref.message)
    else:
        buckets = view.desk.platform.buckets("edit", view.place, ref)
        growing = not view.finished
        item = view.pacer.join(view, "edit", buckets, now, growing=growing, after=posting.item)
        item.shown = call.end
        message = Message(ref, item, now, shown, call.length, plain=posting.plain)
        if shown is None:
            message.seen = 0
        _opened(view, message, grows)
        view.messages.append(message)
        view.look_at = 0
        view.growing = None if view.finished else item
    view.tell_changed()
    if posting.bare is not None:
        # Our sentence stands in its place: there is no more to tell.
        view.settle(Settled("gone", view.given_up))


def _lost(view: View, call: Call, code: str, applied: bool | None, retry_after: float, now: float) -> None:
    message, posting = call.message, call.posting
    target = message if message is not None else posting
    assert target is not None
    target.tries += 1
    delay = min(BACK_OFF_MOST, BACK_OFF * 2.0 ** (target.tries - 1))
    target.retry_at = now + max(delay, min(retry_after, _NAMED_MOST))
    log.warning(
        "outbox.unavailable",
        extra={"reply": view.reply, "op": call.item.op, "code": code, "tries": target.tries},
    )
    late = now - call.item.left_at >= view.desk.timeout
    if message is not None and applied is not False:
        message.shown = None
        if message.open is None:
            until = now + (view.desk.timeout if late else min(ECHO_OF_BREAK, view.desk.timeout))
            message.echoes = (*message.echoes, Echo(call.content, until))
        else:
            # An adapter that lets a message grow natively is on its guard against echoes itself. What came of this
            # append nobody knows: the page ends with what it may show, and is brought to that.
            view.seal(message)
    if posting is not None:
        if applied is False:
            posting.attempts.pop()
        else:
            posting.searching = True
            view.growing = None
            posting.late = late
            view.desk.searches.append(call)


def _full(view: View, call: Call, code: str, now: float) -> None:
    """A message that takes no more: its page closes, and the answer goes on in a new message."""
    message = call.message
    if message is None or call.content.closed:
        log.error("outbox.full_out_of_turn", extra={"reply": view.reply, "code": code})
        _lost(view, call, code, False, 0.0, now)
        return
    log.info("outbox.full", extra={"reply": view.reply, "code": code})
    message.open, message.native = message.open or Open(0, now), True
    view.seal(message)
    # Where nothing was settled yet there is nothing to close: the next try comes when there may be.
    message.retry_at = now if view.is_closed(message) else now + BACK_OFF


def _withdrawn(view: View, call: Call, code: str, now: float) -> None:
    """A message was taken back: its page and those behind it are posted anew, in order, once all is said. Where a platform
    lets nothing be edited, pages that came and went with every edit would be worse than pages that are late.
    """
    message = call.message
    if message is None or message not in view.messages:
        return
    if message.bare is not None:
        view.settle(Settled("denied", view.given_up))
        return
    log.warning("outbox.withdrawn", extra={"reply": view.reply, "code": code})
    number = view.messages.index(message)
    for left in view.messages[number:]:
        view.pacer.leave(left.item, now)
        if left is not message:
            view.desk.removals.append((view.place, left.ref))
    del view.messages[number:]
    if view.posting is not None:
        view.posting.stale = True
        view.pacer.leave(view.posting.item, now)
    view.posting = view.growing = None
    view.withdrawn += 1
    view.look_at = 0
    view.tell_changed()  # a crash before it is posted anew must not take it for somebody's deletion


def _rejected(view: View, call: Call, code: str, now: float) -> None:
    log.warning(
        "outbox.rejected",
        extra={
            "reply": view.reply,
            "op": call.item.op,
            "code": code,
            "characters": len(call.content.text),
        },
    )
    message, posting = call.message, call.posting
    if posting is not None:
        posting.attempts.pop()
    target = message if message is not None else posting
    assert target is not None
    if call.content.controls and not target.plain:
        target.plain = True
        return
    target.strikes += 1
    if message is not None and not view.finished and message.bare is None:
        # What stands stays, with its button, while Claude goes on: the end is not given up before it was tried.
        message.refused = call.content
        message.retry_at = now + min(BACK_OFF_MOST, BACK_OFF * 2.0**target.strikes)
    elif target.strikes >= _STRIKES:
        _give_up(view, call, f"rejected:{code}")
    else:
        # An answer may be odd once: the end is not given up for it.
        target.retry_at = now + BACK_OFF * 2.0**target.strikes


def _give_up(view: View, call: Call, code: str) -> None:
    """The end of a reply that cannot be shown; no button is left under what is, if that can be helped."""
    message, posting = call.message, call.posting
    if posting is not None:
        _post_no_more(view, posting, code)
        return
    assert message is not None
    if message.bare is not None:
        view.settle(Settled("denied", code))
        return
    shown = message.shown
    if shown is not None and not shown.controls:
        view.settle(Settled("denied", code))
        return
    view.given_up = code
    # What the platform took before, without its buttons; where nobody knows what that was, the shortest honest words.
    if shown is None:
        message.bare = Content(view.sorry, (), view.reply, closed=True)
    else:
        message.bare = Content(shown.text, (), view.reply, closed=True, stands=shown.closed)
    message.refused = None


def _post_no_more(view: View, posting: Posting, code: str) -> None:
    """A post that is refused for good: one short sentence may pass where the answer does not. Where not even that does,
    the place takes nothing at all, and the asker has to be told by another way.
    """
    if posting.bare is not None:
        view.settle(Settled("denied", f"refused:{code.partition(':')[2]}"))
        return
    view.given_up = code
    posting.bare = Content(view.sorry, (), view.reply, closed=True)
