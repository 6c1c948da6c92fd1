"""What no policy can beat. Law: a bound is on the safe side; where it is not exact it is below the truth.

Fluid (steady state): while replies of speeds rho are live, the characters' lag grows by (sum sqrt rho)^2 / (2 r) a
second, with r edits a second divided at will, no burst, no end. Over a load: its integral over the number of
characters, plus the time of one call. A bucket's burst may bring a policy below it, for it is the bound of the steady
state; for a load that is saturated for long it is what matters.

Clairvoyant: the least mean lag that a scheduler could reach who knows every character in advance. Each reply's first
message costs no edit and may be posted at any time; after it edits are sent so that the budget lets all of them
through. The exact optimum is not known: `foresight.py` bounds it from below (that is the figure which policies are
compared with, so every ratio errs against them), and `schedule.py` finds a schedule that is possible, above it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from bench.foresight import Effort, least_lag
from bench.loads import Load, Speech
from bench.schedule import possible_lag
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


VERSION = 3  # of the clairvoyant reference: stored ones of another version are computed anew


@dataclass(frozen=True, slots=True)
class Clairvoyant:
    """The least mean lag is at least `bound`, and at most `possible`, seconds, with one call."""

    bound: float
    possible: float


def clairvoyant(
    setting: Setting, load: Load, effort: Effort | None = None, *, tries: int = 60_000
) -> Clairvoyant:
    """What a scheduler who knows every character could reach, from below and from above."""
    possible = possible_lag(setting.edit, load, tries)
    bound = least_lag(setting.edit, load, possible, effort)
    return Clairvoyant(bound / load.characters + CALL, possible / load.characters + CALL)
