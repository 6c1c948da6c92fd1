"""What no policy can beat. Law: a bound is on the safe side; where it is not exact it is below the truth.

Fluid (steady state): while replies of speeds rho are live, the characters' lag grows by (sum sqrt rho)^2 / (2 r) a
second, with r edits a second divided at will, no burst, no end. Over a load: its integral over the number of
characters, plus the time of one call. A bucket's burst may bring a policy below it, for it is the bound of the steady
state; for a load that is saturated for long it is what matters.

Clairvoyant: the least mean lag that a scheduler could reach who knows every character in advance. Each reply's first
message costs no edit and may be posted at any time; after it edits are sent so that by no time more have been sent
than the budget can have let through since the load began. That is an integer program; its Lagrangian dual is convex
and is maximised here by subgradients: edits get a price that only falls with time, each reply is then a shortest path
(solved exactly, with the convex hull trick), and every price gives a lower bound of the true optimum.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

from bench.loads import STEP, Load, Speech
from bench.simulation import CALL, Setting


def fluid(setting: Setting, load: Load, *, call: float = CALL) -> float:
    """Mean lag of the steady state, seconds, with one call."""
    moments = sorted({0.0} | {speech.start for speech in load.speeches} | {s.end for s in load.speeches})
    rate, total = setting.edit.rate, 0.0
    for begin, end in pairwise(moments):
        # Where a reply's speed changes the two halves are looked at for themselves.
        pieces = 40
        width = (end - begin) / pieces
        for piece in range(pieces):
            at = begin + (piece + 0.5) * width
            root = sum(math.sqrt(_speed(speech, at)) for speech in load.speeches)
            total += root * root / (2 * rate) * width
    return total / load.characters + call


def _speed(speech: Speech, at: float) -> float:
    """Characters a second around this time."""
    if not speech.start <= at <= speech.end:
        return 0.0
    times = [time for time, _ in speech.fragments]
    here = bisect_right(times, at)
    low, high = max(0, here - 10), min(len(times) - 1, here + 10)
    if high <= low:
        return 0.0
    return (speech.fragments[high][1] - speech.fragments[low][1]) / (times[high] - times[low])


class _Path:
    """One reply's cheapest times of display, given what an edit costs at each time."""

    def __init__(self, speech: Speech, grid: int) -> None:
        self.first = round(speech.start / STEP)
        self.end = round(speech.end / STEP)
        self.grid = grid
        # said[k]: characters said by grid time k; moment[k]: the sum of the times when they were said
        self.said = [0.0] * (grid + 1)
        self.moment = [0.0] * (grid + 1)
        before = 0
        by_time = {round(time / STEP): count for time, count in speech.fragments}
        for k in range(1, grid + 1):
            count = by_time.get(k, before)
            self.said[k] = float(count)
            self.moment[k] = self.moment[k - 1] + (count - before) * k * STEP
            before = count

    def best(self, price: list[float]) -> tuple[float, list[int]]:
        """(lag and prices paid, grid times of the edits). The first display is a post and costs nothing."""
        said, moment, first, end = self.said, self.moment, self.first, self.end
        # value[k]: cheapest way in which everything said by k has been displayed, the last display at k.
        # From j to k: k * (said_k - said_j) - (moment_k - moment_j): lines in k, with slope -said_j.
        hull: list[tuple[float, float, int]] = []
        at = 0
        value: dict[int, float] = {}
        came: dict[int, int] = {}
        lowest, lowest_at = math.inf, -1
        for k in range(first, self.grid + 1):
            post = k * STEP * said[k] - moment[k]
            best, source = post, -1
            if hull:
                x = k * STEP
                at = min(at, len(hull) - 1)
                while at + 1 < len(hull) and _line(hull[at + 1], x) <= _line(hull[at], x):
                    at += 1
                edit = _line(hull[at], x) + x * said[k] - moment[k] + price[k]
                if edit < best:
                    best, source = edit, hull[at][2]
            value[k], came[k] = best, source
            if k >= end and best < lowest:
                lowest, lowest_at = best, k
            if k < end:
                line = (-said[k], best + moment[k], k)
                while len(hull) >= 2 and _useless(hull[-2], hull[-1], line):
                    hull.pop()
                hull.append(line)
            elif price[k] <= price[-1]:
                break
        edits = []
        k = lowest_at
        while came[k] >= 0:
            edits.append(k)
            k = came[k]
        return lowest, edits


def _line(line: tuple[float, float, int], x: float) -> float:
    return line[0] * x + line[1]


def _useless(a: tuple[float, float, int], b: tuple[float, float, int], c: tuple[float, float, int]) -> bool:
    return (c[1] - a[1]) * (a[0] - b[0]) <= (b[1] - a[1]) * (a[0] - c[0])


VERSION = 2  # of the clairvoyant bound: stored bounds of another version are computed anew


def clairvoyant(setting: Setting, load: Load, rounds: int = 120) -> float:
    """A lower bound of the least mean lag, seconds, with one call."""
    start = min(speech.start for speech in load.speeches)
    last = max(speech.end for speech in load.speeches)
    grid = round((last + 12.0) / STEP)
    paths = [_Path(speech, grid) for speech in load.speeches]
    room = [_let_through(setting, k * STEP - start) for k in range(grid + 1)]
    # A price that falls with time is a sum of steps: step m lasts until grid time knots[m].
    knots = list(range(round(start / STEP), grid + 1, 10))
    steps = [0.0] * len(knots)
    goal = 0.9 * (fluid(setting, load) - CALL) * load.characters
    best, scale, stale = 0.0, 1.0, 0
    for _ in range(rounds):
        price, total = [0.0] * (grid + 1), 0.0
        m = len(knots) - 1
        for k in range(grid, -1, -1):
            while m >= 0 and knots[m] >= k:
                total += steps[m]
                m -= 1
            price[k] = total
        value = -sum(step * room[knot] for step, knot in zip(steps, knots, strict=True))
        sent: list[int] = []
        for path in paths:
            cost, edits = path.best(price)
            value += cost
            sent.extend(edits)
        sent.sort()
        if value > best + 1e-9:
            best, stale = value, 0
        else:
            stale += 1
            if stale >= 8:
                scale, stale = scale / 2, 0
        slope = [bisect_right(sent, knot) - room[knot] for knot in knots]
        # A step that is nought cannot fall further.
        slope = [s if s > 0 or step > 0 else 0.0 for s, step in zip(slope, steps, strict=True)]
        norm = sum(s * s for s in slope)
        if norm == 0.0:
            break
        length = scale * max(goal - value, 1e-3 * goal) / norm
        steps = [max(0.0, step + length * s) for step, s in zip(steps, slope, strict=True)]
    return best / load.characters + CALL


def _let_through(setting: Setting, elapsed: float) -> float:
    """At most so many edits can have been sent so long after the first fragment, from a rested budget."""
    limit = setting.edit
    if limit.shape == "fixed":
        # The first message is a post, so the first edit, which opens the first window, comes a fragment later.
        return (
            limit.burst * (1 + math.floor((elapsed - STEP) / limit.window + 1e-9)) if elapsed >= STEP else 0.0
        )
    # Edits are on the grid here: a token that comes between two of its points may be spent at the one before.
    return limit.burst + limit.rate * (elapsed + STEP)
