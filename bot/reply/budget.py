"""One budget as a platform counts it, and what we have learned of it. Law: no call is made that it would refuse.

Two shapes (`ports.Rule`): a *bucket* of `burst` tokens that refills at `rate`, and a *window* of `burst` calls that
opens at its first call and lasts `burst / rate` seconds.

A call is counted when it reaches the platform, some time between leaving here and its answer. So it is booked twice:
when it leaves it takes its token, and until the answer is here it may still arrive, so a bucket goes on being capped
as if the call had not arrived, and a window as if it had not opened. That is the whole safety margin: the call's
*phase* is taken at its latest, its *rate* is not reduced at all (a 10% margin on the rate costs 12-14% of lag).

How the figures are learned:

* Headers (`told`) are believed at once and exactly: limit, calls left, seconds until all are back. Where calls are refused
  all the same, again and again, there is a limit under theirs that they do not tell of (`evidence.Undertow`).
* Without headers there is only the refusal: `lessons.py` says what it teaches.
"""

from __future__ import annotations

import math
from typing import Literal

from bot.ports import Bucket
from bot.reply.evidence import Sluice, Undertow
from bot.reply.lessons import PACED, Lessons, Taught

_HAIR = 1e-9  # a call that waits exactly 1/rate must not be late for a rounding error

# A call that takes longer than this no longer keeps others from leaving: one that hangs must not freeze a channel.
SLOW = 3.0

# After a refusal one call goes alone until it is answered, for so long: budgets that are shut are often slow as well.
_ALONE = 10.0
# How long what was learned is worth keeping over a restart.
REMEMBER = 600.0
# Seconds without a call after which a full budget counts as rested: what follows begins with a whole burst.
_REST = 30.0
# Without headers a window that was made smaller has one call more after so many seconds.
REGAIN = 600.0
# What seems slower than this share of the rule's rate is no limit that headers fail to tell of, but trouble.
_LEAST_UNDER = 0.2
# A wait that proves too short is doubled from here on, whatever the platform says, to a cap.
_AGAIN = 0.5
_AGAIN_MOST = 30.0


class Learned(Taught):
    """What survives a restart: plain data."""

    rate: float
    burst: int
    period: float
    left: float
    told: bool


class Budget:
    """One budget. Every method takes `now`; nothing here waits."""

    __slots__ = (
        "_again", "_at", "_doubtful", "_ends", "_ends_early", "_episode", "_heard", "_late", "_left", "_lessons", "_level",
        "_opened", "_regain_at", "_sluice", "_sure_from", "_under", "bucket", "burst", "episodes", "flights", "limit", "period",
        "rate", "refusals", "shape", "shut_until", "told_by_headers", "trip", "used_at",
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
        # Calls that may have been counted in the next window, less those of whom headers tell that they were not.
        self._late = 0
        self._left: list[float] = []  # when the calls in flight left
        # learning
        # What headers said last: when, calls left, seconds until all are back.
        self._heard: tuple[float, int, float] | None = None
        # Windows come with headers, or are made smaller by hand: a thousand channels need no lessons.
        self._lessons = Lessons(rule, now) if rule.shape == "bucket" else None
        self._regain_at = math.inf
        self._sluice: Sluice | None = None
        self._under = Undertow(_LEAST_UNDER * rule.rate)
        self._episode = False
        self._again = 0  # refusals of a call that went alone, one after the other

    # ------------------------------------------------------------------------------------------------ asking

    def left(self, now: float) -> float:
        """Calls that may leave now; a fraction counts towards the next one. 0.0 while shut."""
        if now < self.shut_until:
            return 0.0
        self._turn(now)
        if self._alone(now):
            return 0.0
        free = self._level
        if self.shape == "bucket":
            free -= self.flights
            if self._sluice is not None:
                free = min(free, self._sluice.room(now, self.flights))
        return free if self._under.window is None else min(free, self._under.window.room(now, self.flights))

    def ready(self, now: float, calls: float = 1.0) -> float:
        """When `left` will be `calls` if nothing else is spent; infinity: not before a call in flight is answered."""
        free = self.left(now)
        if free >= calls - _HAIR and now >= self.shut_until:
            return now
        if self._alone(now):
            return self.used_at + _ALONE
        if self.shape == "bucket":
            if calls > self.burst - self.flights:
                return math.inf
            at = max(now, self.shut_until)
            missing = calls - (self._level_at(at) - self.flights)
            at = max(at, at + missing / self.rate)
            for each in (self._sluice, self._under.window):
                if each is not None:
                    at = max(at, each.opens(now, self.flights, math.ceil(calls - _HAIR)))
            return at
        if now < self.shut_until:
            return self.shut_until
        at = self._ends if self._opened else math.inf
        if self._under.window is None:
            return at
        opens = self._under.window.opens(now, self.flights, math.ceil(calls - _HAIR))
        return opens if self._level >= calls - _HAIR else max(at, opens)

    def _alone(self, now: float) -> bool:
        """After a refusal one call goes alone until one has been let through."""
        return self._episode and self.flights > 0 and now - self.used_at < _ALONE

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
        if left_at >= self.shut_until:
            self._episode, self._again = False, 0
        self._passed(now, 0.5 * (left_at + now))

    def _passed(self, now: float, arrived: float) -> None:
        if self.told_by_headers:
            self._under.passed(now, arrived)
            if self._sluice is not None:
                self._sluice.passed(now)
        elif self._lessons is not None:
            self._lessons.passed(now, arrived)

    def spent(self, now: float) -> None:
        """Somebody else's call of this budget."""
        self._turn(now)
        self.used_at = now
        self._passed(now, now)
        if self.shape == "window" and not self._opened:
            self._open(now)
            self._ends = now + self.period
        self._level = max(-float(self.burst), self._level - 1.0)

    def refused(self, now: float, retry_after: float, left_at: float | None = None) -> None:
        """A 429. Nothing was counted. `left_at`: when our own call left; None for somebody else's."""
        if left_at is not None:
            self._arrived(left_at)
        self.refusals += 1
        late = left_at is not None and left_at < self.shut_until
        fresh = not self._episode and not late
        self._turn(now)
        if fresh:
            self.episodes += 1
            if not self.told_by_headers:
                self._learn(now, retry_after)
            else:
                if left_at is not None:
                    self._under.refused(now, retry_after)
                if self._sluice is not None:
                    self._stand()
        elif not late:
            # The wait that we were told was too short.
            self._again += 1
            retry_after = max(retry_after, min(_AGAIN_MOST, _AGAIN * 2.0 ** min(self._again, 9)))
            if self._lessons is not None and not self.told_by_headers:
                self._lessons.waits(now + retry_after)
                self._heed(self._lessons)
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
        if self._slides(now, limit, remaining, reset_after):
            return
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
        if same and now > self._ends_early:
            self._late -= 1  # the call whose answer this is was in time, however late it will land

    def _slides(self, now: float, limit: int, remaining: int, reset_after: float) -> bool:
        """Whether this is no window that ends, but one that slides: each call comes back for itself.

        It tells the same time until all are back again and again, while fewer and fewer are left.
        """
        before, self._heard = self._heard, (now, remaining, reset_after)
        if self._sluice is None:
            if self.shape == "bucket" or before is None:
                return False
            at, left, whole = before
            apart = min(self._left, default=-math.inf) - at  # that much at least lies between the two
            usual = self.bucket.rule.burst / self.bucket.rule.rate
            steady = abs(reset_after - whole) < 0.05 * whole and whole > 0.9 * usual
            if not (steady and remaining < left and 0.15 * whole < apart and now < at + whole):
                return False
            self.shape, self._sluice = "bucket", Sluice(limit, reset_after)
            self.limit, self.burst = limit, min(limit, PACED)
            self._level, self._at = float(min(remaining, self.burst)), now
        elif reset_after < 0.8 * self._sluice.period:
            self._stand()
            return False
        elif limit != self._sluice.size:
            self._sluice = Sluice(limit, reset_after)
        self.rate, self.period = limit / reset_after, reset_after
        self._sluice.told(now, limit - remaining - (1 if self.flights else 0))
        return True

    def _stand(self) -> None:
        """It does not slide after all."""
        self.shape, self._sluice, self._opened, self.burst = "window", None, False, self.limit

    # ------------------------------------------------------------------------------------------------ time

    def _level_at(self, now: float) -> float:
        return min(float(self.burst), self._level + max(0.0, now - self._at) * self.rate)

    def _turn(self, now: float) -> None:
        """Bring the state to `now`."""
        if self.shape == "bucket":
            lessons = None if self.told_by_headers else self._lessons
            if lessons is not None and lessons.stirs(now):
                self._level = self._level_at(now)
                self._at = max(self._at, now)
                lessons.pass_time(now)
                self._heed(lessons)
            if now > self._at:
                self._level = self._level_at(now)
                self._at = now
                whole = self._level >= self.burst and not self.flights and now - self.used_at > _REST
                if whole and lessons is not None:
                    lessons.rested(now)
                    self._heed(lessons)
                    self._level = float(self.burst)
        elif self._opened and now >= self._ends:
            if now >= self._regain_at and not self.told_by_headers:
                self.burst = min(self.bucket.rule.burst, self.burst + 1)
                self.rate = self.burst / self.period
                self._regain_at = now + REGAIN
            # Calls that may have arrived after this window's end are in the next one, and may have opened it.
            doubtful = max(0, self._late + self.flights)
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

    def _learn(self, now: float, wait: float) -> None:
        """What a refusal teaches a budget that has no headers."""
        rule = self.bucket.rule
        if self._lessons is not None:
            # Of the calls in flight some have arrived already.
            self._lessons.refused(now, wait, 0.5 * self.flights, 2.0 * self.trip)
            self._heed(self._lessons)
            return
        # Fewer calls per window than assumed: let through so many as were, one fewer each time.
        self.burst = max(1, min(self.burst - 1, round(self.burst * 0.7)))
        self.period = rule.burst / rule.rate
        self.rate = self.burst / self.period
        self._regain_at = now + REGAIN

    def _heed(self, lessons: Lessons) -> None:
        self.rate, self.burst, self._sluice = lessons.rate, lessons.burst, lessons.sluice

    # ------------------------------------------------------------------------------------------------ memory

    def export(self, now: float) -> Learned:
        """What a restart should know. `left`: calls left now."""
        learned = Learned(
            rate=self.rate,
            burst=self.burst,
            period=self.period,
            left=max(0.0, self.left(now)),
            told=self.told_by_headers,
        )
        if self._lessons is not None and not self.told_by_headers:
            return {**learned, **self._lessons.export(now)}
        return learned

    def restore(self, learned: Learned, now: float, elapsed: float) -> None:
        """Take up what `export` said `elapsed` seconds ago; older than `REMEMBER`, it is not believed."""
        rate, left = float(learned["rate"]), float(learned["left"])
        if not 0.0 <= elapsed <= REMEMBER or not 0.0 < rate < math.inf:
            return
        self.rate = rate
        self.burst = max(1, int(learned["burst"]))
        self.period = float(learned["period"])
        self.told_by_headers = bool(learned["told"])
        if self.shape == "bucket":
            if self._lessons is not None and not self.told_by_headers:
                self._lessons.restore(learned, rate, self.burst, left, now, elapsed)
                self._heed(self._lessons)
            self._level = min(float(self.burst), left + elapsed * self.rate)
            self._at = now
            return
        self._regain_at = now + REGAIN
        if elapsed < self.period:
            self._opened, self._level = True, left
            self._ends = self._ends_early = now + self.period - elapsed
