"""How far viewers are behind Claude. Law: read from the record alone; what cannot be known is not claimed.

The record does not say which of Claude's answers a message shows, so the lag is told of all answers together: the
characters that Claude has said since somebody last waited for him, less the characters that the bot's messages have
grown by since. Dialects lengthen or shorten a text by a little (escapes, repeated fences, footers); so it is a gauge,
not a proof, and it is put back to nothing whenever every answer has ended and no message has changed for a while.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from sandbox.record import Entry

# Sandbox seconds without any change after which, with no answer under way, everything counts as shown.
QUIET: Final = 2.5
# An answer whose end was never recorded (a server that was killed) is not waited for longer than this.
SILENT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Behind:
    """`characters` said and not yet seen; the oldest of them was said `seconds` (sandbox) ago."""

    characters: int
    seconds: float
    answers: int


class Lag:
    def __init__(self, bots: frozenset[str]) -> None:
        """`bots`: the authors (ids or names) whose messages show what Claude says."""
        self._bots = bots
        self._said: dict[str, int] = {}
        self._live: dict[str, float] = {}  # request -> when it last said something
        self._seen: dict[tuple[str, str, str], int] = {}
        self._grown = 0
        self._total = 0
        self._story: deque[tuple[float, int]] = deque()  # (when, how much had been said by then)
        self._changed = 0.0

    def feed(self, entry: Entry) -> None:
        if entry.platform == "claude":
            self._claude(entry)
        elif entry.kind == "shown" and entry.get("author") in self._bots and not entry.get("ephemeral"):
            key = (entry.platform, str(entry["channel"]), str(entry["message"]))
            length = len(str(entry.get("text", "")))
            self._grown += length - self._seen.get(key, 0)
            self._seen[key] = length
            self._changed = entry.at

    def _claude(self, entry: Entry) -> None:
        request = str(entry.get("request", ""))
        if entry.kind == "asked":
            if not self._live:
                self._begin(entry.at)
            self._live[request] = entry.at
            self._said[request] = 0
        elif entry.kind == "said" and request in self._live:
            said = int(entry["characters"])
            self._total += said - self._said[request]
            self._said[request] = said
            self._live[request] = entry.at
            self._story.append((entry.at, self._total))
            self._changed = entry.at
        elif entry.kind == "ended":
            self._live.pop(request, None)
            self._said.pop(request, None)
            self._changed = entry.at

    def _begin(self, now: float) -> None:
        """A new story, unless the last one is still being shown."""
        if now - self._changed >= QUIET or not self._story:
            self._settle()

    def _settle(self) -> None:
        self._total = self._grown = 0
        self._story.clear()

    def behind(self, now: float) -> Behind:
        for request in [name for name, at in self._live.items() if now - at > SILENT]:
            del self._live[request]
        if not self._live and now - self._changed >= QUIET:
            self._settle()
        while self._story and self._story[0][1] <= self._grown:
            self._story.popleft()
        characters = max(0, self._total - self._grown)
        seconds = now - self._story[0][0] if characters and self._story else 0.0
        return Behind(characters, max(0.0, seconds), len(self._live))
