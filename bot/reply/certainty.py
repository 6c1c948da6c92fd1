"""What of a page no later text can change, so finely that a stream may show it word by word. Law: in doubt, less.

A platform that appends to a message takes nothing back. So of the open unit only that is certain of which neither the
reading nor the dialect's text depends on what follows: what stands in front of the block that is being written; a
fence's and a table's whole lines; of a paragraph the words that no delimiter, bracket, bar or dangling mark stands
before. Each certain place is one where the page can close (`cuts.at_place`).
"""

from __future__ import annotations

import re

from bot.markup import HEADER, Block, Reading, Syntax
from bot.reply.healing import open_places

# What would be read as a block's mark, or as a definition, if a page began with it; or may be, once more has come.
_RISKY = re.compile(
    r"(?!(?:\*{1,2}|_{1,2}|~~|`)\w|\[[^\[\]\n]*\]\()[-+*_#>=|~`:$<\\\[!]|\d{1,9}(?:[.)]|$)",
)
_BROAD = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u3001\u3002\uff01\uff0c\uff1f]")
_DEFINES = re.compile(r"\[[^\n]*\](?::|$)")


def certain_place(reading: Reading, syntax: Syntax, floor: int, limit: int, *, another: bool) -> int:
    """The last place up to `limit` where the page could close and all before it is certain; `floor` if there is none.

    another  whether the page would show one more table as a table
    """
    if syntax.html or syntax.math:
        return floor  # what a dialect rewrites is sure when it is settled
    source, leaf = reading.source, reading.leaf
    if leaf.fence and not leaf.prefix.strip():
        body = source.find("\n", leaf.start) + 1
        # Blank lines at the end wait: a frame does not show them either.
        line = source.find("\n", len(source[: source.rfind("\n") + 1].rstrip())) + 1
        if 0 < body < line <= limit:
            return max(line, floor)
    if leaf.kind == "table" and not leaf.prefix.strip():
        ends = reading.tables[-1].ends
        if len(ends) > 2 and ends[-2] <= limit:
            return max(ends[-2], floor)
    if leaf.kind == "paragraph" and ">" not in leaf.prefix:
        held = _held(reading, syntax, another=another)
        if place := _between_words(reading, max(floor, leaf.start), min(limit, held)):
            return place
    begun = [b.start for b in reading.blocks if floor < b.start <= limit and _begun(reading, b)]
    return max(begun, default=floor)


def _begun(reading: Reading, block: Block) -> bool:
    """Whether it is certain that all in front of the block is over."""
    source = reading.source
    if block.prefix.strip() or (block.depth and block.kind != "item"):
        return False
    if block.kind == "item":
        mark = next((m for m in reading.marks if m.start >= block.start and m.kind == "item"), None)
        return mark is not None and source[mark.end : mark.end + 1].strip() != ""
    if block.kind in ("heading", "fence", "quote"):
        return "\n" in source[block.start :] or source[: block.start].endswith("\n\n")
    return source[: block.start].endswith("\n\n")


def _held(reading: Reading, syntax: Syntax, *, another: bool) -> int:
    """The first place of the paragraph that is being written from which on it may yet be read otherwise."""
    source, start = reading.source, reading.leaf.start
    held = min(open_places(reading, syntax), default=len(source))
    above = [block for block in reading.blocks if block.kind == "definition"]
    below = bool(above) and above[-1].end == source.rfind("\n", 0, start + 1) + 1
    if below or _DEFINES.match(source, start):
        return start
    # A table's header may have no bar in front.
    text = source.removesuffix("\n")
    last = text.rfind("\n") + 1
    for line in {text.rfind("\n", 0, max(0, last - 1)) + 1, last}:
        end = source.find("\n", line)
        bar = source.find("|", line, end if end >= 0 else len(source))
        if bar >= 0 or (end < 0 and not another and len(source) - line <= HEADER):
            held = min(held, max(line, start))
    return held


def _between_words(reading: Reading, low: int, high: int) -> int:
    """The last place between words, after `low` and up to `high`, that is in no markup; 0 if there is none."""
    source = reading.source
    depth, at = 0, low
    stretches: list[tuple[int, int]] = []
    for mark in reading.marks:
        if mark.start < reading.leaf.start:
            continue
        if mark.start >= at and depth == 0:
            stretches.append((at, mark.start))
        if mark.kind in ("strong", "em", "strike"):
            depth += 1 if mark.text == "open" else -1
        elif mark.kind in ("link", "target"):
            depth += 1 if mark.kind == "link" else -1
        at = max(at, mark.end)
    if depth == 0:
        stretches.append((at, len(source)))
    for first, last in reversed(stretches):
        for place in range(min(last, high, len(source) - 1), max(first, low), -1):
            if _parts_words(source, place) and not _RISKY.match(source, place):
                return place
    return 0


def _parts_words(source: str, at: int) -> bool:
    before, after = source[at - 1], source[at]
    if after.isspace():
        return False
    return before in " \n" or bool(_BROAD.match(before) and _BROAD.match(after))
