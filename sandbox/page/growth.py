"""How each message grew, and who is thinking where. Law: read from the record alone, entry by entry, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from sandbox.record import Entry

Verb: TypeAlias = Literal["post", "edit", "append", "refused"]
Key: TypeAlias = tuple[str, str, str]  # platform, channel, message
Place: TypeAlias = tuple[str, str, str]  # platform, channel, thread

# More ticks than a strip of a few hundred pixels can show; an answer of five minutes has about that many edits.
MOST_TICKS: Final = 400
# A message that changed this recently (sandbox seconds) may still be growing: a refusal that names no message of its
# own belongs to those. Slack's slowest fair share in our sandbox, ten replies at 50 edits a minute, is 12 s.
GROWS_FOR: Final = 15.0
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
        elif entry.kind == "refused":
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
        """On the strip of the message that was to be edited; where the record names none, of all that grow there."""
        struck = set(self._struck(entry))
        for key in struck:
            growth = self._of[key]
            growth.add(Tick(entry.at, growth.characters, "refused"))
        return struck

    def _struck(self, entry: Entry) -> Iterator[Key]:
        message, channel, scope = entry.get("message"), entry.get("channel"), entry.get("scope")
        for key, growth in self._of.items():
            if key[0] != entry.platform:
                continue
            if message:
                if key[2] == message:
                    yield key
            elif len(growth.ticks) > 1 and entry.at - growth.last < GROWS_FOR:
                scoped = str(channel or (scope if self._is_channel(entry.platform, scope) else ""))
                if not scoped or key[1] == scoped:
                    yield key

    def _is_channel(self, platform: str, scope: object) -> bool:
        return any(key[0] == platform and key[1] == scope for key in self._of)

    def _status(self, entry: Entry) -> None:
        place = (entry.platform, str(entry["channel"]), str(entry.get("thread") or ""))
        text = str(entry.get("text") or "")
        if text:
            self._statuses[place] = (text, entry.at + STATUS_LASTS.get(entry.platform, 10.0))
        else:
            self._statuses.pop(place, None)


def _key(entry: Entry) -> Key:
    return (entry.platform, str(entry["channel"]), str(entry["message"]))
