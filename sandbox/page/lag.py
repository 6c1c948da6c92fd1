"""How far viewers are behind Claude. Law: told from what Claude said and what viewers saw; what cannot be told is not claimed.

A message is not as long as what Claude said: a dialect turns a table into a list, closes fences, adds a footer. So
lengths are not compared. Instead the last words that a viewer sees are looked for in what Claude has said; everything
behind that place has not been seen. Only letters and digits are compared, since markup is what dialects change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sandbox.record import Entry

Key: TypeAlias = tuple[str, str, str]  # platform, channel, message

# Letters of the tail that is looked for: a long one is found once, a short one survives a header that a dialect added.
TAILS: Final = (32, 16, 8, 3)
LONG: Final = 16
NEAR: Final = 400
# Letters of a message's head by which its answer is recognised.
HEAD: Final = 12
# Letters before the place seen last from which the tail is looked for: an answer may end in a correction.
BACK: Final = 64
# Lines at the end of a message that may be the bot's own (a footer, an honest line about an interruption).
FOOTERS: Final = 3
# Sandbox seconds after which an answer that has ended and shows nothing new is given up (stopped, deleted).
PATIENCE: Final = 20.0
# Characters of the bot's own sentences (a help text, a refusal) that may be seen before Claude has ever been asked.
PLENTY: Final = 1000


@dataclass(frozen=True, slots=True)
class Behind:
    """`characters` said and not yet seen; the oldest of them was said `seconds` (sandbox) ago."""

    characters: int
    seconds: float
    answers: int


@dataclass(slots=True)
class Answer:
    """One request to Claude: what has been said when, and how much of it has been seen."""

    request: int
    changed: float
    seen: int = 0  # characters of what was said
    letters: int = 0  # the same, in letters and digits
    ended: bool = False
    place: tuple[str, str] | None = None  # (platform, channel), once a message has shown it
    times: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    @property
    def said(self) -> int:
        return self.lengths[-1] if self.lengths else 0

    def unseen_since(self) -> float:
        """When the first character that nobody has seen was said."""
        return self.times[min(bisect_right(self.lengths, self.seen), len(self.times) - 1)]


class Lag:
    def __init__(self, bots: frozenset[str], words: Callable[[int], str]) -> None:
        """`bots`: the authors whose messages show what Claude says; `words`: what a request has been told so far."""
        self._bots = bots
        self._words = words
        self._answers: dict[int, Answer] = {}
        self._shows: dict[Key, Answer] = {}
        self._asked = False
        self.known = True
        """Whether it can be told at all: not where the bot asks a Claude that this sandbox does not hear."""

    def feed(self, entry: Entry) -> None:
        if entry.platform == "claude":
            self._claude(entry.kind, entry.at, entry.fields)
        elif entry.kind == "shown" and entry.get("author") in self._bots and not entry.get("ephemeral"):
            key = (entry.platform, str(entry["channel"]), str(entry["message"]))
            text = str(entry.get("text", ""))
            self.known = self._asked or (self.known and len(text) < PLENTY)
            self._shown(key, text, entry.at)

    def _claude(self, kind: str, now: float, fields: Mapping[str, Any]) -> None:
        request = fields.get("request")
        if not isinstance(request, int):
            return
        if kind == "asked":
            self._asked = self.known = True
            self._answers[request] = Answer(request, now)
        elif (answer := self._answers.get(request)) is not None:
            if kind == "said":
                answer.times.append(now)
                answer.lengths.append(int(fields["characters"]))
            elif kind == "ended":
                answer.ended = True
            answer.changed = now

    def _shown(self, key: Key, text: str, now: float) -> None:
        answer = self._shows.get(key) or self._recognise(key, _letters(text))
        if answer is None:
            return
        self._shows[key] = answer
        answer.place = key[:2]
        said = self._words(answer.request)
        places = [place for place, letter in enumerate(said) if letter.isalnum()]
        found = _reached("".join(said[place] for place in places), text, answer.letters)
        if found > answer.letters:
            answer.letters, answer.changed = found, now
        # Markup and space behind the last letter count as seen: nobody could tell.
        answer.seen = places[answer.letters] if answer.letters < len(places) else len(said)
        if answer.ended and answer.seen >= answer.said:
            self._forget(answer)

    def _recognise(self, key: Key, shown: str) -> Answer | None:
        """The answer that a new message goes on with: the one whose words it begins with, nearest to what was seen."""
        head = shown[:HEAD]
        best: tuple[int, Answer] | None = None
        for answer in self._answers.values():
            if not head or answer.place not in (None, key[:2]):
                continue
            said = _letters(self._words(answer.request))
            place = said.find(head, max(0, answer.letters - BACK))
            if place >= 0 and (best is None or abs(place - answer.letters) < best[0]):
                best = (abs(place - answer.letters), answer)
        return best[1] if best else None

    def _forget(self, answer: Answer) -> None:
        self._answers.pop(answer.request, None)
        self._shows = {key: shown for key, shown in self._shows.items() if shown is not answer}

    def behind(self, now: float) -> Behind:
        for answer in [one for one in self._answers.values() if one.ended]:
            if answer.seen >= answer.said or now - answer.changed > PATIENCE:
                self._forget(answer)
        late = [answer for answer in self._answers.values() if answer.seen < answer.said]
        return Behind(
            characters=sum(answer.said - answer.seen for answer in late),
            seconds=max((now - answer.unseen_since() for answer in late), default=0.0),
            answers=len(self._answers),
        )


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _reached(said: str, text: str, before: int) -> int:
    """How many letters of `said` a viewer of `text` has seen; `before`: how many were seen already."""
    lines = text.split("\n")
    for cut in range(min(FOOTERS + 1, len(lines))):
        shown = _letters("\n".join(lines[: len(lines) - cut]))
        for length in TAILS:
            tail = shown[-length:]
            place = said.find(tail, max(0, before - BACK)) if tail else -1
            # A short tail may stand anywhere: it counts only close to what was seen.
            if place >= 0 and (len(tail) >= LONG or place <= before + NEAR):
                return place + len(tail)
    return before
