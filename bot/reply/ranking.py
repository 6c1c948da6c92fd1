"""The replies of one budget: which is next, and when. Law: a decision looks at what is, and changes nothing.

The theory is told in `pacing.py`. A `Group` keeps the items whose tightest budget is the same, and answers `pick`
with the one whose call should leave now, or with the moment to ask again. Its fields are open to the pacer, which
keeps them true; nobody else has one.
"""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import chain
from typing import TypeAlias

from bot.ports import Op
from bot.reply.budget import SLOW, Budget
from bot.reply.items import Item, Rank

# Spare tokens are spent over about this many seconds: for replies of 10-50 s anything from 14 to 18 is within a percent
# of the best (`python -m bench pacing`); spending them at once is 1.3-1.8 times above an optimum that knows the future.
_TAU = 17.0
# What is banked will be spent as well, later: this share of it counts when tokens are priced.
_BANK_COUNTS = 0.7
# The same for a window, whose bank is spent in its last moments.
_BANK_IN_WINDOWS = 0.44
# A window's time begins with its first call, so a call that opens one is worth more than what it shows:
# the age at which it leaves, as a share of the usual one.
_OPENING = 0.19
# A reply alone in a window is shown twice in a row where the bank is spent and the next window opened: the second shows
# little. So its other calls are further apart, and the opening one waits longer (2% of its lag).
_BANK_ALONE, _OPENING_ALONE = 0.75, 0.3
# When the rest of the bank is spent before a window's end, in calls for each that is left and one more: earlier, one that
# ends after would wait for the next window; later, two are shown in one moment, or the call itself is too late.
_RELEASE = 0.44
# Who has so many times the price is shown by a window's bank, too: to hold it costs more then than the end of another is
# likely to. The last call of it is dearer than the first, and cheaper where few talk. The price of the moment falls to
# nothing with the time that is left, and the wait of one that ends does not: under so many times the price of an even
# spending nobody is shown by the bank.
_DIP, _DIP_LAST = 1.3, 2.5
_FEW, _DIP_OF_FEW = 3, 1.5
_PATIENCE = 2.5  # fair shares after which a reply goes before every index
# In a window that is spent nobody can be shown until it is over, however long they have waited: up to another share.
_PATIENCE_IN_WINDOWS = 2.25
_IN_FLIGHT = 2  # calls under way at once in one bucket
# What a window must bank is how many end within it: one, and where several talk two (of 50 that came 5 s apart three ended
# second in a window that was spent). Ends come together where many talk, and nothing is lost by showing some of many
# later within a window: for those beyond a few it is as if each ended within so many seconds, and 20 that end at once
# are whole 0.4 s earlier on the mean.
_SEVERAL = 6
_MANY, _LIFE_OF_MANY = 8, 9.0
_RATE_MEMORY = 3.0  # seconds over which a reply's speed is averaged
_LOOK_AGAIN = 0.5  # a predicted moment is looked at again at least this often: streams change their speed
# Between two fragments only the age grows, so a call that is not pressing leaves with the next fragment (it shows up
# to a fragment more for the same token: 4% of lag with ten fragments a second), if that comes within so many seconds.
_BREATH = 0.12
_JUST_NOW = 0.005
EPS = 1e-9
TICK = 1e-3  # nothing is asked again sooner


def by_index(weights: list[float], since: list[float], now: float) -> tuple[int, float]:
    """Who is next, and its index: the largest backlog x age. A weight is 0.0 for those who may not be chosen."""
    indices = [weight * (now - begun) for weight, begun in zip(weights, since, strict=True)]
    best = max(indices)
    return indices.index(best), best


def by_age(weights: list[float], since: list[float], now: float) -> tuple[int, float]:
    """Oldest first, for comparison (bench/); it leaves when the largest index would."""
    _, best = by_index(weights, since, now)
    oldest = min(range(len(since)), key=lambda slot: since[slot] if weights[slot] > 0.0 else math.inf)
    return oldest, best


Choice: TypeAlias = Callable[[list[float], list[float], float], tuple[int, float]]


class Group:
    """The items whose tightest budget is the same."""

    __slots__ = (
        "bare", "budget", "choose", "clock", "due", "flights", "growing", "items", "lasts", "op", "price", "queue", "scan_at",
        "since", "sleepers", "sqrt_sum", "unseen", "waiting", "weight",
    )  # fmt: skip

    def __init__(self, budget: Budget, op: Op, choose: Choice, now: float) -> None:
        self.budget = budget
        self.choose = choose
        self.op = op
        self.items: list[Item] = []
        self.weight: list[float] = []  # unseen characters of each item that may be sent; 0.0 for the others
        self.since: list[float] = []
        self.lasts: OrderedDict[Item, None] = OrderedDict()
        # Those that have text to show and those that would only lose a button, in the order in which their wait began.
        self.unseen: OrderedDict[Item, None] = OrderedDict()
        self.bare: OrderedDict[Item, None] = OrderedDict()
        self.waiting: dict[Hashable, dict[Item, None]] = {}  # those with text, by the key of their reply
        self.sleepers: list[tuple[float, int, Item]] = []
        self.flights: dict[Item, None] = {}
        self.growing = 0
        self.sqrt_sum = 0.0
        self.scan_at = 0
        self.price = math.inf  # an index at or over this may leave at once; infinity: nothing may
        self.due = math.inf
        self.queue = 0.0  # replies with unseen text, summed over time
        self.clock = now

    # ------------------------------------------------------------------------------------------ bookkeeping

    def pass_time(self, now: float) -> None:
        if now > self.clock:
            self.queue += (now - self.clock) * len(self.waiting)
            self.clock = now

    def add(self, item: Item) -> None:
        item.group = self
        item.slot = len(self.items)
        self.items.append(item)
        self.weight.append(0.0)
        self.since.append(item.since)
        if item.growing:
            self.growing += 1
            self.sqrt_sum += math.sqrt(item.rho)

    def remove(self, item: Item) -> None:
        self._unlist(item)
        slot, end = item.slot, len(self.items) - 1
        if slot != end:
            moved = self.items[end]
            self.items[slot], self.weight[slot], self.since[slot] = moved, self.weight[end], self.since[end]
            moved.slot = slot
        self.items.pop()
        self.weight.pop()
        self.since.pop()
        self.grow(item, growing=False)
        item.group, item.slot = None, -1

    def grow(self, item: Item, *, growing: bool) -> None:
        """Its stream goes on, or has ended."""
        if growing == item.growing:
            return
        item.growing = growing
        self.growing += 1 if growing else -1
        root = math.sqrt(item.rho)
        self.sqrt_sum = max(0.0, self.sqrt_sum + (root if growing else -root)) if self.growing else 0.0

    def list_item(self, item: Item, now: float) -> None:
        """Put the item where `pick` looks for it, or take it away: after any change to it."""
        slot = item.slot
        # What waits for another call (without end) lacks none of this budget, and has no share in it.
        if not item.wanted or item.in_flight or item.not_before == math.inf:
            self.weight[slot] = 0.0
            self.pass_time(now)
            self._unlist(item)
            return
        listed = self.unseen if item.has_text else self.bare
        if item not in listed:
            self.pass_time(now)
            self._unlist(item)
            listed[item] = None
            if item.has_text:
                self.waiting.setdefault(item.key, {})[item] = None
            item.queue = self.queue
            item.unseen_at = now
        if item.not_before > now:
            self.weight[slot] = 0.0
            self.lasts.pop(item, None)
            if item.not_before < item.wakes:
                item.wakes = item.not_before
                heapq.heappush(self.sleepers, (item.wakes, id(item), item))
            return
        self.weight[slot] = item.backlog
        self.since[slot] = item.since
        if item.rank is Rank.LAST:
            self.lasts[item] = None

    def _unlist(self, item: Item) -> None:
        """Nothing of it waits any more."""
        self.bare.pop(item, None)
        self.lasts.pop(item, None)
        if item in self.unseen:
            del self.unseen[item]
            waiting = self.waiting[item.key]
            del waiting[item]
            if not waiting:
                del self.waiting[item.key]

    def leaves(self, item: Item, now: float) -> None:
        """A call of it does. Its reply is seen by that: what else of it waits has no more claim to go before others."""
        self.flights[item] = None
        self.list_item(item, now)
        for other in self.waiting.get(item.key, ()):
            other.unseen_at, other.queue = now, self.queue
            self.unseen.move_to_end(other)

    def wake_sleepers(self, now: float) -> None:
        while self.sleepers and self.sleepers[0][0] <= now + EPS:
            wakes, _, item = heapq.heappop(self.sleepers)
            if item.group is self and item.wakes == wakes:
                item.wakes = math.inf
                if item.not_before <= now + EPS:
                    item.not_before = -math.inf
                self.list_item(item, now)

    @property
    def wants(self) -> bool:
        """Whether anybody wants a call."""
        return bool(self.unseen or self.bare)

    # ------------------------------------------------------------------------------------------------ choosing

    def pick(self, now: float) -> Item | None:
        """The item whose call should leave now, or None; then `due` says when to ask again."""
        self.price = math.inf
        if self.sleepers:
            self.wake_sleepers(now)
        self.due = self.sleepers[0][0] if self.sleepers else math.inf
        if not self.wants:
            return None
        if len(self.flights) >= _IN_FLIGHT:
            quick = [item.left_at for item in self.flights if now - item.left_at < SLOW - EPS]
            if len(quick) >= _IN_FLIGHT:
                self._at(quick[-_IN_FLIGHT] + SLOW)
                return None
        return self._pick_post(now) if self.op == "post" else self._pick_edit(now)

    def _pick_post(self, now: float) -> Item | None:
        if self.budget.left(now) < 1.0 - EPS:
            self._at(self.budget.ready(now))
            return None
        self.price = 0.0
        # Last pages come first, so they have waited longest only where posts cannot keep up for minutes; there somebody
        # may not have been seen at all.
        if (overdue := self._overdue(now)) is not None:
            return overdue
        if self.lasts:
            return next(iter(self.lasts))
        for item in chain(self.unseen, self.bare):
            if item.rank is Rank.FIRST and item.not_before <= now:
                return item
        slot, best = self.choose(self.weight, self.since, now)
        # A text that has only just come has no age yet; nothing is gained by waiting.
        return self.items[slot] if best > 0.0 or self.weight[slot] > 0.0 else None

    def _pick_edit(self, now: float) -> Item | None:
        budget = self.budget
        left = budget.left(now)
        if left < 1.0 - EPS:
            self._at(budget.ready(now))
            return None
        if self.lasts:
            return next(iter(self.lasts))
        if (overdue := self._overdue(now)) is not None:
            return overdue
        bank, pull, forced = self._terms(left, now)
        banked = left - bank < 1.0 - EPS and not forced
        if banked and budget.shape == "bucket":
            self._at_bank(bank, now)
            return None
        self._listen()
        slot, best = self.choose(self.weight, self.since, now)
        price = 0.0 if forced else (self.sqrt_sum / pull) ** 2
        if banked:
            dip = _DIP_OF_FEW if self.growing <= _FEW else _DIP if left >= 2.0 - EPS else _DIP_LAST
            price = dip * max(price, (self.sqrt_sum / budget.rate) ** 2)
            self._at_bank(bank, now)
        if best >= price and best > 0.0:
            item = self.items[slot]
            quiet = now - item.grew_at
            if forced or not _JUST_NOW < quiet < _BREATH:
                return item
            # Between two fragments only the age grows: a moment later there is more to show for the same token.
            self.price = price
            self._at(item.grew_at + _BREATH)
            return None
        self.price = price
        self._at(self._crossing(price, now))
        return None

    def _overdue(self, now: float) -> Item | None:
        """Who has been unseen longest, if for too many shares: the mean number of such replies since, over the rate."""
        self.pass_time(now)
        oldest = next(iter(self.unseen), None)
        if oldest is None or oldest.not_before > now:
            return None
        age = now - oldest.unseen_at
        shares = age * age * self.budget.rate / max(EPS, self.queue - oldest.queue)
        patience = _PATIENCE if self.budget.shape == "bucket" else _PATIENCE_IN_WINDOWS
        return oldest if shares >= patience else None

    def _terms(self, left: float, now: float) -> tuple[float, float, bool]:
        """Tokens kept for last edits; tokens a second to spend; whether a token would be lost if none were spent."""
        budget = self.budget
        if budget.shape == "bucket":
            cap = budget.burst - budget.rate * budget.trip
            bank = max(0.0, min(float(min(self.growing, max(1, self.growing - 1))), cap - 1.0))
            spare = max(0.0, left - _BANK_COUNTS * bank)
            return bank, budget.rate + spare / _TAU, left >= cap - EPS
        closes = budget.closes_in(now)
        least = 2.0 if self.growing >= _SEVERAL else 1.0
        ending = max(least, (self.growing - _MANY) * closes / _LIFE_OF_MANY)
        bank = min(float(math.ceil(ending)), budget.burst - 1.0) if self.growing else 0.0
        if closes <= self._release(left):
            return 0.0, math.inf, True
        counts, opening = (_BANK_ALONE, _OPENING_ALONE) if self.growing == 1 else (_BANK_IN_WINDOWS, _OPENING)
        pull = max(EPS, (left - counts * bank) / max(EPS, closes - budget.trip))
        # The price falls with the square of the pull.
        return bank, pull if budget.open_at(now) else pull / opening, False

    def _at(self, when: float) -> None:
        self.due = min(self.due, when)

    def _at_bank(self, bank: float, now: float) -> None:
        budget = self.budget
        if budget.shape == "bucket":
            self._at(budget.ready(now, bank + 1.0))
            return
        release = budget.closes_in(now) - self._release(budget.left(now))
        self._at(now + max(0.0, min(release, _LOOK_AGAIN)))

    def _release(self, left: float) -> float:
        """Seconds before a window's end from which on so many tokens would be lost if none were spent."""
        # Without headers nobody tells in which window a late call was counted, so none is made.
        late = 0.0 if self.budget.told_by_headers else 1.0
        return (_RELEASE * (left + 1.0) + late) * self.budget.trip

    def _listen(self) -> None:
        """Let the speeds of a few replies fall whose stream has paused (a stream that speaks updates its own)."""
        items = self.items
        for _ in range(min(8, len(items))):
            self.scan_at = (self.scan_at + 1) % len(items)
            item = items[self.scan_at]
            if item.rho > 0.0 and self.clock - item.rho_at > 1.0:
                self.hear(item, self.clock)

    def hear(self, item: Item, now: float) -> None:
        """Measure the item's speed since the last time."""
        if item.rho_total < 0:
            item.rho_at, item.rho_total = now, item.total
            return
        old, gap = item.rho, now - item.rho_at
        speed = (item.total - item.rho_total) / gap
        new = speed if not item.heard else old + (1.0 - math.exp(-gap / _RATE_MEMORY)) * (speed - old)
        if new < 0.5:
            new = 0.0
        item.rho, item.rho_at, item.rho_total, item.heard = new, now, item.total, True
        if item.growing:
            self.sqrt_sum = max(0.0, self.sqrt_sum + math.sqrt(new) - math.sqrt(old))

    def _crossing(self, price: float, now: float) -> float:
        """When the first index will probably meet the price. Looked at again soon, for the price falls as well."""
        soonest = _LOOK_AGAIN
        for item in chain(self.unseen, self.bare):
            if self.weight[item.slot] <= 0.0:
                continue
            backlog, age, rho = self.weight[item.slot], now - item.since, item.rho
            # (backlog + rho x)(age + x) = price
            half = backlog + rho * age
            missing = price - backlog * age
            if rho > EPS:
                x = (math.sqrt(half * half + 4.0 * rho * missing) - half) / (2.0 * rho)
            else:
                x = missing / backlog
            soonest = min(soonest, x)
        return now + max(soonest, TICK)
