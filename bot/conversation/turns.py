"""Who is next. Law: first come, first served within one key; different keys never wait for each other.

Used twice: questions that may belong together are taken up in the order in which they arrived, and a conversation
answers one of them at a time. Nothing of a key is kept when nobody holds it or waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """One queue for each key."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, _Queue] = {}

    def __len__(self) -> int:
        """How many keys are held or waited for."""
        return len(self._queues)

    def busy(self, key: Hashable) -> bool:
        """Whether somebody who asks for this key now would have to wait."""
        return key in self._queues

    @asynccontextmanager
    async def next(self, key: Hashable) -> AsyncIterator[None]:
        """This key's next free moment."""
        queue = self._queues.setdefault(key, _Queue())
        queue.people += 1
        try:
            async with queue.lock:
                yield
        finally:
            queue.people -= 1
            if not queue.people:
                del self._queues[key]


class _Queue:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.people = 0
