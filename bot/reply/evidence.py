"""What a budget without headers has let through and refused, and which limits would have done the same.

A refusal says one thing exactly: at that moment the budget was empty. Retry-After says, to the second, when one call
will be there again. Law: a limit that would have answered otherwise, even once, is not believed.

* A *window* (so many calls in any stretch of so many seconds, or in each) either explains every answer or does not:
  it lets through so many and refuses the next, whatever came before.
* The *rate* of a bucket follows from two refusals: what went through between them is what came in, for both began and
  ended empty. Retry-After sharpens both ends from one call to one second. With one refusal only, the burst that it
  began with is a guess, and so is the rate.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

# Calls remembered one by one: more than a minute of the fastest budget that has no headers. A longer stretch is
# measured by its last calls.
_CALLS = 128
_STEPS = 24  # halvings: a rate to a ten-millionth
# Retry-After comes in whole seconds, rounded up: on the whole half a second of it was not needed.
_ROUNDED = 0.5
_HAIR = 1e-9
_BELIEVED = 600.0  # seconds, of a limit that headers do not tell of


class Sluice:
    """A window that we found out: no more than `size` calls in any `period` seconds, each counted at its latest."""

    __slots__ = ("_recent", "period", "size")

    def __init__(self, size: int, period: float, calls: Iterable[float] = ()) -> None:
        self.size = size
        self.period = period
        self._recent = deque(calls, maxlen=size)  # when each was answered

    def passed(self, now: float) -> None:
        """A call was let through."""
        self._recent.append(now)

    def room(self, now: float, flights: int) -> float:
        """Calls that may leave now, with so many under way."""
        recent = self._recent
        while recent and recent[0] <= now - self.period + _HAIR:
            recent.popleft()
        return float(self.size - len(recent) - flights)

    def opens(self, now: float, flights: int, calls: int) -> float:
        """When there will be room for so many; infinity: not before a call under way is answered."""
        lacking = calls - int(self.room(now, flights))
        if lacking <= 0:
            return now
        return self._recent[lacking - 1] + self.period if lacking <= len(self._recent) else math.inf

    def told(self, now: float, used: int) -> None:
        """The platform has counted so many: those that were not ours came just now, for all we know."""
        self.room(now, 0)
        for _ in range(used - len(self._recent)):
            self._recent.append(now)


class Undertow:
    """A limit under the one that headers tell of: calls are refused although some are left.

    Once may be anything. Where it happens again, what was let through since the first time is a window of so many calls,
    and it is believed for a while, or until it is corrected by a further refusal.
    """

    __slots__ = ("_began", "_calls", "_least", "_met", "_recent", "_until", "window")

    def __init__(self, least: float) -> None:
        """`least`: calls a second, what seems slower is no limit of this kind."""
        self._least = least
        self._met = False
        self._calls = 0  # let through since it was met
        self._began = math.inf  # the first of them
        self._recent: deque[float] = deque(maxlen=_CALLS)
        self._until = -math.inf
        self.window: Sluice | None = None

    def passed(self, now: float, arrived: float) -> None:
        """A call was let through. `arrived`: when, about; `now`: at the latest."""
        if not self._met:
            return
        self._began = min(self._began, arrived)
        self._calls += 1
        self._recent.append(now)
        if self.window is not None:
            self.window = self.window if now < self._until else None
            if self.window is not None:
                self.window.passed(now)

    def refused(self, now: float, wait: float) -> None:
        """A call that should have been let through was not; one will be after `wait`."""
        period = now + wait - self._began
        if self._calls and self._calls >= self._least * period:
            self.window = Sluice(self._calls, period, self._recent)
            self._until = now + _BELIEVED
        self._met, self._calls, self._began = True, 0, math.inf
        self._recent.clear()


class Evidence:
    """The calls of one budget since it was full (or since something unknown), and its latest refusal."""

    __slots__ = ("_calls", "_full", "count", "refused", "since", "wait")

    def __init__(self, now: float, *, full: bool) -> None:
        self._calls: deque[float] = deque(maxlen=_CALLS)  # when each arrived, about
        self._full = full  # at `since`; otherwise nobody knows
        self.wait = 0.0  # the Retry-After that it began with
        self.since = now  # this stretch began then
        self.count = 0
        self.refused = False  # whether it began with a refusal

    def call(self, at: float) -> None:
        """One was let through."""
        self.count += 1
        self._calls.append(at)

    def refuse(self, now: float, wait: float) -> None:
        """A new stretch begins, with an empty budget."""
        self.since, self.count, self.refused, self.wait, self._full = now, 0, True, wait, False

    def calls(self) -> list[float]:
        """When each of the latest calls arrived, about."""
        return list(self._calls)

    def idle(self, now: float) -> float:
        """Seconds since the last call that was let through; 0.0 while there was none, for others may have called."""
        return now - self._calls[-1] if self._calls else 0.0

    def span(self, now: float) -> float:
        """Seconds since the first call of this stretch that is remembered."""
        return now - next(iter(self._stretch()), now)

    def _stretch(self) -> list[float]:
        calls = list(self._calls)
        return calls[max(0, len(calls) - self.count) :]

    # ------------------------------------------------------------------------------------------------ windows

    def window(
        self, candidates: Iterable[tuple[int, float]], now: float, wait: float, slack: float
    ) -> tuple[int, float] | None:
        """The first of these windows (calls, seconds) that explains what was let through and that `now` is refused.

        `wait`: Retry-After; a window that would ask for less is not it. `slack`: how late a call may be counted.
        """
        if not self._full or self.count > len(self._calls):
            return None
        for size, period in candidates:
            for opens in (self._slides(size, period, now, slack), self._steps(size, period, now, slack)):
                if opens < math.inf and now + wait <= opens + 1.0 + slack:
                    return size, period
        return None

    def _slides(self, size: int, period: float, now: float, slack: float) -> float:
        """When the next call passes, if it is at most `size` in any stretch of `period`; infinity: it is not."""
        calls = list(self._calls)
        if any(late - early < period - slack for early, late in zip(calls, calls[size:], strict=False)):
            return math.inf
        opens = calls[-size] + period if len(calls) >= size else -math.inf
        return opens if opens > now - slack else math.inf

    def _steps(self, size: int, period: float, now: float, slack: float) -> float:
        """The same, if it is at most `size` in each window of `period`, which opens at its first call."""
        opened, used = -math.inf, 0
        for at in self._calls:
            if at - opened >= period or (used >= size and at - opened >= period - slack):
                opened, used = at, 0
            used += 1
            if used > size:
                return math.inf
        return opened + period if used >= size and now - opened < period + slack else math.inf

    # ------------------------------------------------------------------------------------------------ buckets

    def rate(self, burst: int, now: float, wait: float, *, flying: float, most: float) -> float:
        """Tokens a second of a bucket of `burst` that let this stretch through and is empty now.

        `wait`: Retry-After. `flying`: calls under way that may have been counted. `most`: no rate over this.
        """
        stretch = self._stretch()
        low, high = 0.0, most
        for _ in range(_STEPS):
            rate = 0.5 * (low + high)
            if self._left(stretch, burst, rate, now) - flying > part_left(rate, wait):
                high = rate
            else:
                low = rate
        return 0.5 * (low + high)

    def _left(self, stretch: list[float], burst: int, rate: float, now: float) -> float:
        """Tokens now of such a bucket."""
        at = self.since
        level = part_left(rate, self.wait) if self.refused else float(burst)
        if self.count > len(stretch):
            # What there was when the first call that we remember came, nobody knows: a little.
            at, level = stretch[0], min(2.0, 0.5 * burst)
        for each in stretch:
            if each > at:
                level += rate * (each - at)
                at = each
            level = min(level, burst) - 1.0
        return min(float(burst), level + rate * (now - at))


def part_left(rate: float, wait: float) -> float:
    """The part of a token that was there when a call was told to wait so long."""
    rounded = _ROUNDED if float(wait).is_integer() else 0.0
    return min(1.0, max(0.0, 1.0 - rate * max(0.0, wait - rounded)))
