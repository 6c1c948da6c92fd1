"""The end of a text that is still being written: how much of it to show, and what to close. Law: in doubt, wait.

A delimiter that has just come may open something, or be a plain character: only what follows tells. So the text from
the first such place on is held back, for at most `PATIENCE` characters; then emphasis is closed and the rest is shown
as it is. Nothing else is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.markup import Leaf, Reading, Syntax

PATIENCE = 200  # characters held back at most (the product's promise); nobody waits longer for a bracket

_LEAD = re.compile(r"(?:[ \t]*>)*[ \t]*")
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])[ \t]+")
_DANGLING = re.compile(
    r"(?:\d{1,9}[.)]?|[-+*=_ \t]+|\#{1,6}|\[[ xX]?\]?|`{1,2}|~{1,2}|(?:`{3,}[^`\n]*|~{3,}[^\n]*)|:?-[-:| \t]*|\$\$?|<[!/]?)?"
    r"[ \t]*",
)
_SEPARATOR = re.compile(r"[ \t|:-]*")
_TRAILING = re.compile(r"(?:[*_~`]+|[\\!$]|&#?\w{0,31}|\]|[\U0001f1e6-\U0001f1ff\u200d]+)$")
_OPENERS = re.compile(r"\\.|`+|!?\[|\]|<|\$\$?", re.DOTALL)
_TARGET = re.compile(
    r"\(\s*(?:<[^<>\n]*>?|[^\s<][^\s]*)?(?:\s+(?:\"[^\"]*\"?|'[^']*'?|\([^)]*\)?)?)?\s*", re.DOTALL
)
_TAG = re.compile(r"<(?:[A-Za-z/!?][^<>]*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Healed:
    """Show the source up to `end`, then `closers`."""

    end: int
    closers: str = ""


def close_fence(leaf: Leaf, source: str, end: int) -> str:
    """What closes the fence that is open at `end`."""
    if not leaf.fence:
        return ""
    return f"{'' if source[end - 1 : end] == chr(10) else chr(10)}{leaf.prefix}{leaf.fence}"


def heal(reading: Reading, syntax: Syntax, floor: int, *, patience: int = PATIENCE) -> Healed:
    """How to show a reading whose source will go on. Nothing before `floor` is held back."""
    source, leaf = reading.source, reading.leaf
    if leaf.fence:
        return _heal_fence(reading, floor)
    end = _hold_lines(reading, len(source))
    closers: list[str] = []
    if leaf.kind in ("paragraph", "heading", "item") and end == len(source):
        for at, delimiter in _unresolved(reading, syntax):
            if at >= floor and len(source) - at <= patience:
                end = at
                break
            if delimiter in ("*", "**", "_", "__", "~~", "***") and at >= floor:
                closers.append(delimiter)
    while True:
        stripped = len(source[:end].rstrip())
        held = _dangling(source, stripped) if stripped > floor and end < len(source) else stripped
        if held == stripped or len(source) - held > PATIENCE:
            break
        end = held
    return Healed(max(stripped, floor), "".join(reversed(closers)) if stripped > floor else "")


def _heal_fence(reading: Reading, floor: int) -> Healed:
    source, leaf = reading.source, reading.leaf
    last = source.rfind("\n") + 1
    end = len(source)
    if last <= leaf.start:
        return Healed(_line_start(source, leaf.start) if leaf.start >= floor else floor)
    line = source[last:].lstrip(" \t>")
    if line and not line.strip(leaf.fence[0] + " \t") and len(line) <= PATIENCE:
        end = last
    shown = source[:end].rstrip()
    body = source.find("\n", leaf.start) + 1
    if len(shown) < body and leaf.start >= floor:
        return Healed(_line_start(source, leaf.start))
    end = max(len(shown), min(body, end), floor)
    return Healed(end, close_fence(leaf, source, end))


def _line_start(source: str, at: int) -> int:
    return source.rfind("\n", 0, at) + 1


def _hold_lines(reading: Reading, end: int) -> int:
    """A line that is nothing but marks so far, a row that is not whole, a header whose separator has not come."""
    source, leaf = reading.source, reading.leaf
    last = source.rfind("\n", 0, end) + 1
    held = end
    if leaf.kind == "table":
        if last < end and source[last:end].strip() and reading.tables and reading.tables[-1].end >= end:
            held = last
    else:
        held = _dangling(source, end)
        if held == end and leaf.kind in ("paragraph", "heading"):
            held = _hold_header(reading, end)
    return held if end - held <= PATIENCE else end


def _dangling(source: str, end: int) -> int:
    """Where the last line begins if it is marks alone, else `end`."""
    text = source[:end].rstrip()
    last = text.rfind("\n") + 1
    lead = _LEAD.match(text, last)
    at = lead.end() if lead else last
    while found := _ITEM.match(text + " ", at):
        if found.end() > len(text):
            return last
        at = found.end()
    whole = end > len(text) and "\n" in source[len(text) : end]
    if at >= len(text):
        return last if last < len(text) else end
    if _DANGLING.fullmatch(text, at) and not whole:
        return last
    return end


def _hold_header(reading: Reading, end: int) -> int:
    """A line with a bar may be a table's header: wait at the bar until the next line tells."""
    source = reading.source
    text = source[:end].removesuffix("\n")
    last = text.rfind("\n") + 1
    if last and end == len(text) and _SEPARATOR.fullmatch(text, last):
        last = text.rfind("\n", 0, last - 1) + 1
    for start, stop in _texts(reading):
        bar = source.find("|", max(start, last), min(stop, end))
        if bar >= 0:
            return last if not source[last:bar].strip(" \t>") else bar
    return end


def _unresolved(reading: Reading, syntax: Syntax) -> list[tuple[int, str]]:
    """Where something stands that later text may turn into markup, in order."""
    source, leaf = reading.source, reading.leaf
    places: list[tuple[int, str]] = []
    for at, delimiter in leaf.loose:
        if places and places[-1][0] + len(places[-1][1]) == at and places[-1][1][0] == delimiter[0]:
            places[-1] = (places[-1][0], places[-1][1] + delimiter)
        else:
            places.append((at, delimiter))
    places.extend(_openers(reading, syntax))
    if trailing := _TRAILING.search(source, max(leaf.start, len(source) - PATIENCE)):
        at = trailing.start()
        if trailing[0] == "]":
            at = source.rfind("[", leaf.start, at)
            at -= source[at - 1 : at] == "!"
        if at >= 0:
            places.append((at, trailing[0][:1] if trailing[0] == "]" else "?"))
    return sorted(places)


def _texts(reading: Reading) -> Iterator[tuple[int, int]]:
    """The stretches of the last block that are not markup."""
    at = reading.leaf.start
    for mark in reading.marks:
        if mark.start >= at:
            yield at, mark.start
        at = max(at, mark.end)
    yield at, len(reading.source)


def _openers(reading: Reading, syntax: Syntax) -> list[tuple[int, str]]:
    source = reading.source
    places: list[tuple[int, str]] = []
    brackets: list[int] = []
    for start, end in _texts(reading):
        for found in _OPENERS.finditer(source, start, end):
            what, at = found[0], found.start()
            if what[0] == "`":
                places.append((at, what))
            elif what in ("[", "!["):
                brackets.append(at)
            elif what == "]" and brackets:
                opened = brackets.pop()
                rest = found.end()
                if source[rest : rest + 1] == "(":
                    if _TARGET.fullmatch(source, rest) and ")" not in source[rest:]:
                        places.append((opened, "["))
                elif source[rest : rest + 1] == "[" and "]" not in source[rest:]:
                    places.append((opened, "["))
            elif what == "<" and syntax.html and _TAG.fullmatch(source, at):
                places.append((at, "<"))
            elif (
                syntax.math
                and what[0] == "$"
                and not source[at + len(what) : at + len(what) + 1].isdigit()
                and (what == "$$" or ("\n" not in source[at:] and not source[at + 1 : at + 2].isspace()))
            ):
                places.append((at, what))
    places.extend((at, "[") for at in brackets)
    if syntax.math:
        for opening, closing in (("\\(", "\\)"), ("\\[", "\\]")):
            at = source.rfind(opening, reading.leaf.start)
            if at >= 0 and source.find(closing, at) < 0:
                places.append((at, opening))
    return places
