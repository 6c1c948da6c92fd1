"""What of an open unit no later text can change. Law: whatever is settled would be read the same with more text after it.

Blocks before the last one; items before the last one; a fence's or table's whole lines; of a paragraph, the sentences
that nothing unclosed stands before. Each step says in which context the rest is to be read: a text put in front of it
that brings the parser to where it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from markdown_it.rules_block.html_block import HTML_SEQUENCES
from markdown_it.token import Token

from bot.markup import Reading, Syntax, line_starts
from bot.reply.cuts import parts
from bot.reply.healing import FEW, open_places

# An opener older than three times this that nothing closed is taken for a character; sooner, where there are many.
_LASTING, _CROWDED = 1_000, 400
_QUOTED = 500  # a quote longer than this is settled by its lines, each of which says that it is quoted
_BLANKS = 160  # blank lines that are worth settling
_LINES = 4  # of HTML
_ENDED = ("paragraph_open", "heading_open", "hr", "definition", "blockquote_open", "table_open")
_UNSETTLED = 60  # what a paragraph keeps open in any case
_STOP = re.compile(r"[.!?…:;][\"'”’)\]*_]*[ \n]+|[。！？；]+|\n")  # noqa: RUF001 (CJK punctuation)
_JOINED = "@<./:!&#"
_BLANK = re.compile(r"[ \n]+")
_SOLID = ("heading_open", "hr", "table_open")


@dataclass(frozen=True, slots=True)
class Step:
    """Settle the unit's source up to `upto` (its context included), and read the rest in `context`.

    number  of the next item, where an ordered list goes on
    solid   how many of what is settled are blocks of their own for a platform that counts them
    rows    where the unit is a table that goes on: how many of its rows are settled with this; None where it is not
    more    whether it is worth asking for another step at once
    """

    upto: int
    context: str = ""
    number: int = 0
    solid: int = 0
    rows: int | None = None
    more: bool = False


def lines_step(reading: Reading, context: str, number: int) -> Step | None:
    """The next step among whole lines; the source begins with `context` and ends with a line's end."""
    source = reading.source
    tokens = [t for t in reading.tokens if t.level <= 1 and t.nesting >= 0 and t.map]
    tops = [t for t in tokens if t.level == 0]
    if not tops:
        return Step(len(source), number=number) if not context and len(source) > _BLANKS else None
    starts = line_starts(source)
    final = tops[-1]
    begin = starts[_first(final)] if len(tops) > 1 else 0
    solid = 2 * sum(token.type in _SOLID for token in tops[:-1])
    if final.type in ("ordered_list_open", "bullet_list_open"):
        items = [_first(t) for t in tokens if t.type == "list_item_open" and _first(t) >= _first(final)]
        step = _items(final, items, starts, 0 if begin else number)
    elif final.type == "fence":
        step = _code(final, source, starts, "" if begin else context)
    elif final.type == "html_block":
        step = _html(final, source, starts, "" if begin else context)
    elif final.type == "table_open" and not begin:
        step = _rows(final, source, starts, context)
    else:
        step = None
    over = (
        final.type in _ENDED and not reading.leaf.fence and bool(final.map and final.map[1] < len(starts) - 1)
    )
    if step is None and over:
        step = Step(len(source))  # a blank line ends it
        solid += 2 * (final.type in _SOLID)
    elif step is None and begin:
        step = Step(begin, more=final.type == "table_open")
    if step is None or step.upto <= len(context):
        return None
    return replace(step, solid=solid)


def _first(token: Token) -> int:
    assert token.map is not None, "only tokens with lines are asked"
    return token.map[0]


def _items(top: Token, items: list[int], starts: list[int], number: int) -> Step | None:
    if len(items) < 2:
        return None
    begun = number or int(top.attrs.get("start", 1))
    return Step(starts[items[-1]], number=begun + len(items) - 1 if top.type == "ordered_list_open" else 0)


def _code(top: Token, source: str, starts: list[int], context: str) -> Step | None:
    """A fence that is open: all of its lines."""
    assert top.map is not None, "only tokens with lines are asked"
    if len(starts) < _first(top) + 3 or top.map[1] < len(starts) - 1:
        return None
    last = source[starts[-2] : starts[-1]].strip()
    if len(last) >= len(top.markup) and not last.strip(top.markup[0]) and len(starts) > _first(top) + 2:
        return None  # closed, or so like it that it can wait
    opening = context or source[starts[_first(top)] : starts[_first(top) + 1]]
    return Step(starts[-1], context=opening)


def _rows(top: Token, source: str, starts: list[int], context: str) -> Step | None:
    """A table that goes on: its whole rows."""
    assert top.map is not None, "only tokens with lines are asked"
    if top.map[1] < len(starts) - 1:
        return None
    head = context or source[starts[_first(top)] : starts[_first(top) + 2]]
    return Step(starts[-1], context=head, rows=top.map[1] - _first(top) - 2)


def _html(top: Token, source: str, starts: list[int], context: str) -> Step | None:
    """HTML that is open: all of its lines."""
    assert top.map is not None, "only tokens with lines are asked"
    lines = [source[start:end] for start, end in pairwise(starts[_first(top) :])]
    if top.map[1] < len(starts) - 1 or len(lines) < _LINES:
        return None
    end = next((last for first, last, _ in HTML_SEQUENCES if first.search(lines[0].lstrip())), None)
    if end is None or any(end.search(line.rstrip("\n")) for line in lines):
        return None
    return Step(starts[-1], context=context or lines[0])


def sentences_step(reading: Reading, context: str, syntax: Syntax) -> Step | None:
    """A long paragraph's sentences."""
    floor = len(context)
    leaf = reading.leaf
    tops = [block.kind for block in reading.blocks if block.depth == 0]
    if leaf.kind != "paragraph" or tops != ["paragraph"] or reading.tables:
        return None
    source = reading.source
    places = open_places(reading, syntax)
    lasting = _CROWDED if len(places) > FEW else 3 * _LASTING
    end = len(source) - _UNSETTLED
    end = next((at for at in places if at >= floor and at + lasting >= len(source)), end)
    end = min(end, len(source) - _UNSETTLED)
    at = _quiet_place(reading, floor, end, anywhere=len(source) - floor > lasting + 400)
    if at <= floor:
        return None
    return Step(at, context="x\n" if source[at - 1] == "\n" else "x " if source[at - 1].isspace() else "x")


def forced_step(reading: Reading, context: str) -> Step | None:
    """A unit that is longer than anybody writes (a quote or an item of pages): its lines, but for the last few.

    What is left is read as if it began there. At worst a line within a list is taken for code for a while, which a
    reader of the finished page never sees; reading it all again for every frame would cost more.
    """
    source, floor = reading.source, len(context)
    quoted = reading.leaf.prefix.startswith(">")  # each of its lines says so again
    if reading.leaf.fence or reading.tables or len(source) - floor < (_QUOTED if quoted else 3 * _LASTING):
        return None
    far = len(source) - (_QUOTED if quoted else _LASTING) // 2
    begins = [block.start for block in reading.blocks if floor < block.start <= far]
    within = reading.leaf.kind == "paragraph" and source.rfind("\n", reading.leaf.start, far) + 1
    line = max([*begins, within or 0], default=0)
    return Step(line) if line > floor else None


def _quiet_place(reading: Reading, floor: int, end: int, *, anywhere: bool) -> int:
    """The last sentence's (else word's, else character's) end before `end` in no markup; `floor` if there is none."""
    source = reading.source
    depth, at = 0, floor
    stretches: list[tuple[int, int]] = []
    for mark in reading.marks:
        if mark.start >= at and depth == 0:
            stretches.append((at, mark.start))
        if mark.kind in ("strong", "em", "strike"):
            depth += 1 if mark.text == "open" else -1
        elif mark.kind in ("link", "target"):
            depth += 1 if mark.kind == "link" else -1
        at = max(at, mark.end)
    if depth == 0:
        stretches.append((at, len(source)))
    for pattern in (_STOP, _BLANK):
        for low, high in reversed(stretches):
            places = [m.end() for m in pattern.finditer(source, low, min(high, end)) if m.end() < end]
            for place in reversed(places):
                if place > floor and not source[place].isspace():
                    return place
    for avoid in (_JOINED, "") if anywhere else ():  # a mention must not be rendered in two halves
        for low, high in reversed(stretches):
            for at in range(min(high, end), max(low, floor + 1) - 1, -1):
                joined = source[at - 1].isalnum() or source[at - 1] in avoid
                if parts(source, at) and not source[at].isspace() and not (avoid and joined):
                    return at
    return floor
