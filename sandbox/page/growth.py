"""How each message grew, and who is thinking where. Law: read from the record alone, entry by entry, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from sandbox.record import Entry

Verb: TypeAlias = Literal["post", "edit", "append", "refused"]
Key: TypeAlias = tuple[str, str, str]  # platform, channel, message
Place: TypeAlias = tuple[str, str, str]  # platform, channel, thread

# More ticks than a strip of a few hundred pixels can show; an answer of five minutes has about that many edits.
MOST_TICKS: Final = 400
# How long a status shows where its server does not take it away: Discord's typing ends after 10 s (docs, Trigger
# Typing Indicator), Slack's status after 2 minutes and Slack's server says so itself.
STATUS_LASTS: Final = {"slack": 120.0, "discord": 10.0}


@dataclass(frozen=True, slots=True)
class Tick:
    """One thing that happened to a message: `characters` is its length from then on."""

    at: float
    characters: int
    verb: Verb


@dataclass(slots=True)
class Growth:
    author: str
    ticks: list[Tick] = field(default_factory=list)

    @property
    def last(self) -> float:
        return self.ticks[-1].at

    @property
    def characters(self) -> int:
        return self.ticks[-1].characters

    def add(self, tick: Tick) -> None:
        self.ticks.append(tick)
        if len(self.ticks) > MOST_TICKS:
            # The first post stays, since the axis begins there; the oldest edits go.
            del self.ticks[1]

    def as_json(self) -> list[tuple[float, int, str]]:
        return [(round(tick.at, 3), tick.characters, tick.verb) for tick in self.ticks]


class Growths:
    """The history of every message, and the statuses that show now."""

    def __init__(self) -> None:
        self._of: dict[Key, Growth] = {}
        self._statuses: dict[Place, tuple[str, float]] = {}

    def of(self, key: Key) -> Growth | None:
        return self._of.get(key)

    def feed(self, entry: Entry) -> set[Key]:
        """Take one entry in; returns the messages whose strip it changed."""
        if entry.kind == "shown":
            return self._shown(entry)
        if entry.kind == "removed":
            self._of.pop(_key(entry), None)
        elif entry.kind == "call" and entry.get("status") == 429:
            return self._refused(entry)
        elif entry.kind == "status":
            self._status(entry)
        return set()

    def statuses(self, now: float) -> list[dict[str, Any]]:
        for place in [place for place, (_, until) in self._statuses.items() if until <= now]:
            del self._statuses[place]
        return [
            {"platform": platform, "channel": channel, "thread": thread, "text": text}
            for (platform, channel, thread), (text, _) in self._statuses.items()
        ]

    def _shown(self, entry: Entry) -> set[Key]:
        key = _key(entry)
        growth = self._of.setdefault(key, Growth(str(entry.get("author", ""))))
        growth.add(Tick(entry.at, len(str(entry.get("text", ""))), entry.get("verb", "edit")))
        # Discord's client ends the typing line when the typist sends; Slack's server says so by an empty status.
        if entry.platform == "discord" and entry.get("verb") == "post":
            self._statuses.pop((entry.platform, str(entry["channel"]), ""), None)
        return {key}

    def _refused(self, entry: Entry) -> set[Key]:
        """A call that was answered 429 and named a message stands on that message's strip."""
        key = (entry.platform, str(entry.get("channel") or ""), str(entry.get("message") or ""))
        growth = self._of.get(key)
        if growth is None:
            return set()
        growth.add(Tick(entry.at, growth.characters, "refused"))
        return {key}

    def _status(self, entry: Entry) -> None:
        place = (entry.platform, str(entry["channel"]), str(entry.get("thread") or ""))
        text = str(entry.get("text") or "")
        if text:
            self._statuses[place] = (text, entry.at + STATUS_LASTS.get(entry.platform, 10.0))
        else:
            self._statuses.pop(place, None)


def _key(entry: Entry) -> Key:
    return (entry.platform, str(entry["channel"]), str(entry["message"]))
