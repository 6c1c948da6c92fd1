"""A platform and its viewers on virtual time, without asyncio. Law: the platform counts a call when it arrives, and
viewers see it when it is answered.

Policies (`policies.py`) make calls and are told what came of them. What viewers saw of every character, and when, is
kept here, so that no policy measures itself.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from bench.loads import STEP, Load, Speech
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
    at: int = 0  # fragments said so far
    said: int = 0
    pages: list[int] = field(
        default_factory=list
    )  # characters (of the whole text) that each message shows up to
    seen: int = 0  # characters seen, all pages together
    first_seen: float = math.inf
    whole_at: float = math.inf
    waits_since: float = math.inf  # first unseen character, once posted
    waits_queue: float = 0.0

    @property
    def ended(self) -> bool:
        return self.at == len(self.speech.fragments)

    def page_end(self, page: int) -> int:
        """Characters of the whole text before the end of this page."""
        return (page + 1) * self.page

    @property
    def pages_needed(self) -> int:
        return max(1, -(-self.said // self.page))


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
        self._queue = 0.0
        self._queue_at = 0.0
        self._waiting = 0
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
                self._wait(reply)
                said(reply)
            else:
                heapq.heappop(events)[2]()

    def replay(self, seen: list[tuple[float, int, int]]) -> None:
        """Take in what viewers of a real platform saw: (when, reply, characters seen without a gap), in order."""
        for when, number, characters in seen:
            reply = self.replies[number]

            def show(reply: Reply = reply, characters: int = characters) -> None:
                if not reply.pages:
                    reply.pages.append(characters)
                    reply.first_seen = self.now
                if characters > reply.seen:
                    self._saw(reply, characters)

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
        if reply.waits_since < math.inf:
            self._pass()
            # A fair share is the mean number of replies with unseen text while it waited, over the rate.
            waited = self.now - reply.waits_since
            others = (self._queue - reply.waits_queue) / max(waited, 1e-9)
            share = waited * self.gates["edit"].limit.rate / max(others, 1.0)
            self.longest_share = max(self.longest_share, share)
            self._waiting -= 1
            reply.waits_since = math.inf
        self._wait(reply)
        if seen == reply.speech.length:
            reply.whole_at = self.now

    def _wait(self, reply: Reply) -> None:
        """Note since when the reply has had text that nobody has seen: counted from its first post on."""
        if reply.pages and reply.said > reply.seen and reply.waits_since == math.inf:
            self._pass()
            self._waiting += 1
            reply.waits_since = self.now
            reply.waits_queue = self._queue

    def _pass(self) -> None:
        self._queue += (self.now - self._queue_at) * self._waiting
        self._queue_at = self.now

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


__all__ = [
    "CALL",
    "DISCORD",
    "SETTINGS",
    "SLACK",
    "STEP",
    "Answer",
    "Op",
    "Reply",
    "Setting",
    "World",
    "percentile",
]
