"""The end of a text that is still being written: how much of it to show, and what to close. Law: in doubt, wait.

A delimiter that has just come may open something, or be a plain character: only what follows tells. So the text from
the first such place on is held back, for at most `PATIENCE` characters; then emphasis is closed and the rest is shown
as it is. Nothing else is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.markup import Leaf, Reading, Syntax
from bot.reply.undecided import PATIENCE, reference_at_end, texts, touching, trailing, unresolved

_ROUNDS = 6  # one opener in front of another, each held back in turn: more is nobody's writing
_CELL = 60  # a bar so early in a line may be a header's: the line waits as a whole
_AGAIN = 6_000  # characters read again for one frame, at most
FEW = 24  # delimiters left open in one paragraph: past this they are characters
_MARKS = 40  # and a quote's or list's marks in front of it, which say nothing alone

_LEAD = re.compile(r"(?:[ \t]*>)*[ \t]*")
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])[ \t]+")
_DANGLING = re.compile(
    r"(?:\d{1,9}[.)]?|[-+*=_ \t]+|\#{1,6}|\[[ xX]?\]?|`{1,2}|~{1,2}|(?:`{3,}[^`\n]*|~{3,}[^\n]*)|:?-[-:| \t]*|\$\$?|<[!/]?)?"
    r"[ \t]*",
)
_SEPARATOR = re.compile(r"[ \t|:-]*")
_RUN = re.compile(r"(?<!\\)([*_~`])\1*\Z")
_DEFINITION = re.compile(r"\[(?!\^)(?:\\.|[^\[\]\\])+\]:")
_DISPLAYED = {"$$": "$$", "\\[": "\\]"}  # what closes a formula that stands by itself


@dataclass(frozen=True, slots=True)
class Healed:
    """Show the source up to `end`, then `closers`. `reading`: of just that much, where it is at hand."""

    end: int
    closers: str = ""
    reading: Reading | None = None


def close(reading: Reading, syntax: Syntax, again: Callable[[str], Reading]) -> tuple[int, str]:
    """Where a text that was cut short ends, and what closes what it leaves open: no word of it is held back.

    Delimiters at its end are not whole, or open nothing; they go, unless they are neither.
    """
    source = reading.source
    if reading.leaf.fence:
        return len(source), close_fence(reading.leaf, source, len(source))
    end = len(source.rstrip())
    run = _RUN.search(source, reading.leaf.start, end)
    if run is not None:
        before = len(source[: run.start()].rstrip())
        opened = [what for _, what in _left_open(again(source[:before]), syntax)]
        if before < run.start() or any(what[0] == run[0][0] for what in opened):
            end = before
    places = _left_open(again(source[:end]) if end < len(source) else reading, syntax)
    ticks = next((number for number, (_, what) in enumerate(places) if what[0] == "`"), len(places))
    closers = [what for _, what in places[: ticks + 1]]  # what follows a backtick is code
    return end, "".join(reversed(closers)) if len(closers) <= FEW else ""


def _left_open(reading: Reading, syntax: Syntax) -> list[tuple[int, str]]:
    """Emphasis and code that nothing has closed, in order."""
    if reading.leaf.kind not in ("paragraph", "heading", "item"):
        return []
    places = unresolved(reading, syntax, whole=True)
    return [(at, what) for at, what in places if what and not what.strip("*_~`")]


def close_fence(leaf: Leaf, source: str, end: int) -> str:
    """What closes the fence that is open at `end`."""
    if not leaf.fence:
        return ""
    return f"{'' if source[end - 1 : end] == chr(10) else chr(10)}{leaf.prefix}{leaf.fence}"


def heal(
    reading: Reading, syntax: Syntax, again: Callable[[str], Reading], floor: int, *, tables: int = 0
) -> Healed:
    """How to show a reading whose source will go on. Nothing before `floor` is held back.

    again   reads a part of it
    tables  how many of its tables are shown as tables
    """
    source, leaf = reading.source, reading.leaf
    if leaf.fence:
        return _heal_fence(reading, floor)
    size = len(source)
    end = _hold_lines(reading, size, tables)
    closers: list[str] = []
    whole = end == size
    if not whole:
        reading = again(source[:end])
        leaf = reading.leaf
        if leaf.fence:
            return _heal_fence(reading, floor)
    rounds, most = 0, max(1, min(_ROUNDS, _AGAIN // max(1, size)))
    while leaf.kind in ("paragraph", "heading", "item", "html_block") and end > leaf.start:
        rounds += 1
        if rounds > most:
            end = max(floor, size - PATIENCE)
            break
        loose = unresolved(reading, syntax, whole=whole)
        if whole:
            loose = sorted(loose + trailing(reading) + reference_at_end(reading))
        else:
            loose = sorted(loose + touching(reading))
        held = next((at for at, _ in loose if at >= floor and size - at <= PATIENCE), end)
        if held >= end:
            closers = _closers(loose, source, floor)
            closers = closers if len(closers) <= FEW else []
            break
        # What is left is read again: an opener may have lost the closer that was held back.
        end, whole = held, False
        reading = again(source[:end])
        leaf = reading.leaf
    read_to = end
    while True:
        stripped = _stripped(source, end)
        checked = floor < stripped and end < size and leaf.kind != "table"
        held = min(_dangling(source, end), stripped) if checked else stripped
        if held == stripped or size - held > PATIENCE + _MARKS or _in_code(reading, stripped):
            break
        end = held
    if stripped <= floor:
        return Healed(floor)
    spaces = not source[stripped:end].strip()
    at_hand = reading if not closers and spaces and len(reading.source) == read_to == end else None
    return Healed(stripped, "".join(reversed(closers)), at_hand)


def _closers(loose: Sequence[tuple[int, str]], source: str, floor: int) -> list[str]:
    """What is closed for as long as it is open: emphasis, and a formula that stands by itself."""
    found: list[str] = []
    for at, what in loose:
        if at < floor:
            continue
        if what in _DISPLAYED and not source[_line_start(source, at) : at].strip():
            return [*found, _DISPLAYED[what]]
        if what and not what.strip("*_~"):
            found.append(what)
    return found


def _stripped(source: str, end: int) -> int:
    """`end` without the white space before it, nor a line break's backslash."""
    stripped = len(source[:end].rstrip())
    slashes = stripped - len(source[:stripped].rstrip("\\"))
    return stripped - slashes % 2 if stripped < len(source) else stripped


def _in_code(reading: Reading, end: int) -> bool:
    return any(m.kind in ("fenced", "body", "indented") and m.start < end <= m.end for m in reading.marks)


def _heal_fence(reading: Reading, floor: int) -> Healed:
    source, leaf = reading.source, reading.leaf
    last = source.rfind("\n") + 1
    end = len(source)
    if last <= leaf.start:
        return Healed(_line_start(source, leaf.start) if leaf.start >= floor else floor)
    line = source[last:].lstrip(" \t>")
    if not line.strip(leaf.fence[0] + " \t") and end - last <= PATIENCE:
        end = last
    shown = source[:end].rstrip()
    body = source.find("\n", leaf.start) + 1
    if len(shown) < body and leaf.start >= floor:
        return Healed(_line_start(source, leaf.start))
    end = max(len(shown), min(body, end), floor)
    return Healed(end, close_fence(leaf, source, end))


def _line_start(source: str, at: int) -> int:
    return source.rfind("\n", 0, at) + 1


def _hold_lines(reading: Reading, end: int, tables: int) -> int:
    """A line that is nothing but marks so far, a row that is not whole, a header whose separator has not come."""
    source, leaf = reading.source, reading.leaf
    last = source.rfind("\n", 0, end) + 1
    held = end
    if leaf.kind == "fence":
        return end  # its closing line may yet turn out to be code, which looks the same
    if leaf.kind == "table":
        table = reading.tables[-1]
        if table.end >= end:
            # One that is laid out is nothing without a row, which may make a list of it.
            least = 1 if len(reading.tables) <= tables else 2
            if last <= table.ends[0] or sum(row <= last for row in table.ends) < least:
                held = source.rfind("\n", 0, table.start) + 1
            else:
                held = last
    elif leaf.kind == "definition":
        held = last
    elif leaf.kind == "html_block":
        tag = source.rfind("<", leaf.start)
        held = min(_dangling(source, end), tag if tag >= 0 and ">" not in source[tag:] else end)
    else:
        held = _dangling(source, end)
        if leaf.kind in ("paragraph", "heading"):
            if _DEFINITION.match(source, leaf.start):
                held = min(held, source.rfind("\n", 0, leaf.start) + 1)
            held = min(held, _hold_header(reading, end))
        if leaf.kind in ("paragraph", "code_block"):
            held = min(held, _hold_title(reading, end))
    return held if end - held <= PATIENCE else end


def _dangling(source: str, end: int) -> int:
    """Where the last line begins if it is marks alone, else `end`."""
    text = source[:end].rstrip()
    last = text.rfind("\n") + 1
    lead = _LEAD.match(text, last)
    at = lead.end() if lead else last
    if len(text) - last > 2 * PATIENCE:
        return end  # nobody would wait for it
    padded = text + " "
    while found := _ITEM.match(padded, at):
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
    for start, stop in texts(reading):
        bar = source.find("|", max(start, last), min(stop, end))
        if bar >= 0:
            return last if bar - last <= _CELL else bar
    return end


def _hold_title(reading: Reading, end: int) -> int:
    """A line right under a link's definition may be its title."""
    above = [block for block in reading.blocks if block.kind == "definition"]
    line = reading.source.rfind("\n", 0, reading.leaf.start + 1) + 1
    if not above or above[-1].end != line:
        return end
    return line if reading.source[line:].lstrip()[:1] in ("'", '"', "(") else end


def open_places(reading: Reading, syntax: Syntax) -> list[int]:
    """The places of the last block from which on later text may read it otherwise, in order."""
    found = unresolved(reading, syntax, whole=True) + trailing(reading) + reference_at_end(reading)
    dangling = _dangling(reading.source, len(reading.source))
    places = {at for at, _ in found} | ({dangling} if dangling < len(reading.source) else set())
    return sorted(places)
