"""Requests a minute of each person. Pure. Law: a window of 60 seconds never holds more than the limit, wherever it
begins; and what was refused does not count.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable

MINUTE = 60.0


class Rates:
    """Who asked when. `now` is monotonic seconds; nothing of a person is kept for longer than a minute."""

    def __init__(self) -> None:
        self._asked: OrderedDict[Hashable, deque[float]] = OrderedDict()  # whoever asked last stands last

    def __len__(self) -> int:
        """How many people asked within the last minute (or have not been forgotten yet)."""
        return len(self._asked)

    def ask(self, person: Hashable, *, limit: int, now: float) -> float:
        """0.0: go on, and it is counted. Otherwise the seconds until this person may ask again. `limit` 0: no limit.

        `person` tells people apart over everything that the bot serves: (platform, workspace, id).
        """
        if seconds := self.wait(person, limit=limit, now=now):
            return seconds
        self._asked.setdefault(person, deque()).append(now)
        self._asked.move_to_end(person)
        return 0.0

    def wait(self, person: Hashable, *, limit: int, now: float) -> float:
        """The same, and nothing is counted."""
        self._forget(now)
        asked = self._asked.get(person)
        if asked is None:
            return 0.0
        while asked and asked[0] <= now - MINUTE:
            asked.popleft()
        # With a limit that was lowered meanwhile more than one has to leave the window first.
        return asked[len(asked) - limit] + MINUTE - now if 0 < limit <= len(asked) else 0.0

    def _forget(self, now: float) -> None:
        while self._asked:
            person, asked = next(iter(self._asked.items()))
            if asked and asked[-1] > now - MINUTE:
                return
            del self._asked[person]
