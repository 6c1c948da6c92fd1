"""Who decides when to edit: the policies that are compared. Law: each does what its source does, no better, no worse.

A policy is written as the loop of one reply: a generator that yields `("sleep", seconds)`, `("said",)` (until Claude
says more) or `("call", op, page, upto)`, and is sent the `Answer` of a call.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bench.loads import Load
from bench.simulation import Answer, Op, Reply, Setting, World
from bot.ports import Bucket, Rule
from bot.reply.pacing import Item, Pacer, Rank, Send
from bot.reply.ranking import Choice, by_age, by_index
from sandbox.limits import Limit

Loop: TypeAlias = Generator[tuple[Any, ...], Any, None]
Step: TypeAlias = Generator[tuple[Any, ...], Any, bool]


class Loops:
    """Runs one loop per reply in a world, over a platform SDK that retries as the named one does."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sdk: Sdk = DiscordPy(world) if world.setting.headers else SlackSdk(world)
        self._waiting: dict[int, Loop] = {}

    def run(self, loop: Callable[[Loops, Reply], Loop]) -> None:
        """Every reply's loop from its first fragment to its end."""
        self._loop = loop
        self.world.run(self._said)

    def _said(self, reply: Reply) -> None:
        if reply.at == 1:
            self._go(reply, self._loop(self, reply), None)
        elif reply.number in self._waiting:
            self._go(reply, self._waiting.pop(reply.number), None)

    def _go(self, reply: Reply, loop: Loop, value: Any) -> None:
        try:
            wish = loop.send(value)
        except StopIteration:
            return
        if wish[0] == "sleep":
            self.world.at(self.world.now + wish[1], lambda: self._go(reply, loop, None))
        elif wish[0] == "said":
            self._waiting[reply.number] = loop
        elif wish[0] == "event":
            wish[1].append(lambda: self._go(reply, loop, None))
        else:
            _, op, page, upto = wish
            self.world.call(op, reply, page, upto, lambda answer: self._go(reply, loop, answer))

    def show(self, reply: Reply) -> Step:
        """What all these bots do when it is time: edit the last message, or post the next when it overflows."""
        if not reply.pages:
            return (yield from self.sdk.call("post", 0, min(reply.said, reply.page)))
        page = len(reply.pages) - 1
        if reply.said > reply.page_end(page):
            if reply.pages[page] < reply.page_end(page):
                yield from self.sdk.call("edit", page, reply.page_end(page))
            return (yield from self.sdk.call("post", page + 1, min(reply.said, reply.page_end(page + 1))))
        return (yield from self.sdk.call("edit", page, reply.said))


@dataclass
class Sdk(ABC):
    """How a client library makes one call."""

    world: World

    @abstractmethod
    def call(self, op: Op, page: int, upto: int) -> Step:
        """True when it got through."""


class SlackSdk(Sdk):
    """slack_sdk 3.47 with `AsyncRateLimitErrorRetryHandler` (http_retry/builtin_async_handlers.py).

    It sleeps Retry-After (and up to a second of jitter) and sends the same body once more; a second 429 is an error,
    which bots log.
    """

    def call(self, op: Op, page: int, upto: int) -> Step:
        answer: Answer = yield ("call", op, page, upto)
        if not answer.ok:
            yield ("sleep", answer.retry_after + random.Random(self.world.now).random())
            answer = yield ("call", op, page, upto)
        return answer.ok


@dataclass
class DiscordPy(Sdk):
    """discord.py 2.7.1 (http.py:347-795): the body is made first, then it waits in the bucket's queue.

    First come, first served; the first call of a bucket goes alone; on a 429 it sleeps and resends, five tries.
    """

    _left: dict[str, int] = field(default_factory=lambda: {"edit": 1, "post": 1})
    _reset: dict[str, float] = field(default_factory=dict)
    _queue: dict[str, deque[Callable[[], None]]] = field(
        default_factory=lambda: {"edit": deque(), "post": deque()}
    )

    def call(self, op: Op, page: int, upto: int) -> Step:
        for _ in range(5):
            if self._left[op] <= 0:
                yield ("event", self._queue[op])
            else:
                self._left[op] -= 1
            answer: Answer = yield ("call", op, page, upto)
            self._headers(op, answer)
            if answer.ok:
                return True
            yield ("sleep", answer.retry_after)
        return False

    def _headers(self, op: Op, answer: Answer) -> None:
        verdict, now = answer.verdict, self.world.now
        assert verdict is not None
        if op not in self._reset or now >= self._reset[op]:
            self._reset[op] = now + max(verdict.reset_after, answer.retry_after)
            self._left[op] = verdict.remaining if answer.ok else 0
            self._wake(op)
            self.world.at(self._reset[op], lambda: self._renew(op))

    def _renew(self, op: Op) -> None:
        self._left[op] = self.world.gates[op].limit.burst
        self._wake(op)
        if self._left[op] == 0:
            # All were taken by those in the queue: the next window opens with the first of their answers.
            return

    def _wake(self, op: Op) -> None:
        while self._left[op] > 0 and self._queue[op]:
            self._left[op] -= 1
            self._queue[op].popleft()()


def timer(seconds: float) -> Callable[[Loops, Reply], Loop]:
    """A timer per reply: post, then edit every so often while there is more; a last edit at the end.

    0.5 s is the default of Vercel's Chat SDK (`streamingUpdateIntervalMs`, chat-sdk.dev/docs/streaming); 1 s is what
    most bots settle on.
    """

    def loop(loops: Loops, reply: Reply) -> Loop:
        yield from loops.show(reply)
        while not reply.ended:
            yield ("sleep", seconds)
            if reply.said > (reply.pages[-1] if reply.pages else 0):
                yield from loops.show(reply)
        yield from _finish(loops, reply)

    return loop


def _finish(loops: Loops, reply: Reply) -> Loop:
    """The last edit, and the pages that are still missing. What fails now is logged and lost."""
    while not reply.pages or reply.pages[-1] < reply.said:
        if not (yield from loops.show(reply)):
            return


def one_timestamp(seconds: float) -> Callable[[Loops, Reply], Loop]:
    """As llmcord (llmcord.py): one `last_task_time` for the whole process; whoever hears a token when it is over edits.

    The last edit does not look at the timestamp.
    """
    last = [-seconds]

    def loop(loops: Loops, reply: Reply) -> Loop:
        while not reply.ended:
            if loops.world.now - last[0] >= seconds:
                last[0] = loops.world.now
                yield from loops.show(reply)
            if not reply.ended:
                yield ("said",)
        last[0] = loops.world.now
        yield from _finish(loops, reply)

    return loop


# ---------------------------------------------------------------------------------------------------- ours


def rule_of(limit: Limit) -> Rule:
    """What the bot is told of this limit."""
    shape = "window" if limit.shape == "fixed" else "bucket"
    return Rule(
        limit.rate, limit.burst, "window" if shape == "window" else "bucket", "observed", limit.source
    )


@dataclass(slots=True, eq=False)
class _Shown:
    """A reply in our hands: its items, as bot/reply/view.py keeps them."""

    reply: Reply
    post: Item | None = None
    edits: list[Item] = field(default_factory=list)


class Ours:
    """bot/reply/pacing.py on a world: what bot/reply/outbox.py does, without asyncio."""

    def __init__(self, world: World, *, choose: Choice = by_index, told: Setting | None = None) -> None:
        self.world = world
        self.pacer = Pacer(choose)
        self.setting = told or world.setting
        self._shown = [_Shown(reply) for reply in world.replies]
        self._buckets: dict[Op, tuple[Bucket, ...]] = {
            "edit": (Bucket("edit", rule_of(self.setting.edit)),),
            "post": (Bucket("post", rule_of(self.setting.post)),),
        }
        self._asks_at = float("inf")
        self.sends = 0

    def run(self, until: float = 1e9) -> None:
        """The whole load."""
        self.world.run(self._said, until=until)

    # -------------------------------------------------------------------------------------------- wants

    def _said(self, reply: Reply) -> None:
        now, shown = self.world.now, self._shown[reply.number]
        if reply.ended:
            self._plan(shown)
        elif not reply.pages:
            if shown.post is None:
                self._want_first(shown)
            else:
                self.pacer.want(shown.post, reply.said, now)
                return
        elif reply.said > reply.page_end(len(reply.pages) - 1):
            self._plan(shown)
        elif not self.pacer.want(shown.edits[-1], reply.said, now):
            return
        self._ask()

    def _want_first(self, shown: _Shown) -> None:
        now = self.world.now
        shown.post = self.pacer.join(shown, "post", self._buckets["post"], now)
        # Three words are some 15 characters; else 0.3 s; up to 1 s where edits are scarce.
        busy = self.pacer.busy(self._buckets["edit"][0], now)
        soon = shown.reply.said >= 15 and not busy
        self.pacer.demand(
            shown.post,
            shown.reply.said,
            now,
            rank=Rank.FIRST,
            not_before=now if soon else now + (1.0 if busy else 0.3),
        )

    def _plan(self, shown: _Shown) -> None:
        reply, now = shown.reply, self.world.now
        last_page = reply.pages_needed - 1
        if len(reply.pages) <= last_page:
            if shown.post is None:
                before = shown.edits[-1] if shown.edits else None
                shown.post = self.pacer.join(shown, "post", self._buckets["post"], now, after=before)
                shown.post.shown = reply.pages[-1] if reply.pages else 0
            rank = Rank.LAST if reply.ended else Rank.MORE
            if not reply.pages and not reply.ended:
                rank = Rank.FIRST
            if not shown.post.in_flight:
                self.pacer.demand(
                    shown.post,
                    reply.said,
                    now,
                    rank=rank,
                    growing=not reply.ended,
                    most=reply.page_end(len(reply.pages)),
                )
        for page, item in enumerate(shown.edits):
            total = min(reply.said, reply.page_end(page))
            lacks = reply.pages[page] < total or (reply.ended and page == last_page)
            if page == len(reply.pages) - 1 and reply.said > reply.page_end(page):
                lacks = False  # the next page comes first
            if lacks and not item.in_flight:
                newest = page == len(reply.pages) - 1
                # As bot/reply/view.py: a closing edit is needed anyhow and never repeated.
                bonus = 0 if newest else reply.page
                self.pacer.demand(
                    item,
                    reply.said + bonus,
                    now,
                    rank=Rank.LAST if reply.ended else Rank.MORE,
                    growing=not reply.ended and newest,
                    most=reply.page_end(page) if newest else reply.pages[-1] + bonus,
                )

    # -------------------------------------------------------------------------------------------- calls

    def _ask(self) -> None:
        while True:
            step = self.pacer.next(self.world.now)
            if not isinstance(step, Send):
                if step.until < self._asks_at - 1e-9 or self._asks_at <= self.world.now:
                    self._asks_at = step.until
                    if step.until < float("inf"):
                        self.world.at(step.until, self._timer(step.until))
                return
            self.sends += 1
            self._send(step.item)

    def _timer(self, when: float) -> Callable[[], None]:
        def ask() -> None:
            if self._asks_at == when:
                self._asks_at = float("inf")
                self._ask()

        return ask

    def _send(self, item: Item) -> None:
        shown = item.key
        assert isinstance(shown, _Shown)
        reply = shown.reply
        page = len(reply.pages) if item is shown.post else shown.edits.index(item)
        upto = min(reply.said, reply.page_end(page))
        self.world.call(
            item.op,
            reply,
            page,
            upto,
            lambda answer: self._answered(shown, item, page, upto, answer, reply.ended),
        )

    def _answered(
        self, shown: _Shown, item: Item, page: int, upto: int, answer: Answer, _ended: bool
    ) -> None:
        now, reply = self.world.now, shown.reply
        bucket = item.buckets[0]
        if self.setting.headers and answer.verdict is not None:
            limit = self.world.gates[item.op].limit.burst
            self.pacer.told(bucket, now, limit, answer.verdict.remaining, answer.verdict.reset_after)
        if not answer.ok:
            self.pacer.refused(item, now, answer.retry_after)
        else:
            self.pacer.sent(item, now, upto)
            if item.op == "post":
                self.pacer.leave(item, now)
                shown.post = None
                edit = self.pacer.join(
                    shown, "edit", self._buckets["edit"], now, growing=not reply.ended, after=item
                )
                edit.shown = upto
                edit.total = upto
                shown.edits.append(edit)
            if reply.pages[page] == reply.page_end(page) or (reply.ended and upto == reply.said):
                self._closed(shown, page)
            self._grow(shown)
        self._ask()

    def _closed(self, shown: _Shown, page: int) -> None:
        """Shown as it will stay. (Here a page that is full needs no closing edit to lose its buttons.)"""
        reply = shown.reply
        if page < len(reply.pages) - 1 or reply.ended:
            self.pacer.leave(shown.edits[page], self.world.now)

    def _grow(self, shown: _Shown) -> None:
        reply = shown.reply
        if any(
            reply.pages[page] < min(reply.said, reply.page_end(page)) for page in range(len(reply.pages))
        ) or (reply.pages_needed > len(reply.pages)):
            if reply.ended or reply.pages_needed > len(reply.pages) or len(shown.edits) > 1:
                self._plan(shown)
            if (
                not reply.ended
                and shown.edits
                and reply.pages[-1] < reply.said <= reply.page_end(len(reply.pages) - 1)
            ):
                self.pacer.want(shown.edits[-1], reply.said, self.world.now)


# ---------------------------------------------------------------------------------------------------- by name


def _loops(loop: Callable[[], Callable[[Loops, Reply], Loop]]) -> Callable[[World], None]:
    return lambda world: Loops(world).run(loop())


POLICIES: dict[str, Callable[[World], None]] = {
    "timer-0.5s": _loops(lambda: timer(0.5)),
    "timer-1s": _loops(lambda: timer(1.0)),
    "global-1s": _loops(lambda: one_timestamp(1.0)),
    "oldest-first": lambda world: Ours(world, choose=by_age).run(),
    "ours": lambda world: Ours(world).run(),
}


def run(policy: str, setting: Setting, load: Load, *, pages: bool = False) -> World:
    """One case."""
    world = World(setting, load, pages=pages)
    POLICIES[policy](world)
    return world
