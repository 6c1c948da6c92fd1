"""What a decision costs: real time per `Send` and per `want`, with many replies in one budget."""

from __future__ import annotations

import gc
import statistics
import time

from bot.ports import Bucket, Rule
from bot.reply.pacing import Item, Pacer, Send

_REPLIES = (20, 1000)
_SENDS = 400


def measure() -> dict[str, float]:
    """Microseconds, medians of many: `send_20_us`, `send_1000_us`, `want_us`; and whether a shut budget wakes."""
    results: dict[str, float] = {}
    for replies in _REPLIES:
        results[f"send_{replies}_us"] = round(_per_send(replies), 1)
    wants, woken = _per_want()
    results["want_us"] = round(wants, 2)
    results["woken_while_shut"] = float(woken)
    return results


def _crowd(replies: int) -> tuple[Pacer, list[Item], Rule]:
    rule = Rule(50 / 60, 10, "bucket", "observed", "bench")
    pacer = Pacer()
    bucket = (Bucket("T1:chat.update", rule),)
    items = [pacer.join(number, "edit", bucket, 0.0, growing=True) for number in range(replies)]
    return pacer, items, rule


def _per_send(replies: int) -> float:
    pacer, items, rule = _crowd(replies)
    now, total, costs = 0.0, 0, []
    for _ in range(_SENDS):
        now += 1.0 / rule.rate
        total += 60
        for number, item in enumerate(items):
            pacer.want(item, total + number % 37, now)
        gc.disable()
        begin = time.perf_counter_ns()
        step = pacer.next(now)
        cost = time.perf_counter_ns() - begin
        gc.enable()
        if isinstance(step, Send):
            costs.append(cost / 1000)
            pacer.sent(step.item, now + 0.1)
    return statistics.median(costs)


def _per_want() -> tuple[float, int]:
    pacer, items, _ = _crowd(20)
    now, total = 1.0, 100
    for item in items:
        pacer.want(item, total, now - 0.5)
    while isinstance(step := pacer.next(now), Send):
        # The budget is shut: nobody need be woken for as long as that lasts.
        pacer.refused(step.item, now, 3600.0)
    pacer.next(now)
    costs, woken = [], 0
    for _ in range(200):
        total += 4
        begin = time.perf_counter_ns()
        for item in items:
            woken += pacer.want(item, total, now)
        costs.append((time.perf_counter_ns() - begin) / 1000 / len(items))
        now += 0.0001
    return statistics.median(costs), woken
