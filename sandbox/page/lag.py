"""How far viewers are behind Claude. Law: told from what Claude said and what viewers saw; what cannot be told is not claimed.

A message is not as long as what Claude said: a dialect turns a table into a list, closes fences, adds a footer. So
lengths are not compared. Instead the last words that a viewer sees are looked for in what Claude has said; everything
behind that place has not been seen. Only letters and digits are compared, since markup is what dialects change.
Which answer a message shows is told by the question that it replies to, and by its first words.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sandbox.record import Entry

Key: TypeAlias = tuple[str, str, str]  # platform, channel, message

# How both platforms write a mention: no part of the question.
MENTION: Final = re.compile(r"<[@#!][^<>]*>")
REMEMBERED: Final = 500  # messages: as possible questions, and as showing an answer
# Letters of the tail that is looked for: a long one is found once, a short one survives a header that a dialect added.
TAILS: Final = (32, 16, 8, 3)
LONG: Final = 16
NEAR: Final = 200
# Letters of a message's head by which its answer is recognised.
HEAD: Final = 12
# Letters before the place seen last from which the tail is looked for: an answer may end in a correction.
BACK: Final = 64
# Lines at the end of a message that may be the bot's own (a footer, an honest line about an interruption).
FOOTERS: Final = 3
# Sandbox seconds after which an answer that has ended and shows nothing new is given up. Ten replies that share one
# edit a second keep each other waiting for half a minute.
PATIENCE: Final = 90.0
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
    question: str = ""  # its letters
    root: Key | None = None  # the question's message, once a reply to it has shown the answer
    times: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    @property
    def said(self) -> int:
        return self.lengths[-1] if self.lengths else 0

    def unseen_since(self) -> float:
        """When the first character that nobody has seen was said."""
        return self.times[min(bisect_right(self.lengths, self.seen), len(self.times) - 1)]


@dataclass(slots=True)
class Page:
    """A message that shows an answer from its letter `begins` on, and its text."""

    answer: Answer
    begins: int
    text: str = ""


class Lag:
    def __init__(self, bots: frozenset[str], words: Callable[[int], str]) -> None:
        """`bots`: the authors whose messages show what Claude says; `words`: what a request has been told so far."""
        self._bots = bots
        self._words = words
        self._answers: dict[int, Answer] = {}
        self._shows: OrderedDict[Key, Page] = OrderedDict()
        self._asked_in: OrderedDict[Key, str] = (
            OrderedDict()
        )  # messages that may be questions, by their letters
        self._asked = False
        self.known = True
        """Whether it can be told at all: not where the bot asks a Claude that this sandbox does not hear."""

    def feed(self, entry: Entry) -> None:
        if entry.platform == "claude":
            self._claude(entry.kind, entry.at, entry.fields)
        elif entry.kind == "removed":
            # What somebody deleted is waited for by nobody.
            page = self._shows.get((entry.platform, str(entry["channel"]), str(entry["message"])))
            if page is not None:
                self._forget(page.answer)
        elif entry.kind == "shown" and not entry.get("ephemeral"):
            key = (entry.platform, str(entry["channel"]), str(entry["message"]))
            text = str(entry.get("text", ""))
            if entry.get("author") in self._bots:
                self.known = self._asked or (self.known and len(text) < PLENTY)
                root = str(entry.get("thread") or entry.get("reply_to") or "")
                self._shown(key, (key[0], key[1], root) if root else None, text, entry.at)
            if key not in self._shows:
                # A person's question; or the bot's own words, for it posts the question of a typed command itself.
                self._asked_in[key] = _letters(MENTION.sub("", text))
                if len(self._asked_in) > REMEMBERED:
                    self._asked_in.popitem(last=False)

    def _claude(self, kind: str, now: float, fields: Mapping[str, Any]) -> None:
        request = fields.get("request")
        if not isinstance(request, int):
            return
        if kind == "asked":
            self._asked = self.known = True
            # The bot may say who asks: "Ada: how are you?"
            question = _letters(str(fields.get("question", "")).split(": ", 1)[-1])
            self._answers[request] = Answer(request, now, question=question)
        elif (answer := self._answers.get(request)) is not None:
            if kind == "said":
                answer.times.append(now)
                answer.lengths.append(int(fields["characters"]))
            elif kind == "ended":
                answer.ended = True
                # Of two answers to the same question the other one may have been taken for this: what looked further
                # than had been said is looked at again.
                for page in [page for page in self._shows.values() if page.answer is answer]:
                    self._look(page, now)
            answer.changed = now

    def _shown(self, key: Key, root: Key | None, text: str, now: float) -> None:
        page = self._shows.get(key)
        if page is not None and page.answer.request not in self._answers and len(text) < len(page.text):
            page = None  # what was whole begins anew: it was asked again, in the same message
        page = page or self._recognise(key, root, text)
        if page is None or page.answer.request not in self._answers:
            return
        self._shows[key] = page
        while len(self._shows) > REMEMBERED:
            self._shows.popitem(last=False)
        page.text = text
        page.answer.root = page.answer.root or root or key
        self._look(page, now)

    def _look(self, page: Page, now: float) -> None:
        """How far a viewer of this message has seen."""
        answer = page.answer
        said = self._words(answer.request)
        places = [place for place, letter in enumerate(said) if letter.isalnum()]
        found = _reached("".join(said[place] for place in places), page.text, page.begins, answer.letters)
        if found > answer.letters:
            answer.letters, answer.changed = found, now
        # Markup and space behind the last letter count as seen: nobody could tell.
        answer.seen = places[answer.letters] if answer.letters < len(places) else len(said)
        if answer.ended and answer.seen >= answer.said:
            self._forget(answer)

    def _recognise(self, key: Key, root: Key | None, text: str) -> Page | None:
        """The answer that a new message goes on with: the one whose words it begins with, nearest to what was seen.

        Where a dialect changed the first words too (a row of a table that became a line of a list), the last ones tell.
        """
        head = _letters(text)[:HEAD]
        if not head:
            return None
        # A question may reach Claude in other words than it was asked in: with a file, with the message it is about.
        anybody = [one for one in self._answers.values() if one.root is None]
        return self._best(self._candidates(key, root), head, text) or self._best(anybody, head, text)

    def _best(self, answers: list[Answer], head: str, text: str) -> Page | None:
        begun: list[tuple[int, Page]] = []
        ended: list[tuple[int, Page]] = []
        for answer in answers:
            said = _letters(self._words(answer.request))
            place = said.find(head, max(0, answer.letters - BACK))
            if place >= 0:
                begun.append((abs(place - answer.letters), Page(answer, place)))
            elif answer.root is not None:
                reached = _reached(said, text, answer.letters, answer.letters)
                if reached > answer.letters:
                    ended.append((reached - answer.letters, Page(answer, answer.letters)))
        return min(begun or ended, key=lambda found: found[0], default=(0, None))[1]

    def _candidates(self, key: Key, root: Key | None) -> list[Answer]:
        """Answers to the question that `root` is; a further page replies to nothing, and goes on in its channel."""
        if root is None:
            return [one for one in self._answers.values() if one.root is None or one.root[:2] == key[:2]]
        asked = self._asked_in.get(root, "")
        return [
            one
            for one in self._answers.values()
            if one.root == root
            or (one.root is None and (asked.endswith(one.question) or one.question.endswith(asked)))
        ]

    def _forget(self, answer: Answer) -> None:
        """It is over. Its messages stay known, so that a last edit of theirs is not taken for another answer."""
        self._answers.pop(answer.request, None)

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


def _reached(said: str, text: str, begins: int, before: int) -> int:
    """How many letters of `said` a viewer of `text` has seen, where `before` were seen already.

    Words may come again: of the places where the last words stand, the one is taken that is nearest to where they
    would stand if the dialect had changed nothing.
    """
    lines = text.split("\n")
    for cut in range(min(FOOTERS + 1, len(lines))):
        shown = _letters("\n".join(lines[: len(lines) - cut]))
        expected = begins + len(shown)
        for length in TAILS:
            ends = _ends(said, shown[-length:], max(0, before - BACK))
            nearest = min(ends, key=lambda end: abs(end - expected), default=None)
            # A short tail may stand anywhere: it counts only close to where it should be.
            if nearest is not None and (length >= LONG or abs(nearest - expected) <= NEAR):
                return nearest
    return before


def _ends(said: str, tail: str, start: int) -> list[int]:
    ends = []
    while tail and (place := said.find(tail, start)) >= 0:
        ends.append(place + len(tail))
        start = place + 1
    return ends
