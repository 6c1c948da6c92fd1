"""Who is sent next, and when: the pacer alone, with time as an argument."""

from __future__ import annotations

import heapq
import math
from dataclasses import replace
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from bot.ports import Bucket, Rule
from bot.reply.pacing import Item, Pacer, Rank, Send, Wait

SLACK = Bucket("T1:chat.update", Rule(50 / 60, 10, "bucket", "observed", "reference"))
DISCORD = Bucket("C1:PATCH", Rule(1.0, 5, "window", "observed", "reference"))
POSTS = Bucket("C1:POST", Rule(1.0, 5, "window", "observed", "reference"))
GLOBAL = Bucket("bot", Rule(50.0, 50, "window", "documented", "reference"))
CALL = 0.1


def sends(pacer: Pacer, now: float) -> list[Item]:
    found = []
    while isinstance(step := pacer.next(now), Send):
        found.append(step.item)
    return found


def until(pacer: Pacer, now: float) -> float:
    step = pacer.next(now)
    assert isinstance(step, Wait)
    return step.until


def drained(pacer: Pacer, bucket: Bucket, now: float) -> None:
    """Spend all that the budget has, as somebody else."""
    while pacer.budget(bucket, now).left(now) >= 1.0:
        pacer.spent(bucket, now)


def test_nothing_wanted_is_a_wait_for_ever() -> None:
    """`next` answers; it never guesses."""
    assert until(Pacer(), 0.0) == math.inf


def test_a_last_edit_goes_before_everything() -> None:
    """Law 4: the end is sacred."""
    pacer = Pacer()
    frame = pacer.join("frame", "edit", [SLACK], 0.0, growing=True)
    last = pacer.join("last", "edit", [SLACK], 0.0)
    pacer.want(frame, 100_000, 0.0)
    pacer.demand(last, 1, 50.0, rank=Rank.LAST, growing=False)
    step = pacer.next(50.0)
    assert isinstance(step, Send)
    assert step.item is last


def test_a_token_is_banked_for_the_end_of_each_live_reply() -> None:
    """Frames leave the bank alone; last edits may take it."""
    pacer = Pacer()
    items = [pacer.join(n, "edit", [SLACK], 0.0, growing=True) for n in range(6)]
    now, sent = 0.0, 0
    for _ in range(300):
        now += 0.1
        for item in items:
            pacer.want(item, item.total + 60, now)
        for item in sends(pacer, now):
            pacer.sent(item, now)
            sent += 1
    assert sent >= 25
    for item in items:
        pacer.demand(item, item.total + 1, now, rank=Rank.LAST, growing=False)
    at_once = 0
    for step in range(5):
        for item in sends(pacer, now + step * CALL):
            pacer.sent(item, now + step * CALL)
            at_once += 1
    assert at_once >= 5


def test_the_largest_backlog_times_age_is_next() -> None:
    """The index policy: a fast reply is seen more often than a slow one, in the proportion of the square roots."""
    pacer = Pacer()
    fast = pacer.join("fast", "edit", [SLACK], 0.0, growing=True)
    slow = [pacer.join(n, "edit", [SLACK], 0.0, growing=True) for n in range(7)]
    counts = dict.fromkeys((fast, *slow), 0)
    now = 0.0
    for _ in range(6000):
        now += 0.1
        pacer.want(fast, fast.total + 64, now)
        for item in slow:
            pacer.want(item, item.total + 4, now)
        for item in sends(pacer, now):
            pacer.sent(item, now)
            counts[item] += 1
    ratio = counts[fast] / (sum(counts[item] for item in slow) / 7)
    assert 3.2 <= ratio <= 4.8  # sqrt(640 / 40) = 4


def test_nobody_goes_unseen_for_three_fair_shares() -> None:
    """A reply that has paused with unseen text is shown although its index is tiny."""
    pacer = Pacer()
    fast = [pacer.join(n, "edit", [SLACK], 0.0, growing=True) for n in range(5)]
    paused = pacer.join("paused", "edit", [SLACK], 0.0, growing=True)
    now, wanted_at, seen_at = 0.0, None, None
    for _ in range(1200):
        now = round(now + 0.1, 1)
        for item in fast:
            pacer.want(item, item.total + 60, now)
        if wanted_at is None and now >= 60.0:
            pacer.want(paused, 1, now)
            wanted_at = now
        for item in sends(pacer, now):
            pacer.sent(item, now)
            if item is paused and seen_at is None:
                seen_at = now
    assert wanted_at is not None
    assert seen_at is not None
    assert seen_at - wanted_at <= 3 * 6 / SLACK.rule.rate


def test_what_would_only_lose_a_button_has_no_share() -> None:
    """Full pages that wait to lose theirs neither go before unseen text nor make the share of any longer."""
    pacer = Pacer()
    full = [pacer.join(f"full-{n}", "edit", [SLACK], 0.0) for n in range(8)]
    fast = [pacer.join(n, "edit", [SLACK], 0.0, growing=True) for n in range(5)]
    paused = pacer.join("paused", "edit", [SLACK], 0.0, growing=True)
    now, order = 0.0, []
    while now < 120.0:
        now = round(now + 0.1, 1)
        for item in fast:
            pacer.want(item, item.total + 60, now)
        if now == 50.0:
            for item in full:
                pacer.demand(item, 0, now, growing=False)
        if now == 60.0:
            pacer.want(paused, 1, now)
        for item in sends(pacer, now):
            pacer.sent(item, now)
            order.append((item, now))
    seen_at = next(at for item, at in order if item is paused)
    assert seen_at - 60.0 <= 3 * 6 / SLACK.rule.rate
    assert all(at > seen_at for item, at in order if item in full)
    for item in fast:
        pacer.leave(item, now)
    while now < 180.0:
        now = round(now + 0.1, 1)
        for item in sends(pacer, now):
            pacer.sent(item, now)
            order.append((item, now))
    assert {item for item, _ in order} >= set(full)


def test_a_reply_of_several_messages_is_one_that_waits() -> None:
    """A fair share is a reply's: one whose pages are being closed makes nobody else's share longer."""
    pacer = Pacer()
    long = [pacer.join(f"long-{n // 4}", "edit", [SLACK], 0.0, growing=True) for n in range(8)]
    paused = pacer.join("paused", "edit", [SLACK], 0.0, growing=True)
    now, seen_at = 0.0, None
    while now < 120.0 and seen_at is None:
        now = round(now + 0.1, 1)
        for item in long:
            pacer.want(item, item.total + 60, now)
        if now == 60.0:
            pacer.want(paused, 1, now)
        for item in sends(pacer, now):
            pacer.sent(item, now)
            if item is paused:
                seen_at = now
    assert seen_at is not None
    assert seen_at - 60.0 <= 3 * 3 / SLACK.rule.rate


def test_a_reply_that_has_just_been_seen_goes_before_nobody_with_its_other_messages() -> None:
    """They have waited long, but it is replies that are seen."""
    pacer = Pacer()
    long = [pacer.join("long", "edit", [SLACK], 0.0) for _ in range(3)]
    other = pacer.join("other", "edit", [SLACK], 0.0)
    drained(pacer, SLACK, 0.0)
    pacer.refused_elsewhere(SLACK, 0.0, 40.0)
    for item in long:
        pacer.want(item, 1000, 1.0)
    pacer.want(other, 1, 2.0)
    now, order = 2.0, list[Item]()
    while len(order) < 2:
        now = round(now + 0.1, 1)
        for item in sends(pacer, now):
            pacer.sent(item, now)
            order.append(item)
    assert order == [long[0], other]


def test_posts_go_last_page_then_first_texts_then_continuations() -> None:
    """The rank of the post bucket."""
    pacer = Pacer()
    drained(pacer, POSTS, 0.0)
    more = pacer.join("more", "post", [POSTS], 0.0)
    first = pacer.join("first", "post", [POSTS], 0.0)
    last = pacer.join("last", "post", [POSTS], 0.0)
    pacer.demand(more, 5000, 0.0, rank=Rank.MORE)
    pacer.demand(first, 10, 0.0, rank=Rank.FIRST)
    pacer.demand(last, 10, 0.0, rank=Rank.LAST)
    order: list[object] = []
    now = until(pacer, 0.0)
    while len(order) < 3:
        for item in sends(pacer, now):
            order.append(item.key)
            pacer.sent(item, now + CALL)
        now += CALL
    assert order == ["last", "first", "more"]


def test_at_most_two_calls_are_under_way_in_a_bucket() -> None:
    """More would say less about where the budget stands."""
    pacer = Pacer()
    items = [pacer.join(n, "edit", [SLACK], 0.0) for n in range(5)]
    for item in items:
        pacer.demand(item, 10, 0.0, rank=Rank.LAST, growing=False)
    assert len(sends(pacer, 0.0)) == 2


def test_a_hung_call_makes_room_after_a_while() -> None:
    """Law 3: one call that hangs must not freeze a channel."""
    pacer = Pacer()
    items = [pacer.join(n, "edit", [SLACK], 0.0) for n in range(5)]
    for item in items:
        pacer.demand(item, 10, 0.0, rank=Rank.LAST, growing=False)
    assert len(sends(pacer, 0.0)) == 2
    later = until(pacer, 0.1)
    assert later <= 3.1
    assert len(sends(pacer, later)) >= 1


def test_an_item_is_never_sent_twice_at_once() -> None:
    """One request in flight per message."""
    pacer = Pacer()
    item = pacer.join("a", "edit", [SLACK], 0.0, growing=True)
    pacer.demand(item, 10, 5.0)
    assert sends(pacer, 5.5) == [item]
    pacer.want(item, 5000, 5.55)
    assert sends(pacer, 60.0) == []
    pacer.sent(item, 60.0)
    assert sends(pacer, 60.0) == [item]


def test_a_refusal_shuts_its_bucket_and_no_other() -> None:
    """Law 2, and Retry-After is honoured to the moment."""
    pacer = Pacer()
    here = pacer.join("here", "edit", [SLACK], 0.0)
    there = pacer.join("there", "edit", [DISCORD], 0.0)
    pacer.demand(here, 10, 5.0, rank=Rank.LAST, growing=False)
    assert sends(pacer, 5.0) == [here]
    pacer.refused(here, 5.1, 7.0)
    pacer.demand(there, 10, 5.1, rank=Rank.LAST, growing=False)
    assert sends(pacer, 5.2) == [there]
    assert until(pacer, 5.2) == 12.1
    assert sends(pacer, 12.0) == []
    assert sends(pacer, 12.1) == [here]


def test_want_wakes_nobody_while_the_bucket_is_shut() -> None:
    """A thousand fragments cost nothing while nothing can be sent."""
    pacer = Pacer()
    items = [pacer.join(n, "edit", [SLACK], 0.0, growing=True) for n in range(20)]
    for item in items:
        pacer.want(item, 100, 9.0)
    step = pacer.next(10.0)
    while isinstance(step, Send):
        pacer.refused(step.item, 10.0, 60.0)
        step = pacer.next(10.0)
    woken = [pacer.want(item, 200 + n, 10.1 + n / 100) for n in range(100) for item in items]
    assert not any(woken)
    assert until(pacer, 11.2) >= 70.0


def test_a_secondary_budget_holds_its_calls_back() -> None:
    """Discord's 50 a second for the whole bot stand over every channel."""
    pacer = Pacer()
    tight = Bucket("bot", Rule(1.0, 2, "window", "documented", "reference"))
    items = []
    for n in range(6):
        channel = Bucket(f"C{n}:PATCH", DISCORD.rule)
        items.append(pacer.join(n, "edit", [channel, tight], 0.0))
        pacer.demand(items[-1], 10, 1.0, rank=Rank.LAST, growing=False)
    first = sends(pacer, 1.0)
    assert len(first) == 2
    for item in first:
        pacer.sent(item, 1.1)
    assert until(pacer, 1.1) >= 3.0
    assert len(sends(pacer, 3.2)) == 2


def test_what_was_learned_survives_ten_minutes() -> None:
    """Plain data out, plain data in; older than that it is not believed."""
    pacer = Pacer()
    pacer.told(DISCORD, 0.0, 10, 3, 4.0)
    kept = pacer.export(0.5)
    young, old = Pacer(), Pacer()
    young.restore(kept, 100.0, 60.0)
    old.restore(kept, 100.0, 700.0)
    assert young.budget(DISCORD, 100.0).burst == 10
    assert old.budget(DISCORD, 100.0).burst == 5


def test_what_is_gone_is_forgotten() -> None:
    """Items and budgets leave nothing behind."""
    pacer = Pacer()
    items = [pacer.join(n, "edit", [Bucket(f"C{n}", DISCORD.rule), GLOBAL], 0.0) for n in range(50)]
    for item in items:
        pacer.demand(item, 5, 1.0, rank=Rank.LAST, growing=False)
    for item in sends(pacer, 1.0):
        pacer.sent(item, 1.1)
    for item in items:
        pacer.leave(item, 2.0)
    pacer.forget_idle(4000.0)
    assert pacer.gauges(4000.0) == []
    assert until(pacer, 4000.0) == math.inf


def test_a_call_in_flight_when_its_item_leaves_is_still_accounted_for() -> None:
    """Abandoning a reply gives no token back."""
    pacer = Pacer()
    item = pacer.join("a", "edit", [SLACK], 0.0)
    pacer.demand(item, 10, 1.0, rank=Rank.LAST, growing=False)
    assert sends(pacer, 1.0) == [item]
    pacer.leave(item, 1.05)
    pacer.failed(item, 1.1)
    assert pacer.budget(SLACK, 1.1).left(1.1) < 9.2
    assert pacer.budget(SLACK, 1.1).flights == 0


def test_a_post_that_has_waited_for_its_share_goes_before_last_pages() -> None:
    """Where posts cannot keep up for minutes, nobody is left unseen for the ends of others."""
    pacer = Pacer()
    drained(pacer, POSTS, 0.0)
    hidden = pacer.join("hidden", "post", [POSTS], 0.0)
    pacer.demand(hidden, 3000, 0.0, rank=Rank.MORE, growing=False)
    now, order = 0.0, []
    for number in range(600):
        now = round(now + 0.1, 1)
        if number % 10 == 0 and hidden.key not in order:
            last = pacer.join(f"last-{number}", "post", [POSTS], now)
            pacer.demand(last, 10, now, rank=Rank.LAST, growing=False)
        for item in sends(pacer, now):
            order.append(item.key)
            pacer.sent(item, now)
            pacer.leave(item, now)
    assert order[0] != hidden.key
    assert order.index(hidden.key) <= 25


def test_many_replies_keep_most_of_a_window_for_their_ends() -> None:
    """Twenty that end together in the middle of a window find most of its calls left."""
    pacer = Pacer()
    items = [pacer.join(n, "edit", [DISCORD], 0.0, growing=True) for n in range(20)]
    now, left_at = 0.0, []
    while now < 32.0:
        now = round(now + 0.1, 1)
        for item in items:
            pacer.want(item, item.total + 10, now)
        for item in sends(pacer, now):
            left_at.append(now)
            pacer.sent(item, now)
    openings = [left_at[0]]
    for at in left_at:
        if at >= openings[-1] + 5.0:
            openings.append(at)
    early = [sum(opened <= at < opened + 2.5 for at in left_at) for opened in openings]
    assert max(early[1:]) <= 2, (early, left_at)


def test_nobody_is_shown_by_a_windows_bank_because_it_closes_soon() -> None:
    """The price of the moment falls with the time that is left; a reply that ends now would wait for the next window."""
    pacer = Pacer()
    items = [pacer.join(n, "edit", [DISCORD], 0.0, growing=True) for n in range(6)]
    pacer.want(items[0], 10, 0.0)
    landing: list[tuple[float, Item, int, float]] = []
    now, opened, used, banked, kept = 0.0, 0.0, 0, 0, 0
    budget = pacer.budget(DISCORD, now)
    while now < 62.0:
        now = round(now + 0.01, 2)
        while landing and landing[0][0] <= now:
            _, item, remaining, resets = landing.pop(0)
            pacer.told(DISCORD, now, 5, remaining, resets - now)
            pacer.sent(item, now)
        if round(now * 100) % 10 == 0:
            for item in items:
                pacer.want(item, item.total + 10, now)
        if budget.open_at(now) and 0.15 < budget.closes_in(now) < 0.5:
            banked += 1
            kept += budget.left(now) >= 1.0
        if not budget.open_at(now):
            used, opened = 0, now
        for item in sends(pacer, now):
            used += 1
            landing.append((now + CALL, item, 5 - used, opened + 0.5 * CALL + 5.0))
    assert banked > 300
    assert kept >= 0.8 * banked, (kept, banked)


@given(
    channels=st.integers(2, 6),
    shape=st.sampled_from(("window", "bucket")),
    calls=st.lists(st.tuples(st.floats(0.02, 4.0), st.sampled_from("ssssrgf")), min_size=5, max_size=40),
)
def test_nobody_who_waits_for_a_shared_budget_is_forgotten(
    channels: int, shape: Literal["window", "bucket"], calls: list[tuple[float, str]]
) -> None:
    """Whatever is answered, and when: who asks again only at the time it was told to shows everything in the end."""
    pacer = Pacer()
    everywhere = Bucket("all", Rule(3.0, 3, shape, "observed", "tight, so that it decides"))
    items = [
        pacer.join(n, op, [replace(DISCORD, key=f"{n}"), everywhere], 0.0)
        for n in range(channels)
        for op in ("edit", "post")
    ]
    for item in items:
        pacer.demand(item, 50, 0.0, rank=Rank.LAST, growing=False)
    now, fates, shown = 0.0, iter(calls), set[Item]()
    under_way: list[tuple[float, int, Item, str]] = []
    while len(shown) < len(items):
        while under_way and under_way[0][0] <= now:
            _, _, item, fate = heapq.heappop(under_way)
            if fate == "s":
                pacer.sent(item, now)
                pacer.leave(item, now)
                shown.add(item)
                continue
            if fate == "f":
                pacer.failed(item, now)
            else:
                pacer.refused(item, now, 2.0, everywhere.key if fate == "g" else "")
            pacer.demand(item, 50, now, rank=Rank.LAST, growing=False)
        step = pacer.next(now)
        if isinstance(step, Send):
            takes, fate = next(fates, (0.1, "s"))
            heapq.heappush(under_way, (now + takes, id(step.item), step.item, fate))
            continue
        now = min(step.until, under_way[0][0] if under_way else math.inf)
        assert now < 600.0 or len(shown) == len(items), f"{len(items) - len(shown)} wait for ever"
