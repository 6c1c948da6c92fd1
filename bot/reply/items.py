"""A message that waits for its call, as the pacer knows it. Law: it holds what is known, and decides nothing.

Its fields are open to `pacing` and `ranking`, which keep them true; nobody else writes to one.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from enum import IntEnum
from typing import TYPE_CHECKING

from bot.ports import Bucket, Op

if TYPE_CHECKING:
    from bot.reply.ranking import Group

_TYPICAL = 100.0  # characters a second of a reply that has not been heard yet
# Text that comes so soon after a call left is the same stream going on: its age counts from that call.
_STREAMING = 0.3


class Rank(IntEnum):
    """What a want is, most urgent first."""

    LAST = 0
    FIRST = 1
    MORE = 2


class Item:
    """One message that may want a call: an open or closing page to edit, or a page to post. Made by `Pacer.join`."""

    __slots__ = (
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
        "wakes",
        "wanted",
    )  # fmt: skip

    def __init__(self, key: Hashable, op: Op, buckets: tuple[Bucket, ...], now: float) -> None:
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
        self.group: Group | None = None
        self.slot = -1
        self.wakes = math.inf  # when `not_before` is looked at again
        self.queue = 0.0
        self.unseen_at = now
        self.rho = _TYPICAL
        self.heard = False
        self.rho_at = now
        self.rho_total = -1

    @property
    def backlog(self) -> float:
        """Characters that a call could bring to view; at least one, for there is something that it would change."""
        return float(max(1, min(self.total, self.most) - self.shown))

    @property
    def has_text(self) -> bool:
        """Whether a call would bring text to view, and not only take a button away."""
        return min(self.total, self.most) > self.shown

    def begin(self, now: float) -> None:
        """There is text to show that no call under way shows: since now, or as long as the same stream has waited."""
        self.wanted = True
        self.since = min(self.left_at if now - self.left_at < _STREAMING else now, self.late)
