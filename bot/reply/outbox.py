"""Drives the pacer against one platform. Law: the only file of the heart that waits, and nothing it waits for can
make it lose the end of a reply, or let one reply's trouble touch another's.

The loop asks the pacer which message is next, has its view render it *then* (never earlier: there is no queue of
texts), makes one call, and hands the outcome to the view and the pacer. When nothing can be sent it sleeps until the
pacer's next moment, or until something happens.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from bot import sentences
from bot.ports import (
    Bucket,
    Confirmation,
    Content,
    Control,
    Gone,
    Outcome,
    Place,
    Platform,
    Ref,
    Refused,
    Sent,
    Unavailable,
)
from bot.reply import landing, planning
from bot.reply.budget import Learned
from bot.reply.messages import (
    BACK_OFF,
    BACK_OFF_MOST,
    ECHO_OF_BREAK,
    Call,
    Desk,
    Document,
    Echo,
    Message,
    Settled,
)
from bot.reply.pacing import Gauge, Item, Pacer, Send
from bot.reply.view import View

__all__ = ["Outbox", "Settled", "Snapshot", "View"]

log = logging.getLogger(__name__)
T = TypeVar("T")

_IDLE_STEPS = 10_000

# Seconds after a lost answer at which a post is looked up: quickly for a broken connection (a message that exists is
# found within a second), and until the echo is over for a call that ran into the timeout.
_LOOK_UP = (0.4, 1.5, 4.0)
_LOOK_UP_LATE = (0.4, 3.0, 8.0)
_LOOK_UP_EARLY = (
    3.0,
    8.0,
)  # seconds into a post that hangs: mostly it is there, and only its answer is lacking
_REMOVING = (0.0, 2.0, 10.0)  # seconds before each try to take a message away


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What operators see of an outbox (/metrics)."""

    budgets: tuple[Gauge, ...]
    live: int
    unseen: int  # characters that no viewer has seen yet


class Outbox:
    """All views on one platform, and the budgets that they share. It is the platform's `ports.Meter`."""

    def __init__(self, platform: Platform, *, timeout: float = 20.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._platform = platform
        self._timeout = timeout
        self._pacer = Pacer()
        self._desk = Desk(platform, self._pacer, self._time, timeout)
        self._wake = self._desk.wake
        self._until = math.inf

    # ------------------------------------------------------------------------------------------------ views

    def open(
        self,
        place: Place,
        reply: str,
        document: Document,
        *,
        announce: Content | None = None,
        controls: tuple[Control, ...] = (Control.STOP,),
        refs: Sequence[Ref] = (),
        shown: Sequence[Content] = (),
        on_leaving: Callable[[], None] | None = None,
        on_changed: Callable[[tuple[Ref, ...], Place], None] | None = None,
        label: Callable[[Control], str] | None = None,
        sure: Confirmation | None = None,
        sorry: str = sentences.OUR_FAULT,
        crashed: bool = False,
        frames: bool = True,
    ) -> View:
        """Show a document in a place. `refs`: messages that exist already and are to show its pages, in order; `shown`:
        what they show now, where that is known.

        `crashed`: a process that has died may have had calls under way to them, whose connections broke with it. `frames`:
        it is seen to grow; else nothing of it is shown before it is finished.

        `announce` is posted first; where the place has threads, the pages then go in its thread. `on_leaving()` is called
        when a message leaves with its first words, `on_changed(refs, place)` when the messages of its pages, or its
        thread, are others than before. The buttons stand on the newest page while it grows; `label` says what stands on
        them, `sure` what is asked before an answer is deleted; `sorry` is shown where the platform takes nothing of it.
        """
        view = View(
            self._desk,
            place,
            reply,
            document,
            announce,
            controls,
            on_leaving,
            on_changed,
            sorry,
            label,
            sure,
            frames=frames,
        )
        now = self._time()
        for ref, stands in zip_longest(refs, shown):
            item = self._pacer.join(view, "edit", self._platform.buckets("edit", place, ref), now)
            echoes = (Echo(Content(""), now + ECHO_OF_BREAK),) if crashed else ()
            view.messages.append(Message(ref, item, now, stands, 0, echoes))
        self._desk.views.add(view)
        if announce is not None or document.length:
            self._desk.plan_soon(view)
        return view

    def busy(self, place: Place) -> bool:
        """Whether edits are scarce in this place at the moment, or will be when all that has begun there is seen to grow."""
        buckets = self._platform.buckets("edit", place, None)
        if not buckets:
            return False
        # The pacer knows of answers that have a message: many that are asked for at once have none yet.
        begun = sum(
            not view.finished and self._edits(view.place) == buckets[0].key for view in self._desk.views
        )
        return self._pacer.busy(buckets[0], self._time(), begun)

    def _edits(self, place: Place) -> str:
        buckets = self._platform.buckets("edit", place, None)
        return buckets[0].key if buckets else ""

    def deleted(self, ref: Ref) -> bool:
        """Somebody deleted this message. True: it was a reply's, and that reply is over."""
        for view in tuple(self._desk.views):
            if view.root == ref or ref in view.refs:
                view.settle(Settled("gone", "deleted"))
                return True
        return False

    def snapshot(self) -> Snapshot:
        """How things stand now."""
        now = self._time()
        unseen = sum(
            max(0, view.document.length - (view.messages[-1].item.shown if view.messages else 0))
            for view in self._desk.views
        )
        return Snapshot(tuple(self._pacer.gauges(now)), len(self._desk.views), unseen)

    def export(self) -> dict[str, Learned]:
        """What the budgets have learned, as plain data; give it to `restore` within ten minutes.

        Called about once a minute, and the moment to let go of idle budgets: every channel and every command has
        one, and a process that runs for months would keep them all.
        """
        now = self._time()
        self._pacer.forget_idle(now)
        return self._pacer.export(now)

    def restore(self, learned: Mapping[str, Learned], elapsed: float) -> None:
        """Take up what `export` gave `elapsed` seconds ago; before anything is sent."""
        self._pacer.restore(learned, self._time(), elapsed)

    # ------------------------------------------------------------------------------------------------ the meter

    def spent(self, bucket: Bucket) -> None:
        """Somebody else (a status, a command's answer) has just spent one call of this bucket."""
        self._pacer.spent(bucket, self._time())

    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None:
        """The platform's headers."""
        self._pacer.told(bucket, self._time(), limit, remaining, reset_after)
        self._wake.set()

    def refused(self, bucket: Bucket, retry_after: float) -> None:
        """A call outside the outbox met a 429."""
        self._pacer.refused_elsewhere(bucket, self._time(), retry_after)

    # ------------------------------------------------------------------------------------------------ driving

    async def run(self) -> None:
        """Keep the views true, until cancelled. Survives whatever a platform does."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                self._step(tasks)
                await self._sleep()

    def _step(self, tasks: asyncio.TaskGroup) -> None:
        """Everything that can be done now."""
        now = self._time()
        idle = 0
        while True:
            while self._desk.plans:
                view = next(iter(self._desk.plans))
                del self._desk.plans[view]
                self._guarded(view, planning.plan, view, now)
            while self._desk.searches:
                tasks.create_task(self._search(self._desk.searches.pop()))
            while self._desk.removals:
                tasks.create_task(self._remove(*self._desk.removals.pop()))
            step = self._pacer.next(now)
            if not isinstance(step, Send):
                self._until = step.until
                return
            call = self._prepare(step.item, now)
            if call is not None:
                tasks.create_task(self._make(call))
            elif (idle := idle + 1) >= _IDLE_STEPS:
                # Views that want calls and then have nothing to send: nobody else may starve for it.
                log.error("outbox.spinning", extra={"live": len(self._desk.views)})
                self._until = now + 0.1
                return

    def _guarded(self, view: View, work: Callable[..., T], *args: object) -> T | None:
        """A fault of a document or an adapter ends its own view with a code, and nobody else's."""
        try:
            return work(*args)
        except Exception as fault:
            log.exception("outbox.view_failed", extra={"reply": view.reply})
            view.settle(Settled("denied", f"internal:{type(fault).__name__}"))
            return None

    async def _sleep(self) -> None:
        if self._until == math.inf:
            await self._wake.wait()
            return
        handle = self._loop.call_at(self._until, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            handle.cancel()

    def _prepare(self, item: Item, now: float) -> Call | None:
        """The call that this item should make now; None: none after all, and nothing is spent."""
        view = item.key
        assert isinstance(view, View)
        call = self._guarded(view, view.prepare, item)
        buckets = self._guarded(view, self._buckets, call, now) if call is not None else None
        if call is not None and buckets is not None and not self._pacer.moves(item, buckets):
            return call
        self._pacer.back(item, now)
        if call is not None and call.posting is not None:
            call.posting.attempts.pop()
        if buckets is not None:
            # What this call spends has changed since it was wanted: an old message, an expired token.
            self._pacer.move(item, buckets, now)
        if not view.is_settled:
            self._desk.plan_soon(view)
        return None

    def _buckets(self, call: Call, now: float) -> Sequence[Bucket]:
        message = call.message
        if message is None:
            return self._platform.buckets("post", call.view.place, None)
        return self._platform.buckets("edit", call.view.place, message.ref, age=now - message.posted_at)

    async def _make(self, call: Call) -> None:
        if call.message is None or call.message.shown is None:
            call.view.tell_leaving()
        outcome = await self._call(call)
        now = self._time()
        if isinstance(outcome, Ref):
            self._pacer.sent(call.item, now, call.end)
            self._guarded(call.view, landing.found, call.view, call, outcome, now)
            self._wake.set()
            return
        match outcome:
            case Sent(_, grows):
                unseen = 0 if grows is None else len(call.content.text) - grows.shown
                self._pacer.sent(call.item, now, max(0, call.end - unseen))
            case Refused(retry_after, bucket):
                log.warning(
                    "outbox.refused",
                    extra={"bucket": bucket, "op": call.item.op, "retry_after": round(retry_after, 2)},
                )
                self._pacer.refused(call.item, now, retry_after, bucket)
            case _:
                self._pacer.failed(call.item, now)
        self._guarded(call.view, landing.answer, call.view, call, outcome, now)
        self._wake.set()

    async def _call(self, call: Call) -> Outcome | Ref:
        """One attempt, bounded by the timeout; whatever goes wrong is an outcome.

        A post that hangs is looked up meanwhile: nobody waits for the answer about a message that is there.
        """
        view, message, posting = call.view, call.message, call.posting
        looking: asyncio.Task[None] | None = None
        seen: list[Ref] = []
        try:
            async with asyncio.timeout(self._timeout) as bound:
                if message is not None:
                    return await self._platform.edit(view.place, message.ref, call.content)
                assert posting is not None
                looking = asyncio.create_task(self._look_meanwhile(view.place, posting.key, seen, bound))
                return await self._platform.post(view.place, call.content, key=posting.key)
        except TimeoutError:
            return seen[0] if seen else Unavailable("timeout")
        except Exception as fault:
            # An adapter answers with outcomes; whatever else comes out of it must not end anybody's reply.
            log.exception("outbox.adapter_failed", extra={"reply": view.reply, "op": call.item.op})
            return Unavailable(f"adapter:{type(fault).__name__}")
        finally:
            if looking is not None:
                looking.cancel()

    async def _look_meanwhile(self, place: Place, key: str, seen: list[Ref], bound: asyncio.Timeout) -> None:
        """Once the message is seen the call has no more time."""
        start = self._time()
        for wait in _LOOK_UP_EARLY:
            await asyncio.sleep(start + wait - self._time())
            found = await self.find(place, key, within=wait)
            if isinstance(found, Ref):
                seen.append(found)
                bound.reschedule(self._time())
                return

    async def find(self, place: Place, key: str, *, within: float) -> Ref | Unavailable | None:
        """`Platform.find`, bounded. Where nothing was answered nothing is known: only None says that it is not there."""
        try:
            async with asyncio.timeout(within):
                return await self._platform.find(place, key)
        except TimeoutError:
            return Unavailable("timeout")
        except Exception as fault:
            log.exception("outbox.adapter_failed", extra={"op": "find"})
            return Unavailable(f"adapter:{type(fault).__name__}")

    async def _search(self, call: Call) -> None:
        """Look for a post whose answer was lost; post again only when it is not there and cannot come any more."""
        view, posting = call.view, call.posting
        assert posting is not None
        waits = (*_LOOK_UP_LATE, self._timeout) if posting.late else _LOOK_UP
        start, step, faults = self._time(), 0, 0
        while step < len(waits):
            await asyncio.sleep(max(0.0, start + waits[step] - self._time()))
            if view.is_settled:
                return
            found = await self.find(view.place, posting.key, within=self._timeout)
            if isinstance(found, Ref):
                self._guarded(view, landing.found, view, call, found, self._time())
                return
            if isinstance(found, Unavailable):
                faults += 1
                await asyncio.sleep(max(found.retry_after, min(BACK_OFF_MOST, BACK_OFF * 2.0**faults)))
            else:
                step += 1
        landing.not_found(view, posting)

    async def _remove(self, place: Place, ref: Ref) -> None:
        """Take away a message that shows no page any more; what cannot be taken away is logged, and stays."""
        for wait in _REMOVING:
            await asyncio.sleep(wait)
            try:
                async with asyncio.timeout(self._timeout):
                    outcome = await self._platform.delete(place, ref)
            except TimeoutError:
                continue
            except Exception:
                log.exception("outbox.adapter_failed", extra={"op": "delete"})
                return
            if isinstance(outcome, Sent | Gone):
                return
        log.warning("outbox.not_removed", extra={"platform": place.platform})
