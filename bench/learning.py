"""Limits that the bot has not been told: another size, another shape. Law: what is true is asked of the platform only.

A budget is saturated for thirty virtual minutes by replies that follow each other without a gap. The true limit is a
share of what the bot assumes, or has another shape at the same rate, or comes back in the middle; the platform gives
no headers (Slack's way), so refusals are all there is to learn from. And Discord's headers tell twice the assumed
limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from bench.loads import Load, Speech, speak
from bench.policies import Ours
from bench.simulation import CALL, DISCORD, SLACK, Setting, World
from sandbox.limits import Gate, Limit, Shape

MINUTES = 30
LIVE = 8  # replies at a time
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
    minutes: int = MINUTES,
) -> Learned:
    """The load against a true limit; at `returns_at` seconds it becomes the assumed one again."""
    world = World(replace(setting, post=_FREE), load, edit=true)
    ours = Ours(world)
    if returns_at is not None:
        world.at(returns_at, lambda: _give_back(world, setting.edit))
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
    late = ratios[2:] if returns_at is None else ratios[int(returns_at / 60) + 5 :]
    total = sum(lag for lag, _ in late) / max(1e-9, sum(bound for _, bound in late))
    return Learned(
        case,
        sum(when < 60 for when in episodes),
        sum(when >= 60 for when in episodes),
        [round(when / 60, 1) for when in episodes],
        round(total, 3),
        round(max(lag / bound for lag, bound in late), 3),
        None if share is None else round(share, 3),
        world.lost,
        round(sorted(world.last_edits())[int(0.95 * load.replies)], 2),
    )


def _give_back(world: World, limit: Limit) -> None:
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


def cases() -> Iterator[Learned]:
    """Every row."""
    load = crowd()
    yield run("slack-as-assumed", SLACK, SLACK.edit, load)
    for share in (0.35, 0.5, 0.8):
        yield run(f"slack-rate-x{share}", SLACK, scaled(SLACK.edit, share, burst=False), load)
        yield run(f"slack-rate-and-burst-x{share}", SLACK, scaled(SLACK.edit, share, burst=True), load)
    for minute in (10, 15, 20):
        for share in (0.35, 0.5):
            true = scaled(SLACK.edit, share, burst=False)
            yield run(f"slack-x{share}-back-at-{minute}-min", SLACK, true, load, returns_at=minute * 60.0)
    shapes: tuple[Shape, ...] = ("single", "sliding", "fixed")
    for shape in shapes:
        yield run(f"slack-shape-{shape}", SLACK, replace(SLACK.edit, shape=shape), load)
    for shape in ("single", "sliding", "bucket"):
        yield run(f"discord-shape-{shape}", DISCORD, replace(DISCORD.edit, shape=shape), load)
    for share in (0.35, 0.5, 0.8):
        yield run(f"discord-x{share}", DISCORD, scaled(DISCORD.edit, share, burst=False), load)
    double = replace(DISCORD.edit, rate=2.0, burst=10)
    yield run("discord-headers-tell-twice", DISCORD, double, load)
