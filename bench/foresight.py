"""The least lag of a scheduler who knows every character in advance, bounded from below. Law: never above the truth.

What is decided: when each reply is displayed. Its first display is a post, costs no edit and may come at any time; the
others are edits, and the budget must let all of them through. Time is a grid of `STEP`: a display between two points is
taken at the earlier one, where it shows as much, and the budget is widened by that much, so that nothing possible is
lost. With a price for an edit at each time the replies part: each is a shortest path, solved exactly (`Displays`). The
value of all paths less what the budget could earn at these prices is a lower bound, whatever the prices; the best
prices are sought by subgradients (`_ascend`), so that stopping early weakens a bound but never spoils it.

Bucket: at most floor(burst + rate x length) edits in any stretch of time; each such stretch may have its price. All
stretches would describe the bucket exactly; here they begin at the start and every `_APART` points after it.

Window: what the budget could earn is exact, over all ways to open windows one after the other. That alone would
let the bound mix windows of different phases, so it is the root of a branch and bound on when the first, second, third
window opens, the node of the smallest bound first. It ends when the smallest bound is within `_CLOSE` of a schedule
that is known to be possible (`bench/schedule.py`), or when the effort is spent.

What is left between bound and truth is the paths' integrality and the widening by a point; `bounds.json` keeps both
the bound and the lag of the schedule found, so that the gap is seen.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

from bench.loads import STEP, Load, Speech
from sandbox.limits import Limit

_AFTER = 12.0  # seconds after the last end that are looked at; later displays are free of charge
_APART = 25  # grid points between the stretches of a bucket that have a price
_WIDTH = 4  # grid points of a window's prices
_CLOSE = 0.004  # a bound so near to what is possible is not pursued
_NEVER = -math.inf

Box: TypeAlias = tuple[int, int]  # a window opens at one of these grid points, both included
Stretch: TypeAlias = tuple[int, int, int]  # from, to (both included), and how many edits fit
Slope: TypeAlias = Callable[[list[float]], tuple[float, list[float]]]


@dataclass(frozen=True, slots=True)
class Effort:
    """Rounds of the subgradient at the root and at each node, and nodes of the branch and bound."""

    root: int = 500
    node: int = 80
    nodes: int = 20


class Displays:
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

    def lag(self, earlier: int, k: int) -> float:
        """Seconds of lag, summed, of the characters that a display at k shows after one at `earlier`."""
        return k * STEP * (self.said[k] - self.said[earlier]) - self.moment[k] + self.moment[earlier]

    def best(self, price: list[float]) -> tuple[float, list[int]]:
        """(lag and prices paid, grid times of the edits). The first display is a post and costs nothing."""
        said, moment, first, end = self.said, self.moment, self.first, self.end
        # value[k]: cheapest way in which everything said by k has been displayed, the last display at k.
        # From j to k: k * (said_k - said_j) - (moment_k - moment_j): lines in k, with slope -said_j.
        hull: list[tuple[float, float, int]] = []
        at = 0
        came: dict[int, int] = {}
        lowest, lowest_at, cheapest = math.inf, -1, min(price[end:])
        for k in range(first, self.grid + 1):
            x = k * STEP
            best, source = x * said[k] - moment[k], -1
            if hull:
                at = min(at, len(hull) - 1)
                while at + 1 < len(hull) and _line(hull[at + 1], x) <= _line(hull[at], x):
                    at += 1
                edit = _line(hull[at], x) + best + price[k]
                if edit < best:
                    best, source = edit, hull[at][2]
            came[k] = source
            if k < end:
                line = (-said[k], best + moment[k], k)
                while len(hull) >= 2 and _useless(hull[-2], hull[-1], line):
                    hull.pop()
                hull.append(line)
                continue
            if best < lowest:
                lowest, lowest_at = best, k
            if price[k] <= cheapest:
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


def least_lag(limit: Limit, load: Load, possible: float, effort: Effort | None = None) -> float:
    """A lower bound of the lag of all characters, summed, without calls. `possible`: one that can be had."""
    effort = effort or Effort()
    start = round(min(speech.start for speech in load.speeches) / STEP)
    grid = round((max(speech.end for speech in load.speeches) + _AFTER) / STEP)
    replies = [Displays(speech, grid) for speech in load.speeches]
    # The first fragment is displayed by a post at the earliest, so the first edit comes a point later.
    bound, price = _stretch_prices(limit, replies, start + 1, grid, possible, effort)
    if limit.shape == "fixed":
        return max(bound, Windows(limit, replies, start + 1, grid).search(price, possible, effort))
    return bound


def _ascend(
    slope: Slope, weights: list[float], possible: float, rounds: int, *, floor: float = _NEVER
) -> tuple[float, list[float]]:
    """The largest value found, and the weights (none negative) that give it. Polyak's steps, halved when stuck."""
    best, best_weights, scale, stale = floor, weights, 1.0, 0
    for _ in range(rounds):
        value, rise = slope(weights)
        if value > best:
            stale = 0 if value > best + 1e-4 * possible else stale + 1
            best, best_weights = value, weights
            if best >= (1.0 - _CLOSE) * possible:
                break
        else:
            stale += 1
        if stale >= 15:
            # Back to the best, and from there along the slope found here: another one than led away from it.
            scale, stale, weights = 0.6 * scale, 0, best_weights
        # A weight that is nought cannot fall further.
        rise = [r if r > 0.0 or w > 0.0 else 0.0 for r, w in zip(rise, weights, strict=True)]
        norm = sum(r * r for r in rise)
        if norm == 0.0:
            break
        step = scale * max(possible - value, 1e-3 * possible) / norm
        weights = [max(0.0, w + step * r) for w, r in zip(weights, rise, strict=True)]
    return best, best_weights


# ------------------------------------------------------------------------------------------------- stretches


def _stretch_prices(
    limit: Limit, replies: Sequence[Displays], start: int, grid: int, possible: float, effort: Effort
) -> tuple[float, list[float]]:
    """(bound, the price of an edit at each time). First the stretches that begin at the start, then all."""
    weights: list[float] = []
    found = _NEVER
    price: list[float] = []
    for begins in ([start], range(start, grid - _APART, _APART)):
        stretches = [
            each for begin in begins for each in _stretches(limit, begin, grid, fresh=begin == start)
        ]
        weights += [0.0] * (len(stretches) - len(weights))

        def prices(weights: list[float], stretches: list[Stretch] = stretches) -> tuple[float, list[float]]:
            steps, cost = [0.0] * (grid + 1), 0.0
            for weight, (begin, end, room) in zip(weights, stretches, strict=True):
                if weight:
                    steps[begin] += weight
                    steps[end + 1] -= weight
                    cost += weight * room
            price = [max(0.0, each) for each in accumulate(steps)]
            price[grid] = 0.0
            return cost, price

        def slope(weights: list[float], stretches: list[Stretch] = stretches) -> tuple[float, list[float]]:
            cost, price = prices(weights, stretches)
            value = -cost
            edits = [0] * (grid + 2)
            for reply in replies:
                cost, times = reply.best(price)
                value += cost
                for k in times:
                    edits[k + 1] += 1
            by = list(accumulate(edits))
            return value, [float(by[end + 1] - by[begin] - room) for begin, end, room in stretches]

        found, weights = _ascend(slope, weights, possible, effort.root, floor=found)
        _, price = prices(weights, stretches)
    return found, price


def _stretches(limit: Limit, begin: int, grid: int, *, fresh: bool) -> list[Stretch]:
    """Stretches from `begin` on: the longest ones of each number of edits. `fresh`: none came before."""
    size = round(limit.window / STEP)

    def room(end: int) -> int:
        if limit.shape == "fixed":
            # Where windows may be open already, one closes at once.
            return limit.burst * ((end - begin) // size + (1 if fresh else 2))
        # Up to the point after, for displays were taken a point early; not the moment itself.
        return math.floor(limit.burst + limit.rate * STEP * (end - begin + 1) - 1e-6)

    return [
        (begin, end, room(end)) for end in range(begin, grid) if end == grid - 1 or room(end + 1) > room(end)
    ]


# ---------------------------------------------------------------------------------------------------- window


# (bound, number, boxes, prices, how windows were opened in the last rounds)
_Node: TypeAlias = tuple[float, int, tuple[Box, ...], list[float], list[list[int]]]


class Windows:
    """Branch and bound on when the windows open."""

    def __init__(self, limit: Limit, replies: Sequence[Displays], first: int, grid: int) -> None:
        self.burst, self.size = limit.burst, round(limit.window / STEP)
        self.replies, self.first, self.grid = replies, first, grid
        self.openings: deque[list[int]] = deque(maxlen=40)

    def search(self, price: list[float], possible: float, effort: Effort) -> float:
        """The smallest bound of all nodes that are left. `price`: where to begin."""
        prices = [sum(price[k : k + _WIDTH]) / _WIDTH for k in range(0, self.grid, _WIDTH)]
        bound, prices = self._bound((), prices, possible, effort.root, _NEVER)
        nodes: list[_Node] = [(bound, 0, (), prices, list(self.openings))]
        count = 0
        while count < effort.nodes and nodes[0][0] < (1.0 - _CLOSE) * possible:
            bound, _, boxes, prices, openings = nodes[0]
            parts = self._split(boxes, openings)
            if parts is None:
                break
            heapq.heappop(nodes)
            for part in parts:
                count += 1
                lower, mine = self._bound(part, prices, possible, effort.node, bound)
                if lower < math.inf:
                    heapq.heappush(nodes, (lower, count, part, mine, list(self.openings)))
        return nodes[0][0]

    def _split(self, boxes: tuple[Box, ...], openings: list[list[int]]) -> list[tuple[Box, ...]] | None:
        """In two, the first window whose opening is not agreed upon, or may be anywhere; None: there is none."""
        for number in range(min((len(each) for each in openings), default=0)):
            times = sorted(each[number] for each in openings)
            low, middle, high = times[len(times) // 10], times[len(times) // 2], times[-1 - len(times) // 10]
            if number < len(boxes):
                begin, end = boxes[number]
            else:
                begin, end = (boxes[-1][0] + self.size if boxes else self.first), self.grid
            if begin == end or (high - low < 2 and end < self.grid):
                continue
            cut = (begin + end + 1) // 2 if end < self.grid else max(begin + 1, min(middle + 1, self.grid))
            head, tail = boxes[:number], boxes[number + 1 :]
            return [(*head, (begin, cut - 1), *tail), (*head, (cut, end), *tail)]
        return None

    def _bound(
        self, boxes: tuple[Box, ...], prices: list[float], possible: float, rounds: int, floor: float
    ) -> tuple[float, list[float]]:
        grid, knots = self.grid, len(prices)
        self.openings.clear()

        def slope(prices: list[float]) -> tuple[float, list[float]]:
            price = [prices[k // _WIDTH] for k in range(grid)]
            price.append(0.0)
            value, rise = 0.0, [0.0] * (knots + 1)
            earned, spent, opened = self.earn(price, boxes)
            if earned == _NEVER:
                return math.inf, rise[:knots]
            value -= earned
            for k, calls in spent:
                rise[k // _WIDTH] -= calls
            for reply in self.replies:
                cost, edits = reply.best(price)
                value += cost
                for k in edits:
                    rise[k // _WIDTH] += 1.0
            self.openings.append(opened)
            return value, rise[:knots]

        return _ascend(slope, prices, possible, rounds, floor=floor)

    def earn(
        self, price: list[float], boxes: tuple[Box, ...]
    ) -> tuple[float, list[tuple[int, int]], list[int]]:
        """The most that windows could be sold for: (earned, [(grid time, calls)], openings).

        Window number n opens within `boxes[n]`; one whose box reaches the end of the grid, and those after the last
        box, may also not open. Negative infinity: it cannot be done.
        """
        size, grid, more = self.size, self.grid, self.burst - 1
        # A window's other calls are worth most at the dearest time before it closes. It may close a point late.
        dearest, ahead = [0] * (grid + 1), deque[int]()
        for k in range(grid, -1, -1):
            while ahead and price[ahead[-1]] <= price[k]:
                ahead.pop()
            ahead.append(k)
            while ahead[0] > k + size:
                ahead.popleft()
            dearest[k] = ahead[0]
        worth = [price[k] + more * price[dearest[k]] for k in range(grid + 1)]
        free = [0.0] * (grid + size + 2)
        for k in range(grid, self.first - 1, -1):
            free[k] = max(free[k + 1], worth[k] + free[k + size])
        # stages[n][k]: the most that windows from number n on earn if they open at k or later.
        stages, then = [free], free
        for begin, end in reversed(boxes):
            stage = [0.0 if end >= grid else _NEVER] * (grid + size + 2)
            for k in range(end, begin - 1, -1):
                stage[k] = max(stage[k + 1], worth[k] + then[k + size])
            stage[:begin] = [stage[begin]] * begin
            stages.append(stage)
            then = stage
        stages.reverse()
        k, number, opened = self.first, 0, []
        while k <= grid and stages[0][self.first] > _NEVER:
            then = stages[min(number, len(boxes))]
            if then[k] > then[k + 1]:
                opened.append(k)
                k += size
                number += 1
            else:
                k += 1
        spent = [(k, 1) for k in opened] + [(dearest[k], more) for k in opened]
        return stages[0][self.first], spent, opened
