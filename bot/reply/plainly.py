r"""A page as plain text, for when the reading of its Markdown has failed. Law: nothing here can fail on what is written.

The reading is an acrobat: a parser that is not ours, healing, cutting, all of it at every prefix. Should it fall, the
page goes on in the simplest way there is: each line is text, with a backslash before whatever could be markup; only
fences at a line's start stay fences; a page ends at a line, a word or a character. What a frame had called settled
before the fall stays as it was shown.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from bot.markup import Mark
from bot.ports import Dialect
from bot.reply.cuts import parts
from bot.reply.sheet import Closing, Frame, trimmed

_FENCE = re.compile(r"[ ]{0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$")
_NESTED = re.compile(r"^(?:[ \t>]|[-*+] |\d{1,9}[.)] )+(?:```|~~~)", re.MULTILINE)
_HEAD = re.compile(r"[ ]{0,3}(?:`{3,}[^`\n]*|~{3,}[^\n]*)\n\Z")
_LEAD = re.compile(r"[ \t]*")
_FIRST = re.compile(r"[#>+=-]|\d{1,9}(?=[.)])")  # what makes more than text of a line
# A bare address is one thing to every reader, so that nothing in it is markup.
_MARKUP = re.compile(
    r"(?P<address>(?:https?|ftp)://[^\s<>`|\]]*[^\s<>`|\].,:;!?\"'*_~\\])|[\\`*_~|\[]", re.IGNORECASE
)
_INDENTED, _INDENT = 3, 16  # columns of indentation that are none; those that are shown, at most
_NEAR, _FAR = 160, 200  # a step ends at the first line's end after so many characters, else after so many
_GAIN = 5  # times its length that a text may cost, at most: `<` is written `&lt;` and may stand behind a backslash
_CLOSED = 16  # and so much for closing a fence
_PART = 8  # a fence whose line takes more than so small a part of a page is text
# How full a page must be, at least, to be cut at a line, at a word, between two characters, within one.
_SHARES = (0.5, 0.05, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the page shows already and may not take back: the text, and up to where in the page's source that is."""

    text: str = ""
    upto: int = 0


class PlainPage:
    """One page's text while it grows; the same questions as `growth.OpenPage` answers."""

    def __init__(self, dialect: Dialect, limit: int, begin: Closing, kept: Kept, source: str) -> None:
        self._dialect = dialect
        self._limit = limit
        if _NESTED.search(kept.text):
            kept = Kept()  # a fence within a list cannot be gone on with line by line
        self._kept = kept
        self._source = ""
        self._within, _ = _open_fence(kept.text, limit)  # the fence that the text begins in
        self._joint = _joint(source[: kept.upto], fenced=bool(self._within)) if kept.text else ""
        self._lead, self._from = "", kept.upto
        if not kept.text:
            numbered = begin.skip > 0 and begin.head.strip().isdigit()
            self._lead = begin.head if _HEAD.match(begin.head) or numbered else ""
            self._from = begin.skip
        self._text = self._lead
        self._taken = 0  # of the source
        self._checked = 0
        self._measured = (0, self._dialect.cost(kept.text))  # up to here the page cost so much
        self.grow(source)

    def grow(self, text: str) -> None:
        """More source."""
        self._source += text
        self._take(last=False)

    def rest(self, closing: Closing) -> str:
        """The source after the cut."""
        return self._source[closing.end :]

    def advance(self, *, last: bool, short: bool = False) -> Closing | None:  # noqa: ARG002 (plain text leaves nothing open)
        """Go over the text step by step. A closing, if a step found the page overflowing."""
        if last:
            self._take(last=True)
        while (point := self._next_step(last=last)) is not None:
            at, cost = self._measured
            if cost + _GAIN * self._dialect.cost(self._text[at:point]) + _CLOSED > self._limit:
                cost = self._dialect.cost(self._ended(point))
                if cost > self._limit:
                    return self._cut(point)
                self._measured = point, cost
            self._checked = point
        return None

    def frame(self) -> Frame | None:
        """The page now; None while there is nothing to show."""
        end = len(self._text)
        line = self._text.rfind("\n") + 1
        fence, _ = self._fence_at(line)
        tail = self._text[line:]
        if end - line <= _FAR and (
            tail.lstrip(" ")[:1] in ("`", "~") or (fence and not tail.strip(fence[0] + " "))
        ):
            end = line  # a fence may begin or end here
        text = self._ended(end)
        if self._dialect.cost(text) > self._limit:
            end = self._checked
            text = self._ended(end)
        if not text:
            return None
        sure = min(line, end)
        settled = (
            trimmed(self._kept.text + self._written(sure)) if self._text[:sure].strip() else self._kept.text
        )
        certain = len(settled) if text.startswith(settled) else 0
        return Frame(text, self._to_source(end), certain, self._to_source(sure))

    def seal(self) -> Closing | None:
        """The page closes where what is certain ends; None if nothing is."""
        at = self._text.rfind("\n") + 1
        if self._text[len(self._lead) : at].strip():
            return self._closing(at)
        return self._closing(0) if self._kept.text else None

    def whole(self, *, short: bool = False) -> str:  # noqa: ARG002 (as above)
        """The page as it is when no more comes."""
        return self._ended(len(self._text))

    # ---------------------------------------------------------------------------------------------- inside

    def _take(self, *, last: bool) -> None:
        """Source into text, one character for one; half of a line's end waits."""
        end = len(self._source)
        if not last and self._source.endswith("\r"):
            end -= 1
        if end <= self._from:
            return
        begin = max(self._from, self._taken)
        self._taken = end
        fresh = self._source[begin:end].replace("\r\n", " \n").replace("\r", "\n").replace("\0", "\ufffd")
        self._text += fresh

    def _next_step(self, *, last: bool) -> int | None:
        line = self._text.find("\n", self._checked + _NEAR, self._checked + _FAR)
        if line >= 0:
            return line + 1
        if len(self._text) >= self._checked + _FAR:
            return self._checked + _FAR
        return len(self._text) if last and len(self._text) > self._checked else None

    def _to_source(self, at: int) -> int:
        if at <= len(self._lead):
            return self._kept.upto
        return self._from + at - len(self._lead)

    def _fence_at(self, at: int) -> tuple[str, str]:
        """The fence that is open at a place of the text, and its opening line; "" where none is."""
        return _open_fence(self._text[:at], self._limit, self._within)

    def _ended(self, at: int) -> str:
        """The page's text if it ended there."""
        return trimmed(self._kept.text + self._written(at, close=True))

    def _written(self, at: int, *, close: bool = False) -> str:
        text = self._text[:at].rstrip()
        fence, _ = self._fence_at(len(text))
        if close and fence:
            text += f"\n{fence}"
        source, marks = _marked(text, self._limit, self._within)
        shown = self._dialect.render(source, marks, 0, len(source))
        return self._joint + shown if shown.strip() else ""

    # ---------------------------------------------------------------------------------------------- cutting

    def _cut(self, point: int) -> Closing:
        floor = len(self._lead)
        while floor < point and self._text[floor].isspace() and not self._kept.text:
            floor += 1
        places = range(floor + 1, point)
        found = 0
        for kind, share in enumerate(_SHARES):
            which = [at for at in places if self._parts(at, kind)]
            cut = bisect_right(which, False, key=lambda at: self._dialect.cost(self._ended(at)) > self._limit)
            found = which[cut - 1] if cut else 0
            if found and self._dialect.cost(self._ended(found)) >= share * self._limit:
                return self._closing(found)
        if self._kept.text:
            return self._closing(0)
        if self._lead:
            return Closing()
        raise ValueError(f"a page of {self._limit} cannot hold a single character of this text")

    def _parts(self, at: int, kind: int) -> bool:
        """Whether a line, a word or a character ends there; the last kind is any place."""
        if kind == 0:
            return self._text[at - 1] == "\n"
        if kind == 1:
            return self._text[at - 1].isspace() and not self._text[at].isspace()
        return kind > 2 or parts(self._text, at)

    def _closing(self, at: int) -> Closing:
        fence, opening = self._fence_at(at)
        head = f"{opening}\n" if fence else ""
        midway = bool(at) and self._text[at - 1] != "\n"
        return Closing(self._ended(at), self._to_source(at), head, midway=midway)


def _joint(before: str, *, fenced: bool) -> str:
    """What stands between what the page shows already and the rest."""
    space = before[len(before.rstrip()) :]
    if fenced:
        return "\n"
    return "\n\n" if "\n" in space or "\r" in space else " " if space else ""


def _open_fence(text: str, limit: int, within: str = "") -> tuple[str, str]:
    """The fence that is open at the end of a text that begins in the fence `within`, and its opening line."""
    fence, opening = within, within
    for line in text.split("\n"):
        if fence:
            if _closes(line, fence):
                fence = opening = ""
        elif (found := _FENCE.match(line)) and len(line) * _PART <= limit:
            fence, opening = found[1], line
    return fence, opening


def _closes(line: str, fence: str) -> bool:
    bare = line.strip(" \t")
    return (
        len(bare) >= len(fence)
        and not bare.strip(fence[0])
        and len(line) - len(line.lstrip(" ")) <= _INDENTED
    )


def _marked(text: str, limit: int, within: str) -> tuple[str, list[Mark]]:
    """The text as Markdown that shows it as it was written, and its marks."""
    out: list[str] = []
    marks: list[Mark] = []
    fence, at = within, 0
    for number, line in enumerate(text.split("\n")):
        at += number > 0
        written = line
        start = at + len(line) - len(line.lstrip(" "))
        if fence:
            closes = _closes(line, fence)
            marks.append(Mark("fenced" if closes else "body", start if closes else at, at + len(line)))
            fence = "" if closes else fence
        elif (found := _FENCE.match(line)) and len(line) * _PART <= limit:
            fence = found[1]
            marks.append(Mark("fence", start, at + len(line), found[2].strip()))
        else:
            written = "".join(_escaped(line, at, marks))
        out.append(written)
        at += len(written)
    return "\n".join(out), marks


def _escaped(line: str, at: int, marks: list[Mark]) -> Iterator[str]:
    """A line with backslashes, piece by piece; it begins at `at` in what is written."""
    lead = _LEAD.match(line)
    place = lead.end() if lead else 0
    columns = len(line[:place].expandtabs(4))
    indent = " " * columns if columns <= _INDENTED else "\u00a0" * min(columns, _INDENT)
    yield indent
    at += len(indent)
    # What makes more than text of a line: its first character, or what stands behind a number.
    first = _FIRST.match(line, place)
    special = first.end() - (not first[0].isdigit()) if first else -1
    for found in _MARKUP.finditer(line, place):
        if place <= special < found.start():
            yield line[place:special]
            at += special - place
            yield _backslash(line[special], at, marks)
            at, place = at + 2, special + 1
        yield line[place : found.start()]
        at += found.start() - place
        place = found.end()
        if found["address"]:
            marks.append(Mark("url", at, at + len(found[0])))
            yield found[0]
            at += len(found[0])
        else:
            yield _backslash(found[0], at, marks)
            at += 2
    if special >= place:
        yield line[place:special]
        at += special - place
        yield _backslash(line[special], at, marks)
        place = special + 1
    yield line[place:]


def _backslash(char: str, at: int, marks: list[Mark]) -> str:
    marks.append(Mark("escape", at, at + 2, char))
    return f"\\{char}"
