"""What came before the question that it is about. Law: remembered for minutes, and no longer.

Two sockets and requests over HTTP bring what comes together in any order, and a question whose delivery failed comes again
minutes later: its edit, its deletion and what was said after it may be here by then.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

from bot.conversation.beginnings import older
from bot.conversation.channel import Channel
from bot.ports import Deleted, Edited, Incoming, Ref

K = TypeVar("K")
V = TypeVar("V")

_MOST = 1_000  # of each kind
_SECONDS = 600.0  # Slack repeats a delivery for six minutes at most


class Early:
    """`now` is monotonic."""

    def __init__(self) -> None:
        self._changed: _Lately[Ref, Edited | Deleted] = _Lately()
        self._passed: _Lately[str, tuple[str, Channel, Incoming]] = _Lately()

    def __len__(self) -> int:
        return len(self._changed) + len(self._passed)

    def changed(self, event: Edited | Deleted, now: float) -> None:
        """A message was edited or deleted, which may be a question that comes after that."""
        self._changed.put(event.message, event, now)

    def change_of(self, message: Ref | None, now: float) -> Edited | Deleted | None:
        """What was done to a message before it came."""
        self._changed.forget(now)
        return self._changed.pop(message) if message is not None else None

    def passed_by(self, conversation: str, channel: Channel, said: Incoming, now: float) -> None:
        """Something was said where we take no part, as far as we know."""
        self._passed.put(said.key, (conversation, channel, said), now)

    def goes_on_from(
        self, question: Incoming, conversation: str, now: float
    ) -> list[tuple[Channel, Incoming]]:
        """What was said there after this question, and came before it."""
        self._passed.forget(now)
        later = [
            (channel, said)
            for known, channel, said in self._passed
            if known == conversation and older(question.message, said.message)
        ]
        for _, said in later:
            self._passed.pop(said.key)
        return later


class _Lately(Generic[K, V]):
    """A mapping that forgets."""

    def __init__(self) -> None:
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[V]:
        return iter([value for _, value in self._kept.values()])

    def put(self, key: K, value: V, now: float) -> None:
        self._kept.pop(key, None)
        self._kept[key] = now, value
        self.forget(now)

    def pop(self, key: K) -> V | None:
        return self._kept.pop(key, (0.0, None))[1]

    def forget(self, now: float) -> None:
        while self._kept:
            since, _ = next(iter(self._kept.values()))
            if len(self._kept) <= _MOST and now - since < _SECONDS:
                return
            self._kept.popitem(last=False)
