"""One budget as a platform counts it, and what we have learned of it. Law: no call is made that it would refuse.

Two shapes (`ports.Rule`): a *bucket* of `burst` tokens that refills at `rate`, and a *window* of `burst` calls that
opens at its first call and lasts `burst / rate` seconds.

A call is counted when it reaches the platform, some time between leaving here and its answer. So it is booked twice:
when it leaves it takes its token, and until the answer is here it may still arrive, so a bucket goes on being capped
as if the call had not arrived, and a window as if it had not opened. That is the whole safety margin: the call's
*phase* is taken at its latest, its *rate* is not reduced at all (a 10% margin on the rate costs 12-14% of lag).

How the figures are learned:

* Headers (`told`) are believed at once and exactly: limit, calls left, seconds until all are back.
* Without headers there is only the refusal. It says one thing exactly: at this moment the budget was empty. Between
  two such moments the platform let through `rate x time` calls, give or take one, whatever its shape: so counting
  the calls between refusals measures the rate, and the longer the stretch the better. The first refusal has only the
  assumed burst to count from, so it is believed where it is plausible and otherwise answered with a deep cut and a
  quick climb to the second one, which measures.
* A limit that has come back can only be noticed by making a call that the learned limit would refuse. So a probe costs
  one refusal while the limit is still low; there is one about every ten minutes (`PROBE_AFTER`), at twice the rate,
  and it stops at the first refusal or when more calls have gone through than the learned limit can explain.

The learned rate never rises over the rule's figure: that much is documented or observed, and more only headers tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypedDict

from bot.ports import Bucket

_HAIR = 1e-9  # a call that waits exactly 1/rate must not be late for a rounding error

# A call that takes longer than this no longer keeps others from leaving: one that hangs must not freeze a channel.
SLOW = 3.0

# How long what was learned is worth keeping over a restart, and how often a lowered limit is probed.
REMEMBER = 600.0
PROBE_AFTER = 630.0

# After a first refusal that does not say how large the limit is: this share of the rule's rate, climbing by this
# share per second. From 0.3 it is back at the rule's figure after 140 s; a limit of a third is met again after 40 s,
# when some ten calls have been counted: a measurement within 10%.
_FLOOR = 0.3
_CLIMB = 0.005
# Seconds without a call after which a full budget counts as rested: what follows begins with a whole burst.
_REST = 30.0
# A measurement of n calls is exact to one call: less than this many says too little.
_ENOUGH = 6
# What is thought to be right is spent a little under, then a little over, so that on the whole all of it is spent
# and the next refusal comes at the next probe: so many tokens are saved up by the middle of that time.
_SAVED = 1.5


class Learned(TypedDict):
    """What survives a restart: plain data."""

    rate: float
    burst: int
    period: float
    left: float
    told: bool


@dataclass(slots=True)
class _Probe:
    """A stretch at more than the learned rate: what was let through, and when it began."""

    since: float
    base: float
    calls: int = 0


class Budget:
    """One budget. Every method takes `now`; nothing here waits."""

    __slots__ = (
        "_at", "_calls", "_climb", "_climb_at", "_doubtful", "_ends", "_ends_early", "_episode", "_full_from",
        "_late", "_left", "_level", "_opened", "_probe", "_probe_at", "_since", "_single", "_sure_from", "bucket", "burst", "episodes", "flights", "limit",
        "period", "rate", "refusals", "shape", "shut_until", "told_by_headers", "trip", "used_at",
    )  # fmt: skip

    def __init__(self, bucket: Bucket, now: float) -> None:
        rule = bucket.rule
        self.bucket = bucket
        self.shape: Literal["bucket", "window"] = rule.shape
        self.rate = rule.rate
        self.burst = rule.burst
        self.limit = rule.burst  # what headers call the limit
        self.period = rule.burst / rule.rate
        self.flights = 0
        self.shut_until = -math.inf
        self.refusals = 0
        self.episodes = 0
        self.told_by_headers = False
        self.trip = 0.1  # seconds from leaving to answer, the slowest of late
        self.used_at = now
        # bucket: tokens at `_at`, calls in flight not yet taken off.  window: calls left, those in flight taken off.
        self._level = float(rule.burst)
        self._at = now
        self._opened = False
        self._ends = math.inf
        self._ends_early = math.inf
        self._sure_from = -math.inf
        self._doubtful = False  # only calls from before the border may have opened this window
        self._late = 0  # calls of this window that may have been counted in the next
        self._left: list[float] = []  # when the calls in flight left
        # learning
        self._since = now  # the budget was empty (or, `_full_from`, full) then
        self._full_from = True
        self._calls = 0
        self._climb = 0.0
        self._climb_at = now
        self._probe_at = math.inf
        self._probe: _Probe | None = None
        self._episode = False
        self._single = False  # the first refusal met the second call: nothing can be saved up

    # ------------------------------------------------------------------------------------------------ asking

    def left(self, now: float) -> float:
        """Calls that may leave now; a fraction counts towards the next one. 0.0 while shut."""
        if now < self.shut_until:
            return 0.0
        self._turn(now)
        if self._alone(now):
            return 0.0
        if self.shape == "bucket":
            return self._level - self.flights
        return self._level

    def ready(self, now: float, calls: float = 1.0) -> float:
        """When `left` will be `calls` if nothing else is spent; infinity: not before a call in flight is answered."""
        free = self.left(now)
        if free >= calls - _HAIR and now >= self.shut_until:
            return now
        if self._alone(now):
            return self.used_at + SLOW
        if self.shape == "bucket":
            if calls > self.burst - self.flights:
                return math.inf
            at = max(now, self.shut_until)
            missing = calls - (self._level_at(at) - self.flights)
            return max(at, at + missing / self.rate)
        if now < self.shut_until:
            return self.shut_until
        return self._ends if self._opened and self._ends < math.inf else math.inf

    def _alone(self, now: float) -> bool:
        """After a refusal one call goes alone until one has been let through."""
        return self._episode and self.flights > 0 and now - self.used_at < SLOW

    def closes_in(self, now: float) -> float:
        """Window: seconds until calls that leave now may be counted in the next window. A fresh one: its length."""
        self._turn(now)
        if not self._opened:
            return self.period
        early = min(self._ends_early, self._ends)
        return (early if early < math.inf else now + self.period) - now

    def open_at(self, now: float) -> bool:
        """Window: whether one is open, or being opened by a call in flight."""
        self._turn(now)
        return self._opened

    @property
    def learned(self) -> bool:
        """Whether this is no longer the rule's figure."""
        rule = self.bucket.rule
        return self.told_by_headers or self.rate != rule.rate or self.burst != rule.burst

    # ------------------------------------------------------------------------------------------------ telling

    def book(self, now: float) -> None:
        """A call leaves."""
        self._turn(now)
        self.flights += 1
        self._left.append(now)
        self.used_at = now
        if self.shape == "window":
            if not self._opened:
                self._open(now)
            elif self._doubtful:
                # If no call from before the border has opened this window, this one will.
                self._ends, self._doubtful = math.inf, False
            self._level -= 1.0

    def unbook(self, now: float) -> None:
        """A booked call was not made after all."""
        self._turn(now)
        self._arrived(now)
        if self.shape == "window":
            self._level += 1.0

    def landed(self, now: float, left_at: float) -> None:
        """Its answer is here (or nobody waits for it any more): it was counted at some time since `left_at`."""
        self._turn(now)
        self._arrived(left_at)
        self.trip = max(min(now - left_at, 1.0), 0.9 * self.trip)
        self._count(now, left_at)
        if self.shape == "bucket":
            self._level = max(-self.burst, self._level - 1.0)
            return
        if now > self._ends_early:
            self._late += 1  # counted in this window, or in the next already
        if left_at >= self._sure_from:
            self._ends = min(self._ends, now + self.period)
        elif self._doubtful and self.flights == 0:
            # Only calls from before the border: if one of them opened this window, it did so by now.
            self._ends = now + self.period

    def _arrived(self, left_at: float) -> None:
        self.flights -= 1
        if left_at in self._left:
            self._left.remove(left_at)
        elif self._left:
            self._left.pop()

    def _count(self, now: float, left_at: float) -> None:
        self._calls += 1
        if left_at >= self.shut_until:
            self._episode = False
        if self._probe is not None:
            self._probe.calls += 1
            self._judge_probe(now)

    def spent(self, now: float) -> None:
        """Somebody else's call of this budget."""
        self._turn(now)
        self.used_at = now
        self._calls += 1
        if self.shape == "window" and not self._opened:
            self._open(now)
            self._ends = now + self.period
        self._level = max(-float(self.burst), self._level - 1.0)

    def refused(self, now: float, retry_after: float, left_at: float | None = None) -> None:
        """A 429. Nothing was counted. `left_at`: when our own call left; None for somebody else's."""
        if left_at is not None:
            self._arrived(left_at)
        self.refusals += 1
        fresh = not self._episode and (left_at is None or left_at >= self.shut_until)
        self._turn(now)
        if fresh:
            self.episodes += 1
            if not self.told_by_headers:
                self._learn(now)
        self._episode = True
        self.shut_until = max(self.shut_until, now + retry_after)
        self._level = min(self._level, 0.0)
        if self.shape == "bucket":
            # Whatever its shape, one call is there when Retry-After is over.
            self._level = 1.0
            self._at = self.shut_until
        else:
            self._opened, self._ends, self._ends_early = True, self.shut_until, self.shut_until
            self._level = 0.0

    def told(self, now: float, limit: int, remaining: int, reset_after: float) -> None:
        """Headers: believed. Calls in flight are not in `remaining` yet, but for the one that is just answered."""
        if limit < 1 or reset_after < 0.0:
            return
        self._turn(now)
        self.told_by_headers = True
        ends = now + reset_after
        others = max(0, self.flights - 1)
        # Windows are whole periods apart, and answers may overtake each other.
        same = self._opened and self._ends < math.inf and ends < self._ends + 0.5 * self.period
        doubtful = self._ends == math.inf and min(self._left, default=math.inf) < self._sure_from
        if doubtful and ends < self._sure_from + 0.5 * self.period:
            return  # the answer of a call in the window that is over
        if limit != self.limit:
            if self.shape == "window":
                self._level += limit - self.limit
            self.limit = self.burst = limit
        if self._opened and self._ends == math.inf and self.shape == "window":
            # The first answer of a window says how many calls it really holds, whatever `limit` says: the next
            # window is expected to hold as many.
            self.burst = max(1, min(limit, remaining + 1 + others))
            self.period = max(reset_after, 0.05)
        used = limit - remaining
        if used == 1 or reset_after > self.period:
            # The first call of a window is answered with the window's length.
            self.period = max(reset_after, 0.05)
        self.rate = self.burst / self.period
        if self.shape == "bucket":
            self._level = float(remaining) + (1 if self.flights else 0)
            self._at = now
            return
        self._level = min(self._level, float(remaining)) if same else float(remaining - others)
        if not same:
            self._late = 0
        self._opened, self._doubtful = True, False
        self._ends = ends
        self._ends_early = min([now - self.trip, *self._left]) + reset_after

    # ------------------------------------------------------------------------------------------------ time

    def _level_at(self, now: float) -> float:
        return min(float(self.burst), self._level + max(0.0, now - self._at) * self.rate)

    def _turn(self, now: float) -> None:
        """Bring the state to `now`."""
        if self.shape == "bucket":
            if self._climb or self._probe_at < now:
                self._rise(now)
            if now > self._at:
                self._level = self._level_at(now)
                self._at = now
                if self._level >= self.burst and not self.flights and now - self.used_at > _REST:
                    # Full: what is counted from here on began with a whole burst.
                    self._since, self._full_from, self._calls = now, True, 0
        elif self._opened and now >= self._ends:
            # Calls that may have arrived after this window's end are in the next one, and may have opened it.
            doubtful = self._late + self.flights
            self._level = float(self.burst - doubtful)
            self._opened = self._doubtful = doubtful > 0
            self._ends_early = self._ends_early + self.period if doubtful else math.inf
            self._ends = math.inf if self.flights or not doubtful else now + self.period
            self._late = 0
            self._sure_from = now

    def _open(self, now: float) -> None:
        self._opened, self._doubtful = True, False
        self._ends = math.inf
        self._ends_early = now + self.period

    # ------------------------------------------------------------------------------------------------ learning

    def _learn(self, now: float) -> None:
        """What a refusal teaches a budget that has no headers."""
        rule = self.bucket.rule
        if self.shape == "window":
            # No headers, and fewer calls per window than assumed: let through so many as were, one fewer each time.
            self.burst = max(1, min(self.burst - 1, round(self.burst * 0.7)))
            self.period = rule.burst / rule.rate
            self.rate = self.burst / self.period
            return
        # Of the calls in flight some have arrived already.
        time, calls = max(now - self._since, 1e-3), self._calls + 0.5 * self.flights
        probed, self._probe = self._probe is not None, None
        if self._full_from:
            if calls >= self.burst + 3:
                measured = (calls - self.burst + 0.5) / time
                self.burst = max(1, self.burst // 2)
                self._settle(now, max(0.5 * _FLOOR * rule.rate, min(measured, 0.95 * self.rate)))
            else:
                # It came within what we took for the burst: that is not to be trusted, and the rate is unknown.
                self._single = calls <= 1
                self.burst = max(1, round(calls - 0.5 * rule.rate * time))
                self.rate = min(self.rate, _FLOOR * rule.rate)
                self._climb, self._climb_at = _CLIMB * rule.rate, now
        elif calls >= _ENOUGH or probed:
            measured = calls / time
            if self._single and not probed:
                # Nothing can be saved up, so what was not spent is lost, and the count says too little.
                measured = max(measured, 0.9 * self.rate)
            if not probed:
                self.burst = max(1, self.burst // 2)
            self._settle(now, max(0.02 * rule.rate, min(measured, rule.rate)))
        else:
            self.rate = max(0.02 * rule.rate, min(0.7 * self.rate, max(calls, 0.5) / time))
            self._climb, self._climb_at = _CLIMB * rule.rate / 3, now
        self._since, self._full_from, self._calls = now, False, 0

    def _settle(self, now: float, rate: float) -> None:
        """Believe a measurement: begin a little under it and creep so that the whole is spent by the next probe."""
        under = min(0.1 * rate, 4.0 * _SAVED / PROBE_AFTER)
        self.rate = rate - under
        self._climb = 2.0 * under / PROBE_AFTER
        self._climb_at = now
        self._probe_at = now + PROBE_AFTER

    def _rise(self, now: float) -> None:
        """The slow way back: creep, and after `PROBE_AFTER` seconds try twice the rate."""
        top = self.bucket.rule.rate
        if now > self._climb_at:
            if self._climb:
                self._level = self._level_at(now)
                self._at = max(self._at, now)
                self.rate = min(top, self.rate + self._climb * (now - self._climb_at))
            self._climb_at = now
        if self.rate >= top:
            self._climb, self._probe_at, self._probe = 0.0, math.inf, None
        elif now >= self._probe_at and self._probe is None:
            self._probe = _Probe(now, self.rate)
            self._climb = 0.0
            self._probe_at = math.inf
            self.rate = min(top, 2.0 * self.rate)

    def _judge_probe(self, now: float) -> None:
        probe = self._probe
        if probe is None:
            return
        explained = self.bucket.rule.burst + 2 + probe.base * (now - probe.since)
        if probe.calls <= explained:
            return
        # More went through than the learned limit can explain: it has risen.
        top = self.bucket.rule.rate
        if self.rate >= top:
            self._probe = None
        else:
            self._probe = _Probe(now, self.rate)
            self.rate = min(top, 2.0 * self.rate)

    # ------------------------------------------------------------------------------------------------ memory

    def export(self, now: float) -> Learned:
        """What a restart should know. `left`: calls left now."""
        return Learned(
            rate=self.rate,
            burst=self.burst,
            period=self.period,
            left=max(0.0, self.left(now)),
            told=self.told_by_headers,
        )

    def restore(self, learned: Learned, now: float, elapsed: float) -> None:
        """Take up what `export` said `elapsed` seconds ago; older than `REMEMBER`, it is not believed."""
        if not 0.0 <= elapsed <= REMEMBER:
            return
        self.burst = max(1, int(learned["burst"]))
        self.rate = float(learned["rate"])
        self.period = float(learned["period"])
        self.told_by_headers = bool(learned["told"])
        if self.shape == "bucket":
            self._level = min(float(self.burst), float(learned["left"]) + elapsed * self.rate)
            self._at = now
            if not self.told_by_headers and self.rate < self.bucket.rule.rate:
                self._settle(now, self.rate)
        elif elapsed < self.period:
            self._opened, self._level = True, float(learned["left"])
            self._ends = self._ends_early = now + self.period - elapsed
        self._since, self._full_from, self._calls = now, False, 0
