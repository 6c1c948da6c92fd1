"""Limits that the bot has not been told: another size, another shape. Law: what is true is asked of the platform only.

A budget is saturated for thirty virtual minutes by replies that follow each other without a gap. The true limit is a
share of what the bot assumes, or has another shape at the same rate, or comes back in the middle, or falls; the
platform gives no headers (Slack's way), so refusals are all there is to learn from. And Discord's headers tell twice
the assumed limit.

`python -m bench.learning` prints the rows, and for every minute at which a limit may come back whether it was used
within five: with one refusal in ten minutes not every minute can be (`bot/reply/lessons.py` says why).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace

from bench.loads import Load, Speech, speak
from bench.policies import Ours
from bench.simulation import CALL, DISCORD, SLACK, Setting, World
from sandbox.limits import Gate, Limit, Shape

MINUTES = 30
LIVE = 8  # replies at a time
USED = 0.9  # of a limit that has come back, within five minutes
# Posts are not what is measured here.
_FREE = Limit("chat.postMessage", 50.0, 100, "bucket", "guessed", "out of the way of what is measured")


@dataclass(frozen=True, slots=True)
class Learned:
    """One case. `episodes`: (minute) of each refusal episode; `ratio`: lag over the true limit's fluid bound."""

    case: str
    episodes_first_minute: int
    episodes_after: int
    episodes: list[float]
    ratio_from_minute_2: float
    worst_minute: float
    used_after_return: float | None
    characters_lost: int
    last_edit_p95: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def crowd(minutes: float = MINUTES, live: int = LIVE) -> Load:
    """`live` replies at every time, of mixed speed, 150 s each, one after the other: a steady state."""
    speeches: list[Speech] = []
    for lane in range(live):
        start = round(lane * 18.7, 1)
        number = 0
        while start < minutes * 60 - 151:
            speed = 30.0 * 20.0 ** (((5 * lane + 3 * number) % 8) / 7)
            speeches.append(speak(start, (150.0, speed)))
            start = round(start + 150.1, 1)
            number += 1
    return Load(f"crowd-{live}", tuple(speeches), at_once=False)


def scaled(limit: Limit, share: float, *, burst: bool) -> Limit:
    """The limit at a share of its rate, and of its burst if so asked."""
    return replace(
        limit,
        rate=limit.rate * share,
        burst=max(1, math.floor(limit.burst * share)) if burst else limit.burst,
    )


def run(
    case: str,
    setting: Setting,
    true: Limit,
    load: Load,
    *,
    returns_at: float | None = None,
    falls_at: float = 0.0,
    minutes: int = MINUTES,
) -> Learned:
    """The load against a limit that is `true` from `falls_at` on; at `returns_at` it is the assumed one again. Seconds.

    Minute 2, from which the lag is measured, is the second after a fall and the fifth after a return.
    """
    world = World(replace(setting, post=_FREE), load, edit=setting.edit if falls_at else true)
    ours = Ours(world)
    if falls_at:
        world.at(falls_at, lambda: _set(world, true))
    if returns_at is not None:
        world.at(returns_at, lambda: _set(world, setting.edit))
    used: list[tuple[float, int]] = []
    if returns_at is not None:
        for after in (240.0, 300.0):
            world.at(returns_at + after, lambda: used.append((world.now, world.edits)))
    ours.run()
    episodes = world.episodes("edit", gap=8.0)
    share = None
    if len(used) == 2:
        (begin, first), (end, second) = used
        share = (second - first) / (end - begin) / setting.edit.rate
    ratios = _ratios(world, load, true if returns_at is None else setting.edit, minutes)
    late = ratios[int(falls_at / 60) + 2 :] if returns_at is None else ratios[int(returns_at / 60) + 5 :]
    total = sum(lag for lag, _ in late) / max(1e-9, sum(bound for _, bound in late))
    return Learned(
        case,
        sum(when < 60 for when in episodes),
        sum(when >= 60 for when in episodes),
        [round(when / 60, 1) for when in episodes],
        round(total, 3),
        round(max((lag / bound for lag, bound in late), default=0.0), 3),
        None if share is None else round(share, 3),
        world.lost,
        round(sorted(world.last_edits())[int(0.95 * load.replies)], 2),
    )


def _set(world: World, limit: Limit) -> None:
    world.gates["edit"] = Gate(limit)


def _ratios(world: World, load: Load, limit: Limit, minutes: int) -> list[tuple[float, float]]:
    """Per minute of the load's body: (lag of the characters seen in it, what the fluid bound gives them)."""
    root = [0.0] * minutes
    for speech in load.speeches:
        speed = speech.length / (speech.end - speech.start)
        for minute in range(minutes):
            inside = min(speech.end, 60.0 * (minute + 1)) - max(speech.start, 60.0 * minute)
            root[minute] += math.sqrt(speed) * max(0.0, inside) / 60.0
    lag, characters = [0.0] * minutes, [0] * minutes
    for when, total, count in world.lag_log:
        if when < 60.0 * minutes:
            lag[int(when / 60)] += total
            characters[int(when / 60)] += count
    body = range(minutes - 1)
    return [
        (lag[m], root[m] ** 2 / (2 * limit.rate) * 60.0 + characters[m] * CALL) for m in body if characters[m]
    ]


@dataclass(frozen=True, slots=True)
class Case:
    """One row to run."""

    name: str
    setting: Setting
    true: Limit
    returns_at: float | None = None
    falls_at: float = 0.0

    def run(self) -> Learned:
        """Against the crowd."""
        return run(
            self.name, self.setting, self.true, crowd(), returns_at=self.returns_at, falls_at=self.falls_at
        )


def _rows() -> Iterator[Case]:
    edit = SLACK.edit
    yield Case("slack-as-assumed", SLACK, edit)
    for share in (0.35, 0.5, 0.8):
        yield Case(f"slack-rate-x{share}", SLACK, scaled(edit, share, burst=False))
        yield Case(f"slack-rate-and-burst-x{share}", SLACK, scaled(edit, share, burst=True))
    for minute in (10, 15, 20):
        yield from _returns(minute, (0.35, 0.5))
    yield Case("slack-x0.35-falls-at-10-min", SLACK, scaled(edit, 0.35, burst=False), falls_at=600.0)
    shapes: tuple[Shape, ...] = ("single", "sliding", "fixed")
    for shape in shapes:
        yield Case(f"slack-shape-{shape}", SLACK, replace(edit, shape=shape))
    for shape in shapes[1:]:
        yield Case(f"slack-shape-{shape}-50-a-minute", SLACK, replace(edit, shape=shape, burst=50))
    for shape in ("single", "sliding", "bucket"):
        yield Case(f"discord-shape-{shape}", DISCORD, replace(DISCORD.edit, shape=shape))
    for share in (0.35, 0.5, 0.8):
        yield Case(f"discord-x{share}", DISCORD, scaled(DISCORD.edit, share, burst=False))
    yield Case("discord-headers-tell-twice", DISCORD, replace(DISCORD.edit, rate=2.0, burst=10))


def _returns(minute: int, shares: tuple[float, ...]) -> Iterator[Case]:
    for share in shares:
        true = scaled(SLACK.edit, share, burst=False)
        yield Case(f"slack-x{share}-back-at-{minute}-min", SLACK, true, returns_at=minute * 60.0)


def _all(some: list[Case]) -> Iterator[Learned]:
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        yield from pool.map(Case.run, some)


def cases() -> Iterator[Learned]:
    """Every row."""
    yield from _all(list(_rows()))


def returns(shares: tuple[float, ...] = (0.35, 0.5, 0.8)) -> Iterator[Learned]:
    """A limit that comes back at each whole minute from 5 to 24: what of it is used in the fifth minute after."""
    yield from _all([case for minute in range(5, 25) for case in _returns(minute, shares)])


def report() -> None:
    """Every row, and how many of the returns were noticed in time."""
    for each in cases():
        back = "" if each.used_after_return is None else f"{each.used_after_return:.0%}"
        print(
            f"{each.case:36}{', '.join(map(str, each.episodes)):48}{each.ratio_from_minute_2:7.3f}{back:>7}"
        )
    found = list(returns())
    late = [each for each in found if (each.used_after_return or 0.0) < USED]
    print(
        f"\n{len(found) - len(late)} of {len(found)} returns were used to {USED:.0%} within five minutes; not so:"
    )
    for each in late:
        print(f"  {each.case:34}{each.used_after_return:.0%}")


if __name__ == "__main__":
    report()
