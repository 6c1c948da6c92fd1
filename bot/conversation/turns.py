"""Who is next. Law: first come, first served within one key, but that a message which was said earlier goes before those
that were said after it and still wait; different keys never wait for each other.

Used twice: questions that may belong together are taken up one by one, and a conversation answers one of them at a time.
Two sockets, or two requests over HTTP, may bring in swapped what two people said in the same second. Nothing of a key is
kept when nobody holds it or waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.conversation.beginnings import older
from bot.ports import Ref


@dataclass(slots=True, eq=False)
class _Entrant:
    """Somebody in a line; `said`: the message that they are about, where its place in time counts."""

    said: Ref | None
    called: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Turns:
    """One line for each key; the first in it holds the key."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, list[_Entrant]] = {}

    def __len__(self) -> int:
        """How many keys are held or waited for."""
        return len(self._lines)

    def busy(self, key: Hashable) -> bool:
        """Whether somebody who asks for this key now would have to wait."""
        return key in self._lines

    @asynccontextmanager
    async def next(self, key: Hashable, said: Ref | None = None) -> AsyncIterator[Callable[[], None]]:
        """This key's next free moment. Whoever is called is not overtaken any more. What it gives lets the next one in before
        this one is through.
        """
        line = self._lines.setdefault(key, [])
        entrant = _Entrant(said)
        later = (at for at, other in enumerate(line) if at and older(said, other.said))
        line.insert(next(later, len(line)), entrant)
        line[0].called.set()

        def over() -> None:
            if entrant.over.is_set():
                return
            entrant.over.set()
            line.remove(entrant)
            if line:
                line[0].called.set()
            else:
                del self._lines[key]

        try:
            await entrant.called.wait()
            yield over
        finally:
            over()

    async def let_pass(self, key: Hashable, said: Ref | None) -> None:
        """Wait until nobody stands in this line, or holds its key, with what was said earlier."""
        while earlier := [other for other in self._lines.get(key, ()) if older(other.said, said)]:
            await earlier[0].over.wait()
