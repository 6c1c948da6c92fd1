"""Where conversations began. Pure, but for what it remembers. Law: what was said before anybody asked us is history, in
whatever order it arrives, and no follow-up.

Two sockets and requests over HTTP bring what comes together in any order, and a platform delivers again what it believes
lost: so a message of a thread may arrive behind the mention that was made under it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from bot.ports import Incoming, Ref

_REMEMBERED = 5_000  # conversations; what is delivered late is late by minutes, not by days


class Beginnings:
    """The first question of each conversation, by the names under which it is known (see routing.py)."""

    def __init__(self) -> None:
        self._first: OrderedDict[str, Ref] = OrderedDict()

    def began(self, incoming: Incoming, known_as: Iterable[str]) -> None:
        """A question was taken up; that of its conversation counts which was said first, whenever it came."""
        if incoming.message is None:
            return
        for anchor in known_as:
            if anchor not in self._first or older(incoming.message, self._first[anchor]):
                self._first[anchor] = incoming.message
            self._first.move_to_end(anchor)
        while len(self._first) > _REMEMBERED:
            self._first.popitem(last=False)

    def precedes(self, incoming: Incoming, known_by: Iterable[str]) -> bool:
        """Whether it was said before the first question of its conversation, as far as that is remembered."""
        first = next((self._first[anchor] for anchor in known_by if anchor in self._first), None)
        return older(incoming.message, first)


def older(message: Ref | None, other: Ref | None) -> bool:
    """Whether a message was said before another. False where nobody can tell: in two channels, or without a message.

    Both platforms number the messages of a channel in order: Slack by time, Discord by snowflakes.
    """
    if message is None or other is None or message.channel != other.channel:
        return False
    return (len(message.message), message.message) < (len(other.message), other.message)
