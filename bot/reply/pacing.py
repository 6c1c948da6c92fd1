"""All live replies -> which message to send now, or when to ask again. Law: it answers, it never waits.

What the platforms count
    Calls per method and workspace (Slack), per route and channel (Discord): one budget for all replies in it
    (`budget.py`). A timer per reply spends N times the rate as soon as N people ask: refusals, frozen messages, lost
    ends. A timer per bucket spends it on whoever is next. So the question of every token is: *which* reply, and is
    now worth it?

What an edit is worth
    Say a reply grows at rho characters a second and is edited every T seconds. Each character waits T / 2 on the
    average. Sharing r edits a second among many replies, the characters' mean lag is least when every T is in
    proportion to 1 / sqrt(rho), and is then (sum sqrt rho)^2 / (2 r sum rho): the fluid bound. At the moment of its
    edit each reply then has the same *backlog x age* = rho T^2 = (sum sqrt rho / r)^2. So: edit the reply whose
    backlog x age is largest. This is the index policy of the age-of-information literature (Kadota, Sinha,
    Uysal-Biyikoglu, Singh, Modiano: "Scheduling Policies for Minimizing Age of Information in Broadcast Wireless
    Networks", IEEE/ACM ToN 2018; Whittle's index for restless bandits is its ancestor), with characters for weights.
    Age counts from when the first unseen character came: a reply that paused and goes on has waited for nothing.

What a token is worth
    With tokens to spare an edit could leave at once, but the token may be worth more in a second. An edit waits while
    its index is under a *price*, the index at which edits would leave when R tokens a second are spent evenly:
    (sum sqrt rho / R)^2. A bucket with spare tokens spends them over the next `_TAU` seconds: R = r + spare / tau. A
    window spends what is left of it over what is left of it. A token that would be lost (a full bucket, a closing
    window) costs nothing.

What is kept
    The end of a reply matters more than any frame: last edits go first, and tokens are banked for them: one for each
    live reply but one (the next token comes while the first leave), as far as the burst reaches. In steady state the
    bank costs nothing, for every new token is spent. In a window the bank is what probably ends within it, and it is
    spent in its last moments.

What is fair
    The index alone may leave a slow reply unseen for long beside fast ones. A fair share is the time in which the
    budget has a call for each reply with unseen text; a reply that has waited 2.5 of them goes before every index.

Rank, for edits: last edits; then who has waited too long; then the largest index at or over the price.
Rank, for posts: a last page; then first texts in the order they came; then continuation pages by index.
"""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from bot.ports import Bucket, Op, Rule
from bot.reply.budget import SLOW, Budget, Learned

# Spare tokens are spent over about this many seconds: for replies of 10-50 s anything from 14 to 18 is within a percent
# of the best (`python -m bench pacing`); spending them at once is 1.3-1.8 times above an optimum that knows the future.
_TAU = 17.0
# What is banked will be spent as well, later: this share of it counts when tokens are priced.
_BANK_COUNTS = 0.7
# The same for a window, whose bank is spent in its last moments.
_WINDOW_BANK_COUNTS = 0.5
# A window's time begins with its first call, so a call that opens one is worth more than what it shows:
# the age at which it leaves, as a share of the usual one.
_OPENING = 0.2
_PATIENCE = 2.5  # fair shares after which a reply goes before every index
_IN_FLIGHT = 2  # calls under way at once in one bucket
# How long a reply probably goes on from here: what a window must bank is how many end within it.
_LIFE = 30.0
_TYPICAL = 100.0  # characters a second of a reply that has not been heard yet
_RATE_MEMORY = 3.0  # seconds over which a reply's speed is averaged
_LOOK_AGAIN = 0.5  # a predicted moment is looked at again at least this often: streams change their speed
# Between two fragments only the age grows, so a call that is not pressing leaves with the next fragment (it shows up
# to a fragment more for the same token: 4% of lag with ten fragments a second), if that comes within so many seconds.
_BREATH = 0.12
_JUST_NOW = 0.005
# Text that comes so soon after a call left is the same stream going on: its age counts from that call.
_STREAMING = 0.3
_EPS = 1e-9
_TICK = 1e-3  # nothing is asked again sooner
# A call that no budget counts.
_FREE = Bucket("free", Rule(1000.0, 1000, "bucket", "guessed", "the adapter names no budget for this call"))


class Rank(IntEnum):
    """What a want is, most urgent first."""

    LAST = 0
    FIRST = 1
    MORE = 2


class Item:
    """One message that may want a call: an open or closing page to edit, or a page to post. Made by `Pacer.join`."""

    __slots__ = (
        "asleep",
        "buckets",
        "grew_at",
        "group",
        "growing",
        "heard",
        "in_flight",
        "key",
        "late",
        "left_at",
        "most",
        "not_before",
        "op",
        "over",
        "queue",
        "rank",
        "rho",
        "rho_at",
        "rho_total",
        "sending",
        "shown",
        "since",
        "slot",
        "total",
        "unseen_at",
        "waited",
        "wanted",
    )  # fmt: skip

    def __init__(self, key: object, op: Op, buckets: tuple[Bucket, ...], now: float) -> None:
        self.key = key
        self.op = op
        self.buckets = buckets
        self.total = 0  # characters that it could show
        self.shown = 0  # characters that it shows
        self.most = 1 << 60  # what one call could show at most
        self.wanted = False
        self.rank = Rank.MORE
        self.growing = False
        self.grew_at = -math.inf
        self.in_flight = False
        self.over = False
        self.not_before = -math.inf
        self.since = now  # unseen text has been waiting since
        self.waited = now  # `since` of the text in flight, should that fail
        self.late = math.inf  # `since` of a text whose call failed
        self.left_at = now
        self.sending = 0
        self.group: _Group | None = None
        self.slot = -1
        self.asleep = False
        self.queue = 0.0
        self.unseen_at = now
        self.rho = _TYPICAL
        self.heard = False
        self.rho_at = now
        self.rho_total = -1

    @property
    def backlog(self) -> float:
        """Characters that a call could bring to view; at least one, for there is something that it would change."""
        upto = min(self.total, self.most)
        return float(upto - self.shown) if upto > self.shown else 1.0


@dataclass(frozen=True, slots=True)
class Send:
    """Send this item's newest content now. Its call is booked; answer with `sent`, `refused`, `failed` or `leave`."""

    item: Item


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing now: ask again at `until` (infinity: when something changes)."""

    until: float


@dataclass(frozen=True, slots=True)
class Gauge:
    """One budget as operators see it."""

    key: str
    tokens: float
    limit: int
    rate: float
    refusals: int
    learned: bool
    waiting: int


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


class _Group:
    """The items whose tightest budget is the same."""

    __slots__ = (
        "budget", "choose", "clock", "due", "flights", "growing", "items", "lasts", "op", "price", "queue", "scan_at",
        "since", "sleepers", "sqrt_sum", "unseen", "weight",
    )  # fmt: skip

    def __init__(self, budget: Budget, op: Op, choose: Choice, now: float) -> None:
        self.budget = budget
        self.choose = choose
        self.op = op
        self.items: list[Item] = []
        self.weight: list[float] = []  # unseen characters of each item that may be sent; 0.0 for the others
        self.since: list[float] = []
        self.lasts: OrderedDict[Item, None] = OrderedDict()
        self.unseen: OrderedDict[Item, None] = OrderedDict()  # in the order in which their wait began
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
            self.queue += (now - self.clock) * len(self.unseen)
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
        self.lasts.pop(item, None)
        self.unseen.pop(item, None)
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
        if not item.wanted or item.in_flight:
            self.weight[slot] = 0.0
            self.lasts.pop(item, None)
            if item in self.unseen:
                self.pass_time(now)
                del self.unseen[item]
            return
        if item not in self.unseen:
            self.pass_time(now)
            self.unseen[item] = None
            item.queue = self.queue
            item.unseen_at = now
        if item.not_before > now:
            self.weight[slot] = 0.0
            self.lasts.pop(item, None)
            if not item.asleep:
                item.asleep = True
                heapq.heappush(self.sleepers, (item.not_before, id(item), item))
            return
        self.weight[slot] = item.backlog
        self.since[slot] = item.since
        if item.rank is Rank.LAST:
            self.lasts[item] = None

    def wake_sleepers(self, now: float) -> None:
        while self.sleepers and self.sleepers[0][0] <= now + _EPS:
            _, _, item = heapq.heappop(self.sleepers)
            item.asleep = False
            if item.group is self:
                if item.not_before <= now + _EPS:
                    item.not_before = -math.inf
                self.list_item(item, now)

    # ------------------------------------------------------------------------------------------------ choosing

    def pick(self, now: float) -> Item | None:
        """The item whose call should leave now, or None; then `due` says when to ask again."""
        self.price = math.inf
        if self.sleepers:
            self.wake_sleepers(now)
        self.due = self.sleepers[0][0] if self.sleepers else math.inf
        if not self.unseen:
            return None
        if len(self.flights) >= _IN_FLIGHT:
            quick = [item.left_at for item in self.flights if now - item.left_at < SLOW - _EPS]
            if len(quick) >= _IN_FLIGHT:
                self._at(quick[-_IN_FLIGHT] + SLOW)
                return None
        return self._pick_post(now) if self.op == "post" else self._pick_edit(now)

    def _pick_post(self, now: float) -> Item | None:
        if self.budget.left(now) < 1.0 - _EPS:
            self._at(self.budget.ready(now))
            return None
        self.price = 0.0
        if self.lasts:
            return next(iter(self.lasts))
        for item in self.unseen:
            if item.rank is Rank.FIRST and item.not_before <= now:
                return item
        slot, best = self.choose(self.weight, self.since, now)
        # A text that has only just come has no age yet; nothing is gained by waiting.
        return self.items[slot] if best > 0.0 or self.weight[slot] > 0.0 else None

    def _pick_edit(self, now: float) -> Item | None:
        budget = self.budget
        left = budget.left(now)
        if left < 1.0 - _EPS:
            self._at(budget.ready(now))
            return None
        if self.lasts:
            return next(iter(self.lasts))
        bank, pull, forced = self._terms(left, now)
        if left - bank < 1.0 - _EPS and not forced:
            self._at_bank(bank, now)
            return None
        oldest = next(iter(self.unseen))
        self.pass_time(now)
        if self.waited_shares(oldest, now) >= _PATIENCE and oldest.not_before <= now:
            return oldest
        self._listen()
        slot, best = self.choose(self.weight, self.since, now)
        price = 0.0 if forced else (self.sqrt_sum / pull) ** 2
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

    def waited_shares(self, item: Item, now: float) -> float:
        """How many fair shares it has been unseen; a share is the mean number of such replies since, over the rate."""
        age = now - item.unseen_at
        return age * age * self.budget.rate / max(1e-9, self.queue - item.queue)

    def _terms(self, left: float, now: float) -> tuple[float, float, bool]:
        """Tokens kept for last edits; tokens a second to spend; whether a token would be lost if none were spent."""
        budget = self.budget
        if budget.shape == "bucket":
            cap = budget.burst - budget.rate * budget.trip
            bank = max(0.0, min(float(min(self.growing, max(1, self.growing - 1))), cap - 1.0))
            spare = max(0.0, left - _BANK_COUNTS * bank)
            return bank, budget.rate + spare / _TAU, left >= cap - _EPS
        closes = budget.closes_in(now)
        rest = closes - budget.trip
        ending = max(1.0, self.growing * closes / _LIFE)
        bank = min(float(math.ceil(ending)), budget.burst - 1.0) if self.growing else 0.0
        if rest <= 0.5 * left * budget.trip:
            return 0.0, math.inf, True
        pull = max(_EPS, (left - _WINDOW_BANK_COUNTS * bank) / rest)
        # The price falls with the square of the pull.
        return bank, pull if budget.open_at(now) else pull / _OPENING, False

    def _at(self, when: float) -> None:
        self.due = min(self.due, when)

    def _at_bank(self, bank: float, now: float) -> None:
        budget = self.budget
        if budget.shape == "bucket":
            self._at(budget.ready(now, bank + 1.0))
            return
        release = budget.closes_in(now) - budget.trip - 0.5 * budget.left(now) * budget.trip
        self._at(now + max(0.0, min(release, _LOOK_AGAIN)))

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
        for item in self.unseen:
            if self.weight[item.slot] <= 0.0:
                continue
            backlog, age, rho = self.weight[item.slot], now - item.since, item.rho
            # (backlog + rho x)(age + x) = price
            half = backlog + rho * age
            missing = price - backlog * age
            if rho > _EPS:
                x = (math.sqrt(half * half + 4.0 * rho * missing) - half) / (2.0 * rho)
            else:
                x = missing / backlog
            soonest = min(soonest, x)
        return now + max(soonest, 1e-3)


class Pacer:
    """The wants of all live replies of one platform, and its budgets."""

    def __init__(self, choose: Choice = by_index) -> None:
        self._choose = choose
        self._budgets: dict[str, Budget] = {}
        self._groups: dict[tuple[str, Op], _Group] = {}
        self._heap: list[tuple[float, int, _Group]] = []
        self._count = 0
        self._learned: Mapping[str, Learned] = {}
        self._learned_at = 0.0
        self._learned_age = 0.0

    # ------------------------------------------------------------------------------------------- joining

    def join(
        self,
        key: object,
        op: Op,
        buckets: Sequence[Bucket],
        now: float,
        *,
        growing: bool = False,
        after: Item | None = None,
    ) -> Item:
        """A message that may want calls. `buckets`: what each call spends, the tightest first.

        `growing`: its stream goes on, and its end will want a call. `after`: the item whose text goes on in it.
        """
        item = Item(key, op, tuple(buckets) or (_FREE,), now)
        item.growing = growing
        if after is not None:
            item.rho, item.heard = after.rho, after.heard
        self._group(item, now).add(item)
        return item

    def move(self, item: Item, buckets: Sequence[Bucket], now: float) -> bool:
        """The item's calls spend other budgets from now on (an old message, an expired token). False: no change."""
        if item.in_flight or not self.moves(item, buckets):
            return False
        buckets = tuple(buckets) or (_FREE,)
        growing = item.growing
        if item.group is not None:
            item.group.remove(item)
        item.growing = growing
        item.buckets = buckets
        item.asleep = False
        group = self._group(item, now)
        group.add(item)
        group.list_item(item, now)
        self._push(group, now)
        return True

    @staticmethod
    def moves(item: Item, buckets: Sequence[Bucket]) -> bool:
        """Whether these are other budgets than the item's."""
        return (tuple(buckets) or (_FREE,)) != item.buckets

    def leave(self, item: Item, now: float) -> None:
        """It wants nothing any more (shown whole, gone, abandoned). A call in flight is answered all the same."""
        item.wanted = False
        item.over = True
        group = item.group
        if group is None:
            return
        if item.in_flight:
            group.grow(item, growing=False)
            group.list_item(item, now)
            return
        group.remove(item)
        self._push(group, now)

    # ------------------------------------------------------------------------------------------- wanting

    def want(self, item: Item, total: int, now: float) -> bool:
        """It has `total` characters to show. True: worth asking `next` now; False while that could not help."""
        group = item.group
        if group is None or item.over:
            return False
        item.total = total
        item.grew_at = now
        if now - item.rho_at > 0.5:
            group.hear(item, now)
        if item.wanted:
            slot = item.slot
            if group.weight[slot] <= 0.0:
                return False
            backlog = group.weight[slot] = item.backlog
            if backlog * (now - item.since) < group.price:
                return False
        else:
            item.wanted = True
            item.since = min(item.left_at if now - item.left_at < _STREAMING else now, item.late)
            group.list_item(item, now)
            if item.in_flight or group.due < math.inf:
                return False
        group.price = math.inf
        self._push(group, now)
        return True

    def demand(
        self,
        item: Item,
        total: int,
        now: float,
        *,
        rank: Rank = Rank.MORE,
        growing: bool = True,
        not_before: float = -math.inf,
        most: int = 1 << 60,
    ) -> bool:
        """Like `want`, with all that can change: its rank, whether its stream goes on, when it may leave at soonest,
        and how many characters one call can show `most`.
        """
        group = item.group
        if group is None or item.over:
            return False
        item.total = total
        if not item.wanted:
            item.wanted = True
            item.since = min(item.left_at if now - item.left_at < _STREAMING else now, item.late)
        item.rank = rank
        item.most = most
        item.not_before = not_before
        group.grow(item, growing=growing)
        group.list_item(item, now)
        if item.in_flight:
            return False
        self._push(group, min(max(now, not_before), group.due))
        return True

    # ------------------------------------------------------------------------------------------- choosing

    def next(self, now: float) -> Send | Wait:
        """What to send now, or when to ask again."""
        heap = self._heap
        while heap and heap[0][0] <= now + _EPS:
            due, _, group = heapq.heappop(heap)
            if due != group.due:
                continue
            item = group.pick(now)
            if item is None:
                self._push(group, max(group.due, now + _TICK))
                continue
            shut = self._shut(item, now)
            if shut is not None:
                self._push(group, max(shut, now + _TICK))
                continue
            self._book(item, group, now)
            self._push(group, now)
            return Send(item)
        while heap and heap[0][0] != heap[0][2].due:
            heapq.heappop(heap)
        return Wait(max(heap[0][0], now + _TICK) if heap else math.inf)

    def _shut(self, item: Item, now: float) -> float | None:
        """When the other budgets of this call will have room; None: now."""
        latest: float | None = None
        for bucket in item.buckets[1:]:
            budget = self.budget(bucket, now)
            if budget.left(now) < 1.0 - _EPS:
                ready = budget.ready(now)
                ready = now + 0.05 if ready == math.inf else ready
                latest = ready if latest is None else max(latest, ready)
        return latest

    def _book(self, item: Item, group: _Group, now: float) -> None:
        for bucket in item.buckets:
            self.budget(bucket, now).book(now)
        item.in_flight = True
        item.left_at = now
        item.sending = item.total
        item.waited = item.since
        item.wanted = False
        group.flights[item] = None
        group.list_item(item, now)

    # ------------------------------------------------------------------------------------------- hearing back

    def sent(self, item: Item, now: float, shown: int | None = None) -> None:
        """It landed; it shows `shown` characters now (default: all there were when it left)."""
        item.shown = item.sending if shown is None else shown
        item.late = math.inf
        self._land(item, now)

    def failed(self, item: Item, now: float) -> None:
        """No good answer: the call was spent. It wants nothing until `demand`, and has then waited all the while."""
        item.late = item.waited
        self._land(item, now)

    def back(self, item: Item, now: float) -> None:
        """The call was not made after all: nothing is spent. It wants nothing until `want` or `demand`."""
        group = item.group
        for bucket in item.buckets:
            self.budget(bucket, now).unbook(now)
        self._answered(item, group, now)

    def refused(self, item: Item, now: float, retry_after: float, bucket: str = "") -> None:
        """A 429: the named budget (by default the tightest) is shut; the others were perhaps spent."""
        group = item.group
        keys = [each.key for each in item.buckets]
        culprit = bucket if bucket in keys else keys[0]
        for each in item.buckets:
            budget = self.budget(each, now)
            if each.key == culprit:
                budget.refused(now, retry_after, item.left_at)
            else:
                budget.landed(now, item.left_at)
        self._again(item)
        self._answered(item, group, now)

    @staticmethod
    def _again(item: Item) -> None:
        item.wanted = not item.over
        item.since = item.waited

    def _land(self, item: Item, now: float) -> None:
        for bucket in item.buckets:
            self.budget(bucket, now).landed(now, item.left_at)
        self._answered(item, item.group, now)

    def _answered(self, item: Item, group: _Group | None, now: float) -> None:
        item.in_flight = False
        if group is None:
            return
        group.flights.pop(item, None)
        if item.over:
            group.remove(item)
        else:
            group.list_item(item, now)
        self._push(group, now)

    # ------------------------------------------------------------------------------------------- budgets

    def budget(self, bucket: Bucket, now: float) -> Budget:
        """The budget of this key, made with the rule's figures the first time."""
        found = self._budgets.get(bucket.key)
        if found is None:
            found = self._budgets[bucket.key] = Budget(bucket, now)
            learned = self._learned.get(bucket.key)
            if learned is not None:
                found.restore(learned, now, self._learned_age + now - self._learned_at)
        return found

    def spent(self, bucket: Bucket, now: float) -> None:
        """Somebody else's call."""
        self.budget(bucket, now).spent(now)

    def told(self, bucket: Bucket, now: float, limit: int, remaining: int, reset_after: float) -> None:
        """What headers said; the groups of this budget look again, for there may be more than they thought."""
        self.budget(bucket, now).told(now, limit, remaining, reset_after)
        self._look_again(bucket.key, now)

    def refused_elsewhere(self, bucket: Bucket, now: float, retry_after: float) -> None:
        """Somebody else's call met a 429."""
        self.budget(bucket, now).refused(now, retry_after)

    def _look_again(self, key: str, now: float) -> None:
        for op in ("post", "edit"):
            group = self._groups.get((key, op))
            if group is not None and group.unseen:
                self._push(group, now)

    def export(self, now: float) -> dict[str, Learned]:
        """What a restart should know, as plain data; budgets at rest at the rule's figures are left out."""
        return {
            key: budget.export(now)
            for key, budget in self._budgets.items()
            if budget.learned or budget.left(now) < budget.burst
        }

    def restore(self, learned: Mapping[str, Learned], now: float, elapsed: float) -> None:
        """Take up what `export` gave `elapsed` seconds ago. Called before anything is sent."""
        self._learned, self._learned_at, self._learned_age = learned, now, elapsed

    def gauges(self, now: float) -> list[Gauge]:
        """Every budget, for metrics."""
        waiting: dict[str, int] = {}
        for (key, _), group in self._groups.items():
            waiting[key] = waiting.get(key, 0) + len(group.unseen)
        return [
            Gauge(
                key=key,
                tokens=max(0.0, budget.left(now)),
                limit=budget.burst,
                rate=budget.rate,
                refusals=budget.refusals,
                learned=budget.learned,
                waiting=waiting.get(key, 0),
            )
            for key, budget in self._budgets.items()
        ]

    def forget_idle(self, now: float, after: float = 3600.0) -> None:
        """Let go of budgets that nobody has used for so long and nobody waits for."""
        used = {
            bucket.key for group in self._groups.values() for item in group.items for bucket in item.buckets
        }
        for key, budget in list(self._budgets.items()):
            if key not in used and not budget.flights and now - budget.used_at > after:
                del self._budgets[key]
                for op in ("post", "edit"):
                    self._groups.pop((key, op), None)

    # ------------------------------------------------------------------------------------------- groups

    def busy(self, bucket: Bucket, now: float) -> bool:
        """Whether edits of this budget wait for tokens: then a first text had better be worth reading."""
        group = self._groups.get((bucket.key, "edit"))
        if group is None or not group.growing:
            return False
        return group.growing / group.budget.rate > 2.0 and group.budget.left(now) < group.growing + 1.0

    def _group(self, item: Item, now: float) -> _Group:
        bucket = item.buckets[0]
        group = self._groups.get((bucket.key, item.op))
        if group is None:
            group = self._groups[bucket.key, item.op] = _Group(
                self.budget(bucket, now), item.op, self._choose, now
            )
        return group

    def _push(self, group: _Group, due: float) -> None:
        group.due = due
        if due < math.inf:
            self._count += 1
            heapq.heappush(self._heap, (due, self._count, group))
