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
    spent in its last moments. An answer of several pages ends when the last that it lacks is there, on whichever page.

What is fair
    The index alone may leave a slow reply unseen for long beside fast ones. A fair share is the time in which the
    budget has a call for each reply with unseen text; a reply that has waited 2.5 of them goes before every index.

Rank, for edits: what ended answers lack; then who has waited too long; then the largest index at or over the price.
Rank, for posts: who has waited too long; then pages of ended answers; then first texts in the order they came; then
continuation pages by index. What would only lose a button has no share: it leaves by its index, when calls are cheap.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from bot.ports import Bucket, Op, Rule
from bot.reply.budget import Budget, Learned
from bot.reply.items import Item, Rank
from bot.reply.ranking import EPS, TICK, Choice, Group, by_index

__all__ = ["Gauge", "Item", "Pacer", "Rank", "Send", "Wait"]

# Seconds from one edit of a reply to its next, from which on edits are scarce.
_CROWDED = 2.0
# A call that no budget counts.
_FREE = Bucket("free", Rule(1000.0, 1000, "bucket", "guessed", "the adapter names no budget for this call"))


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
    waiting: int


class Pacer:
    """The wants of all live replies of one platform, and its budgets."""

    def __init__(self, choose: Choice = by_index) -> None:
        self._choose = choose
        self._budgets: dict[str, Budget] = {}
        self._groups: dict[tuple[str, Op], Group] = {}
        self._heap: list[tuple[float, int, Group]] = []
        # By the key of the budget, not their tightest one, that their next call waits for.
        self._held: dict[str, set[Group]] = {}
        self._count = 0
        self._learned: Mapping[str, Learned] = {}
        self._learned_at = 0.0
        self._learned_age = 0.0

    # ------------------------------------------------------------------------------------------- joining

    def join(
        self,
        key: Hashable,
        op: Op,
        buckets: Sequence[Bucket],
        now: float,
        *,
        growing: bool = False,
        after: Item | None = None,
    ) -> Item:
        """A message that may want calls. `key`: the reply it is of. `buckets`: what each call spends, the tightest first.

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
        item.wakes = math.inf
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
            if item not in group.unseen:
                group.list_item(item, now)
            if group.weight[slot] <= 0.0:
                return False
            backlog = group.weight[slot] = item.backlog
            if backlog * (now - item.since) < group.price:
                return False
        else:
            item.begin(now)
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
            item.begin(now)
        item.rank = rank
        item.most = most
        item.not_before = not_before
        group.grow(item, growing=growing)
        group.list_item(item, now)
        if item.in_flight:
            return False
        self._push(group, min(max(now, not_before), group.due))
        return True

    def rest(self, item: Item, now: float) -> None:
        """It has nothing to show until `want` or `demand` says so."""
        if item.wanted and not item.in_flight and item.group is not None:
            item.wanted = False
            item.group.list_item(item, now)

    # ------------------------------------------------------------------------------------------- choosing

    def next(self, now: float) -> Send | Wait:
        """What to send now, or when to ask again."""
        heap = self._heap
        while heap and heap[0][0] <= now + EPS:
            due, _, group = heapq.heappop(heap)
            if due != group.due:
                continue
            item = group.pick(now)
            if item is None:
                self._push(group, max(group.due, now + TICK))
                continue
            shut = self._shut(item, group, now)
            if shut is not None:
                self._push(group, max(shut, now + TICK))
                continue
            self._book(item, group, now)
            self._push(group, now)
            return Send(item)
        while heap and heap[0][0] != heap[0][2].due:
            heapq.heappop(heap)
        return Wait(max(heap[0][0], now + TICK) if heap else math.inf)

    def _shut(self, item: Item, group: Group, now: float) -> float | None:
        """When the other budgets of this call will have room, if nobody is answered before; None: now."""
        latest: float | None = None
        for bucket in item.buckets[1:]:
            budget = self.budget(bucket, now)
            if budget.left(now) < 1.0 - EPS:
                self._held.setdefault(bucket.key, set()).add(group)
                latest = max(budget.ready(now), latest or now)
        return latest

    def _book(self, item: Item, group: Group, now: float) -> None:
        for bucket in item.buckets:
            self.budget(bucket, now).book(now)
        item.in_flight = True
        item.left_at = now
        item.sending = item.total
        item.waited = item.since
        item.wanted = False
        group.leaves(item, now)

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
        item.wanted, item.since = not item.over, item.waited
        self._answered(item, group, now)

    def _land(self, item: Item, now: float) -> None:
        for bucket in item.buckets:
            self.budget(bucket, now).landed(now, item.left_at)
        self._answered(item, item.group, now)

    def _answered(self, item: Item, group: Group | None, now: float) -> None:
        for bucket in item.buckets[1:]:
            self._let_go(bucket.key, now)
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
        for op in ("post", "edit"):
            group = self._groups.get((bucket.key, op))
            if group is not None and group.wants:
                self._push(group, now)
        self._let_go(bucket.key, now)

    def refused_elsewhere(self, bucket: Bucket, now: float, retry_after: float) -> None:
        """Somebody else's call met a 429."""
        self.budget(bucket, now).refused(now, retry_after)

    def _let_go(self, key: str, now: float) -> None:
        """There may be room in this budget: those that wait for it look again."""
        for group in self._held.pop(key, ()):
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
        """Every budget, at rest or not."""
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

    def busy(self, bucket: Bucket, now: float, begun: int = 0) -> bool:
        """Whether edits of this budget wait for tokens: then a first text had better be worth reading.

        `begun`: how many replies will want them that may have no message yet.
        """
        group = self._groups.get((bucket.key, "edit"))
        growing = max(begun, group.growing if group is not None else 0)
        if not growing:
            return False
        budget = self.budget(bucket, now)
        return growing / budget.rate > _CROWDED and budget.left(now) < growing + 1.0

    def _group(self, item: Item, now: float) -> Group:
        bucket = item.buckets[0]
        group = self._groups.get((bucket.key, item.op))
        if group is None:
            group = self._groups[bucket.key, item.op] = Group(
                self.budget(bucket, now), item.op, self._choose, now
            )
        return group

    def _push(self, group: Group, due: float) -> None:
        group.due = due
        if due < math.inf:
            self._count += 1
            heapq.heappush(self._heap, (due, self._count, group))
