"""A schedule that is possible, by one who knows every character in advance. Law: it keeps the limit to the call.

It stands beside the bound of `bench/foresight.py`: the truth lies between them. It is found by simulated annealing from
a fixed seed: edits are put in, taken out, moved, handed to another reply, or moved together, and the lag is exact.
Times are a grid of `STEP`, on which a display between two points would show nothing more.
"""

from __future__ import annotations

import math
import random
from bisect import insort
from collections.abc import Sequence
from itertools import pairwise

from bench.foresight import Displays
from bench.loads import STEP, Load
from sandbox.limits import Gate, Limit

_HOT, _COLD = 0.004, 0.004 / 300  # temperatures at the beginning and at the end, seconds of mean lag
_PATIENCE = 60.0  # seconds after the last end in which everything is displayed, whatever the limit
_STEPS = (-8, -5, -3, -2, -1, 1, 2, 3, 5, 8)


def allowed(limit: Limit, times: Sequence[int]) -> bool:
    """Whether edits at these grid times, in order, would all be let through."""
    gate = Gate(limit)
    return all(gate.take(k * STEP).allowed for k in times)


def _bucket(limit: Limit, times: Sequence[int]) -> bool:
    level, at, drip = float(limit.burst), 0, limit.rate * STEP
    for k in times:
        level = min(limit.burst, level + (k - at) * drip) - 1.0
        at = k
        if level < -1e-9:
            return False
    return True


def _window(limit: Limit, times: Sequence[int]) -> bool:
    size, closes, left = round(limit.window / STEP), -1, 0
    for k in times:
        if k >= closes:
            closes, left = k + size, limit.burst
        left -= 1
        if left < 0:
            return False
    return True


class Schedule:
    """When each reply is displayed: grid times, the first one a post, the last one at its end or later."""

    def __init__(self, limit: Limit, load: Load, seed: int) -> None:
        self.limit = limit
        self.fits = {"bucket": _bucket, "fixed": _window}.get(limit.shape, allowed)
        self.random = random.Random(seed)
        self.grid = round((max(speech.end for speech in load.speeches) + _PATIENCE) / STEP)
        self.replies = [Displays(speech, self.grid) for speech in load.speeches]
        self.characters = load.characters
        self.times = [[reply.first] for reply in self.replies]
        edits: list[int] = []
        for number in sorted(range(len(self.replies)), key=lambda number: self.replies[number].end):
            k = max(self.replies[number].end, self.times[number][0] + 1)
            while not self.fits(limit, sorted([*edits, k])):
                k += 1
            insort(edits, k)
            self.times[number].append(k)
        self.lags = [self._lag(number, times) for number, times in enumerate(self.times)]

    def improve(self, tries: int) -> float:
        """The smallest lag of all characters, summed, that was met on the way; the schedule is left where it is."""
        lag = best = sum(self.lags)
        for number in range(tries):
            warmth = self.characters * _HOT * (_COLD / _HOT) ** (number / tries)
            change = self._change()
            if change is None:
                continue
            lags = {reply: self._lag(reply, times) for reply, times in change.items()}
            new = lag + sum(value - self.lags[reply] for reply, value in lags.items())
            if new > lag and self.random.random() >= math.exp((lag - new) / warmth):
                continue
            edits = sorted(k for reply, times in enumerate(self.times) for k in change.get(reply, times)[1:])
            if not self.fits(self.limit, edits):
                continue
            for reply, times in change.items():
                self.times[reply], self.lags[reply] = times, lags[reply]
            lag = new
            best = min(best, lag)
        return best

    def _lag(self, number: int, times: Sequence[int]) -> float:
        reply, before, lag = self.replies[number], 0, 0.0
        for k in times:
            lag += reply.lag(before, k)
            before = k
        return lag

    def _change(self) -> dict[int, list[int]] | None:
        """Some replies' new times; None: what was drawn makes no sense."""
        draw = self.random.random()
        if draw < 0.25:
            change = self._put_in()
        elif draw < 0.60:
            change = self._move()
        elif draw < 0.80:
            change = self._hand_over(0 if draw < 0.65 else 30)
        else:
            change = self._move_together()
        for number, times in change.items():
            reply = self.replies[number]
            in_order = all(earlier < later for earlier, later in pairwise(times))
            if not in_order or times[0] < reply.first or not reply.end <= times[-1] < self.grid:
                return None
        return change

    def _any(self) -> tuple[int, list[int]]:
        number = self.random.randrange(len(self.times))
        return number, list(self.times[number])

    def _put_in(self) -> dict[int, list[int]]:
        number, times = self._any()
        insort(times, self.random.randint(self.replies[number].first + 1, self.replies[number].end + 3))
        return {number: times}

    def _move(self) -> dict[int, list[int]]:
        number, times = self._any()
        k = times.pop(self.random.randrange(len(times)))
        insort(times, k + self.random.choice(_STEPS))
        return {number: times}

    def _hand_over(self, far: int) -> dict[int, list[int]]:
        """Take one out, and put one in not `far` from it, perhaps elsewhere."""
        number, times = self._any()
        if len(times) < 3:
            return {}
        k = times.pop(self.random.randrange(1, len(times) - 1)) + self.random.randint(-far, far)
        other, theirs = self._any()
        if other == number:
            theirs = times
        insort(theirs, k)
        return {number: times, other: theirs}

    def _move_together(self) -> dict[int, list[int]]:
        """All edits of a stretch of time, so that a window opens earlier or later."""
        begin = self.random.randrange(self.grid)
        end = begin + self.random.choice((30, 50, 100, self.grid))
        by = self.random.choice((-3, -2, -1, 1, 2, 3))
        return {
            number: [times[0], *sorted(k + by if begin <= k < end else k for k in times[1:])]
            for number, times in enumerate(self.times)
        }


def possible_lag(limit: Limit, load: Load, tries: int = 60_000, seeds: int = 2) -> float:
    """The lag of all characters, summed, without calls, of the best schedule found."""
    return min(Schedule(limit, load, seed).improve(tries) for seed in range(seeds))
