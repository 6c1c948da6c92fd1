"""What at the end of a text is not decided yet: characters that what follows may turn into markup. Law: a place is named
for as long as any text could follow that makes something of it, and no longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.markup import Reading, Syntax
from bot.reply.cuts import parts, runs

PATIENCE = 200  # characters held back at most (the product's promise); nobody waits longer for a bracket
_CROWD = 80  # brackets in one paragraph: past this they are characters
_TRAILING = re.compile(r"(?:[*_~`]+|[\\!$]|&#?\w{0,31}|\u200d|[\U0001f1e6-\U0001f1ff]+)\Z")
_OPENERS = re.compile(r"\\.|`+|!?\[|\]|<|\$\$?", re.DOTALL)
_AMOUNT = re.compile(r"\d[\d.,]*")
_ADDRESS_PART = re.compile(r"(?:[^\x00-\x20()\\]|\\.)*(\(|\)|\\$|)", re.DOTALL)
_DEEP = 32  # brackets within an address: the parser's own bound
_TAG = re.compile(r"<(?:[A-Za-z/!?][^<>]*)?", re.DOTALL)


def unresolved(reading: Reading, syntax: Syntax, *, whole: bool) -> list[tuple[int, str]]:
    """Where something stands that later text may turn into markup, in order."""
    places = runs(reading.leaf)
    places.extend(_openers(reading, syntax, whole=whole))
    return sorted(places)


def trailing(reading: Reading) -> list[tuple[int, str]]:
    """What the next character may change: a run of delimiters, a backslash, an entity."""
    source, leaf = reading.source, reading.leaf
    display = reading.marks[-1] if reading.marks else None
    if display and display.kind == "formula" and display.level and not source[display.end :].strip(" "):
        return [(display.start, "")]  # on a line of its own it is a block, with more on the line it is not
    found = _TRAILING.search(source, max(leaf.start, len(source) - PATIENCE))
    if found is None:
        return []
    at = found.start()
    if found[0] == "\u200d":  # something will be joined to the character in front of it
        at -= 1
        while at > leaf.start and not parts(source, at):
            at -= 1
        return [(at, "")]
    if found[0][0] >= "\U0001f1e6":  # letters of flags come in pairs
        return [(len(source) - 1, "")] if len(found[0]) % 2 else []
    last = next((mark for mark in reversed(reading.marks) if mark.start <= at < mark.end), None)
    if last is not None and last.kind in ("escape", "entity"):
        return []
    if last is not None and last.kind in ("code", "formula", "image", "footnote"):
        at = last.start
    return [(at, "")]


def touching(reading: Reading) -> list[tuple[int, str]]:
    """A run of delimiters right in front of what is held back: what it is depends on that."""
    source, leaf = reading.source, reading.leaf
    at = len(source.rstrip("*_~"))
    inside = any(m.start <= at < m.end for m in reading.marks if m.kind not in ("strong", "em", "strike"))
    return [(at, "")] if leaf.start <= at < len(source) and not inside else []


def reference_at_end(reading: Reading) -> list[tuple[int, str]]:
    """`[label]` is a link by its definition, unless an address, a second label or a colon follows."""
    opened: list[int] = []
    for mark in reading.marks:
        if mark.kind == "link":
            opened.append(mark.start)
        elif mark.kind == "target" and opened:
            start = opened.pop()
            if mark.level and mark.end == len(reading.source):
                return [(start, "[")]
    return []


def texts(reading: Reading) -> Iterator[tuple[int, int]]:
    """The stretches of the last block that are not markup."""
    at = reading.leaf.start
    for mark in reading.marks:
        if mark.start >= at:
            yield at, mark.start
        at = max(at, mark.end)
    yield at, len(reading.source)


def _openers(reading: Reading, syntax: Syntax, *, whole: bool) -> list[tuple[int, str]]:
    source = reading.source
    places: list[tuple[int, str]] = []
    brackets: list[int] = []
    seen = 0
    for start, end in texts(reading):
        for found in _OPENERS.finditer(source, start, end):
            what, at = found[0], found.start()
            if what[0] == "`":
                places.append((at, what))
            elif what in ("[", "!["):
                seen += 1
                if seen <= _CROWD:
                    brackets.append(at)
            elif what == "]" and brackets:
                opened = brackets.pop()
                rest = found.end()
                if _may_be_link(source, rest) if rest < len(source) else whole:
                    places.append((opened, "["))
            elif what == "<" and syntax.html and _TAG.fullmatch(source, at):
                places.append((at, "<"))
            elif (
                syntax.math and what[0] == "$" and _may_be_formula(source, found.end(), display=what == "$$")
            ):
                places.append((at, what))
    places.extend((at, "[") for at in brackets)
    if syntax.math:
        for opening, closing in (("\\(", "\\)"), ("\\[", "\\]")):
            at = source.find(opening, max(reading.leaf.start, source.rfind(closing)))
            while at >= 0:
                places.append((at, opening))
                at = source.find(opening, at + 2)
    return places


def _may_be_formula(source: str, at: int, *, display: bool) -> bool:
    """Whether a dollar may open a formula: `$5` and `$1,000` do not."""
    if display:
        return True
    amount = _AMOUNT.match(source, at)
    after = source[amount.end() if amount else at :][:1]
    if amount and after:
        return after.isalpha() or after in "^_\\=+*/({-"
    return "\n" not in source[at:] and not after.isspace()


def _may_be_link(source: str, at: int) -> bool:
    """Whether what follows a `]` may yet become a link's address, title or label."""
    if source[at] == "[":
        return "]" not in source[at:]
    if source[at] != "(":
        return False
    rest = _skip(source, at + 1)
    if source.startswith("<", rest):
        end = _closer(source, rest + 1, ">")
        if end < 0:
            return "\n" not in source[rest:]
    else:
        end = _address_end(source, rest) - 1
        if end < -1 or source[end + 1 : end + 2] == ")":
            return False
    title = _skip(source, end + 1)
    if title >= len(source):
        return True
    pair = {'"': '"', "'": "'", "(": ")"}.get(source[title])
    if pair is None or title == end + 1:
        return False
    end = _closer(source, title + 1, pair)
    return end < 0 or _skip(source, end + 1) >= len(source)


def _skip(source: str, at: int) -> int:
    while at < len(source) and source[at] in " \t\n":
        at += 1
    return at


def _closer(source: str, at: int, which: str) -> int:
    while at < len(source):
        if source[at] == "\\":
            at += 1
        elif source[at] == which:
            return at
        at += 1
    return -1


def _address_end(source: str, at: int) -> int:
    """Where a bare address ends: at white space, or at a bracket that closes more than it opened. -1: in none."""
    depth = 0
    while found := _ADDRESS_PART.match(source, at):
        at = found.end()
        if found[1] == "(":
            depth += 1
            if depth > _DEEP:
                return -1
        elif found[1] == ")":
            if depth == 0:
                return at - 1
            depth -= 1
        elif not found[1]:
            break
    return min(at, len(source))
