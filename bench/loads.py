"""The loads that the pacing bench runs, fixed. Law: a load says when each character is said, and nothing else.

{1, 3, 5, 10, 20, 50} replies x {at once, staggered by 5 s} x {equal, mixed, one fast among slow, slow then fast},
10 to 50 s long, and 50 seeded staggered cases of one to three replies, which are small enough for an optimum that
knows the future.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

STEP = 0.1  # seconds between Claude's fragments: ten a second
COUNTS = (1, 3, 5, 10, 20, 50)
ARRIVALS = {"at-once": 0.0, "staggered": 5.0}
SPEEDS = ("equal", "mixed", "one-fast", "slow-then-fast")
SEEDED = 50


@dataclass(frozen=True, slots=True)
class Speech:
    """One reply: fragments of Claude's text, as (when said, characters said by then). The last one ends it."""

    fragments: tuple[tuple[float, int], ...]

    @property
    def start(self) -> float:
        return self.fragments[0][0]

    @property
    def end(self) -> float:
        return self.fragments[-1][0]

    @property
    def length(self) -> int:
        return self.fragments[-1][1]


@dataclass(frozen=True, slots=True)
class Load:
    """Replies that share one edit budget. `steady`: speeds do not change, so that the fluid bound holds of it."""

    name: str
    speeches: tuple[Speech, ...]
    at_once: bool
    steady: bool = True

    @property
    def replies(self) -> int:
        return len(self.speeches)

    @property
    def characters(self) -> int:
        return sum(speech.length for speech in self.speeches)


def speak(start: float, *parts: tuple[float, float]) -> Speech:
    """Text from `start` on, at `speed` characters a second for `seconds`, part after part."""
    fragments: list[tuple[float, int]] = []
    said, step = 0.0, 0
    first = round(start / STEP)
    for seconds, speed in parts:
        for _ in range(round(seconds / STEP)):
            step += 1
            said += speed * STEP
            fragments.append(((first + step) * STEP, round(said)))
    return Speech(tuple(fragments))


def main_loads() -> Iterator[Load]:
    """The 48 loads of the table."""
    for count in COUNTS:
        for arrival, gap in ARRIVALS.items():
            for speeds in SPEEDS:
                speeches = tuple(_speech(speeds, i, count, i * gap) for i in range(count))
                yield Load(
                    f"{count}-{arrival}-{speeds}",
                    speeches,
                    at_once=gap == 0.0,
                    steady=speeds != "slow-then-fast",
                )


def _speech(speeds: str, i: int, count: int, start: float) -> Speech:
    # 7 and 11 are prime to every count: neighbours differ, and every value comes once.
    share = ((7 * i) % count) / max(1, count - 1)
    other = ((11 * i + count // 2) % count) / max(1, count - 1)
    if speeds == "equal":
        return speak(start, (30.0, 120.0))
    if speeds == "mixed":
        if count == 1:
            share = other = 0.5
        return speak(start, (10.0 + round(400 * other) / 10, 30.0 * 20.0**share))
    if speeds == "one-fast":
        return speak(start, (40.0, 600.0 if i == 0 else 40.0))
    return speak(start, (20.0, 60.0), (20.0, 180.0))


def seeded_loads() -> Iterator[Load]:
    """50 cases of one to three replies that start up to 15 s apart; 10-50 s, 30-600 characters a second."""
    for number in range(SEEDED):
        rng = random.Random(1000 + number)
        start, speeches = 0.0, []
        for _ in range(rng.choice((1, 2, 2, 3, 3, 3))):
            speed = 30.0 * 20.0 ** rng.random()
            speeches.append(speak(start, (rng.randint(100, 500) / 10, speed)))
            start = round(start + rng.uniform(1.0, 15.0), 1)
        yield Load(f"staggered-case-{number + 1:02}", tuple(speeches), at_once=False)


def ending_at_once(count: int = 20, seconds: float = 40.0) -> Load:
    """Replies of mixed speed that all end in the same moment."""
    speeches = tuple(
        speak(0.0, (seconds, 30.0 * 20.0 ** (((7 * i) % count) / (count - 1)))) for i in range(count)
    )
    return Load(f"{count}-ending-at-once-{seconds:g}", speeches, at_once=True)
