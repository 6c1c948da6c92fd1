"""A platform and its viewers on virtual time, without asyncio. Law: the platform counts a call when it arrives, and
viewers see it when it is answered.

Policies (`policies.py`) make calls and are told what came of them. What viewers saw of every character, and when, is
kept here, so that no policy measures itself.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from bench.loads import Load, Speech
from sandbox.limits import Gate, Limit, Verdict

Op: TypeAlias = Literal["post", "edit"]

CALL = 0.1  # seconds from leaving to answer
_BIN = 0.01  # lag histogram, seconds


@dataclass(frozen=True, slots=True)
class Setting:
    """One platform: its limits, how it tells of them, and how much a page holds."""

    name: str
    edit: Limit
    post: Limit
    page: int
    headers: bool


SLACK = Setting(
    "slack",
    Limit("chat.update", 50 / 60, 10, "bucket", "observed", "Tier 3, 50 a minute; burst as others measured"),
    Limit(
        "chat.postMessage", 1.0, 5, "bucket", "documented", "about 1 a second per channel, bursts tolerated"
    ),
    10_000,
    headers=False,
)
DISCORD = Setting(
    "discord",
    Limit("PATCH message", 1.0, 5, "fixed", "observed", "5 per 5 s per channel, as many bots see it"),
    Limit("POST message", 1.0, 5, "fixed", "observed", "5 per 5 s per channel, as many bots see it"),
    2_000,
    headers=True,
)
SETTINGS = (SLACK, DISCORD)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call."""

    ok: bool
    retry_after: float = 0.0
    verdict: Verdict | None = None


@dataclass(slots=True)
class Reply:
    """One reply as viewers see it: per page, how many of its characters."""

    number: int
    speech: Speech
    page: int
    cuts: tuple[int, ...] = ()  # where its pages end, if they are not all of `page` characters
    at: int = 0  # fragments said so far
    said: int = 0
    pages: list[int] = field(
        default_factory=list
    )  # characters (of the whole text) that each message shows up to
    seen: int = 0  # characters seen, all pages together
    first_seen: float = math.inf
    whole_at: float = math.inf
    waits_for: Op | None = None  # the call without which no more of it is seen
    waits_since: float = 0.0
    waits_queue: float = 0.0
    unseen_shares: float = 0.0  # fair shares that its unseen text has waited so far

    @property
    def ended(self) -> bool:
        return self.at == len(self.speech.fragments)

    def page_end(self, page: int) -> int:
        """Characters of the whole text before the end of this page."""
        return self.cuts[page] if self.cuts else (page + 1) * self.page

    @property
    def overflows(self) -> bool:
        """Its text goes on on a page that is not there."""
        return self.said > self.room

    @property
    def room(self) -> int:
        """Characters of the whole text that the pages which are there can show. The last of them holds all that a message
        takes until its text has outgrown that; only then is it cut, somewhat in front of its limit.
        """
        if not self.pages:
            return 0
        last = len(self.pages) - 1
        start = self.page_end(last - 1) if last else 0
        return max(self.page_end(last), self.said if self.said <= start + self.page else 0)

    @property
    def pages_needed(self) -> int:
        return max(1, -(-self.said // self.page))


@dataclass(slots=True)
class _Queue:
    """Who lacks a call of a budget, and their waiting times summed."""

    waiting: set[int] = field(default_factory=set)
    total: float = 0.0
    at: float = 0.0

    def until(self, now: float) -> float:
        self.total += (now - self.at) * len(self.waiting)
        self.at = now
        return self.total

    def note(self, number: int, now: float, *, waits: bool) -> None:
        if waits != (number in self.waiting):
            self.until(now)
            (self.waiting.add if waits else self.waiting.remove)(number)


class World:
    """One case: a load, a platform, a policy."""

    def __init__(
        self,
        setting: Setting,
        load: Load,
        *,
        pages: bool = False,
        edit: Limit | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        self.setting = setting
        self.load = load
        self.now = 0.0
        self.gates: dict[Op, Gate] = {"edit": Gate(edit or setting.edit), "post": Gate(setting.post)}
        page = setting.page if pages else 1 << 60
        self.replies = [Reply(i, speech, page) for i, speech in enumerate(load.speeches)]
        self.refusals: list[tuple[float, Op]] = []
        self.edits = 0
        self.posts = 0
        self.wrong: list[str] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._lags: dict[int, int] = {}
        self._lag_sum = 0.0
        self._starts = [0] * len(self.replies)
        self._jitter = jitter
        self._queues: dict[Op, _Queue] = {"edit": _Queue(), "post": _Queue()}
        self.longest_share = 0.0
        self.lag_log: list[tuple[float, float, int]] = []  # (seen at, lag sum, characters)
        said = sorted(
            (time, reply.number, index)
            for reply in self.replies
            for index, (time, _) in enumerate(reply.speech.fragments)
        )
        self._said = said
        self._next_said = 0

    # ------------------------------------------------------------------------------------------------ time

    def at(self, when: float, do: Callable[[], None]) -> None:
        """Do this then."""
        self._count += 1
        heapq.heappush(self._events, (max(when, self.now), self._count, do))

    def run(self, said: Callable[[Reply], None], *, until: float = 1e9) -> None:
        """Let time pass until nothing is left to happen. `said` is called for every fragment."""
        events, fragments = self._events, self._said
        while True:
            when_event = events[0][0] if events else math.inf
            when_said = fragments[self._next_said][0] if self._next_said < len(fragments) else math.inf
            when = min(when_event, when_said)
            if when == math.inf or when > until:
                return
            self.now = when
            if when_said <= when_event:
                _, number, index = fragments[self._next_said]
                self._next_said += 1
                reply = self.replies[number]
                reply.at = index + 1
                reply.said = reply.speech.fragments[index][1]
                if reply.waits_for is None or (reply.waits_for == "edit" and reply.overflows):
                    self._wait(reply)  # otherwise it lacks what it lacked before
                said(reply)
            else:
                heapq.heappop(events)[2]()

    def replay(self, seen: list[tuple[float, int, int, int]], cuts: Sequence[tuple[int, ...]]) -> None:
        """Take in what viewers of a real platform saw: (when, reply, messages of it that are there, characters seen
        without a gap), in order. `cuts`: where the pages of each reply end.
        """
        for reply, ends in zip(self.replies, cuts, strict=True):
            reply.cuts = ends
        for when, number, pages, characters in seen:
            reply = self.replies[number]

            def show(reply: Reply = reply, pages: int = pages, characters: int = characters) -> None:
                reply.first_seen = min(reply.first_seen, self.now)
                reply.pages.extend([characters] * (pages - len(reply.pages)))
                if characters > reply.seen:
                    self._saw(reply, characters)
                else:
                    self._wait(reply)

            self.at(when, show)
        self.run(lambda _: None)

    # ------------------------------------------------------------------------------------------------ calls

    def call(
        self,
        op: Op,
        reply: Reply,
        page: int,
        upto: int,
        answered: Callable[[Answer], None],
    ) -> None:
        """Post or edit a page so that it shows the text up to `upto`."""
        arrives = 0.5 if self._jitter is None else self._jitter.uniform(0.1, 0.9)
        left_at = self.now
        self.at(left_at + arrives * CALL, lambda: self._arrive(op, reply, page, upto, answered, left_at))

    def _arrive(
        self,
        op: Op,
        reply: Reply,
        page: int,
        upto: int,
        answered: Callable[[Answer], None],
        left_at: float,
    ) -> None:
        verdict = self.gates[op].take(self.now)
        if not verdict.allowed:
            self.refusals.append((self.now, op))
            wait = verdict.retry_after
            wait = wait if self.setting.headers else float(max(1, math.ceil(wait)))
            self.at(left_at + CALL, lambda: answered(Answer(False, wait, verdict)))
            return
        if op == "edit":
            self.edits += 1
        else:
            self.posts += 1

        def shown() -> None:
            self._show(op, reply, page, upto)
            answered(Answer(True, 0.0, verdict))

        self.at(left_at + CALL, shown)

    # ------------------------------------------------------------------------------------------------ viewers

    def _show(self, op: Op, reply: Reply, page: int, upto: int) -> None:
        start = page * reply.page
        upto = min(upto, start + reply.page)
        if op == "post":
            if page != len(reply.pages):
                self.wrong.append(f"reply {reply.number}: page {page} posted after {len(reply.pages)}")
            reply.pages.append(upto)
            reply.first_seen = min(reply.first_seen, self.now)
        else:
            if upto < reply.pages[page]:
                self.wrong.append(f"reply {reply.number}: page {page} went back to {upto}")
            reply.pages[page] = upto
        # What is seen without a gap: a viewer reads in order.
        seen = 0
        for number, end in enumerate(reply.pages):
            seen = end
            if end < min((number + 1) * reply.page, reply.said) and number + 1 < len(reply.pages):
                break
        if seen > reply.seen:
            self._saw(reply, seen)
        else:
            self._wait(reply)  # a page that nobody can read up to is there all the same

    def _saw(self, reply: Reply, seen: int) -> None:
        fragments = reply.speech.fragments
        index = self._starts[reply.number]
        done, total, characters = reply.seen, 0.0, 0
        while index < len(fragments) and done < seen:
            time, by = fragments[index]
            count = min(by, seen) - done
            lag = self.now - time
            total += lag * count
            characters += count
            self._lags[int(lag / _BIN)] = self._lags.get(int(lag / _BIN), 0) + count
            done = min(by, seen)
            if done == by:
                index += 1
        self._starts[reply.number] = index
        self._lag_sum += total
        self.lag_log.append((self.now, total, characters))
        reply.seen = seen
        self._waited(reply)
        self.longest_share = max(self.longest_share, reply.unseen_shares)
        reply.unseen_shares = 0.0
        self._wait(reply)
        if seen == reply.speech.length:
            reply.whole_at = self.now

    def _wait(self, reply: Reply) -> None:
        """Note which calls the reply lacks, and which of them it waits for.

        A fair share is a budget's: the replies that lack a call of it, over its rate. A reply whose text goes on on a
        page that is not there lacks a post, as all do whose first text is not there; one that has more to show on a
        page that is there lacks an edit; it may lack both, and then the post comes first. What it has waited is counted
        in the shares of the budget it waited for at the time.

        Posts are not paced: each is a text that must go, so a window of them may be spent within a second, and then the
        platform itself lets nobody be shown until it is over. So a share of posts is at least their window. One of
        edits is not: those can be kept back, and it is the pacer's work to do so.
        """
        there = min(reply.said, reply.room)
        lacks: dict[Op, bool] = {"post": reply.overflows, "edit": reply.seen < there}
        for op, queue in self._queues.items():
            queue.note(reply.number, self.now, waits=lacks[op])
        call: Op | None = "post" if lacks["post"] else "edit" if lacks["edit"] else None
        if call != reply.waits_for:
            self._waited(reply)
            if call is not None:
                reply.waits_for, reply.waits_since = call, self.now
                reply.waits_queue = self._queues[call].until(self.now)

    def _waited(self, reply: Reply) -> None:
        """It no longer waits for that call: count the shares, by the mean number who lacked one meanwhile."""
        if reply.waits_for is None:
            return
        queue, limit = self._queues[reply.waits_for], self.gates[reply.waits_for].limit
        waited = self.now - reply.waits_since
        others = (queue.until(self.now) - reply.waits_queue) / max(waited, 1e-9)
        fewest = limit.burst if reply.waits_for == "post" and limit.shape == "fixed" else 1
        reply.unseen_shares += waited * limit.rate / max(others, fewest)
        reply.waits_for = None

    # ------------------------------------------------------------------------------------------------ results

    @property
    def lost(self) -> int:
        """Characters that no viewer has seen."""
        return sum(reply.speech.length - reply.seen for reply in self.replies)

    @property
    def mean_lag(self) -> float:
        """Seconds from the saying of a character to its being seen; one that nobody ever saw counts to the end."""
        total, count = self._lag_sum, sum(self._lags.values())
        for reply in self.replies:
            done = reply.seen
            for time, by in reply.speech.fragments if reply.seen < reply.speech.length else ():
                if by > done:
                    total += (self.now - time) * (by - done)
                    count += by - done
                    done = by
        return total / max(1, count)

    def lag_percentile(self, share: float) -> float:
        left = share * sum(self._lags.values())
        for lag in sorted(self._lags):
            left -= self._lags[lag]
            if left <= 0:
                return (lag + 0.5) * _BIN
        return math.inf

    def last_edits(self) -> list[float]:
        """Seconds from each reply's end until it was seen whole; infinity: never."""
        return sorted(reply.whole_at - reply.speech.end for reply in self.replies)

    def first_texts(self) -> list[float]:
        """Seconds from each reply's first fragment until something of it was seen; never: until the end."""
        return sorted(min(reply.first_seen, self.now) - reply.speech.start for reply in self.replies)

    def episodes(self, op: Op = "edit", *, gap: float = 5.0) -> list[float]:
        """When refusals began: those within `gap` seconds of the one before belong to it."""
        begun: list[float] = []
        last = -math.inf
        for when, kind in self.refusals:
            if kind == op:
                if when - last > gap:
                    begun.append(when)
                last = when
        return begun


def percentile(values: list[float], share: float) -> float:
    """Of sorted values, the nearest rank."""
    if not values:
        return math.nan
    return values[min(len(values) - 1, max(0, math.ceil(share * len(values)) - 1))]
