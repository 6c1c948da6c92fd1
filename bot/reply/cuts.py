"""Where to cut a page that has overflowed. Law: a cut lies where a person would cut, and the next page goes on as if whole.

Between blocks; else between list items, rows or lines of code; else at a sentence; else at a word; else at a
grapheme. A heading and a line that ends with a colon stay with what follows. What the next page must repeat (a
fence's opening line, a table's header, a number) stands in the cut.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bot.markup import Block, Leaf, Mark, Reading

BLOCK, PART, SENTENCE, WORD, INSIDE, GRAPHEME = range(6)

# How full a page must be, at least, to be cut at such a place: first come first served, then anything that fits.
PREFERENCES: tuple[tuple[frozenset[int], float], ...] = (
    (frozenset({BLOCK}), 0.55),
    (frozenset({BLOCK, PART}), 0.55),
    (frozenset({SENTENCE}), 0.5),
    (frozenset({BLOCK, PART}), 0.3),
    (frozenset({SENTENCE, WORD}), 0.3),
    (frozenset({BLOCK, PART, SENTENCE}), 0.05),
    (frozenset({WORD}), 0.02),
    (frozenset({INSIDE}), 0.02),
    (frozenset({GRAPHEME}), 0.0),
)

IN_TEXT = frozenset({SENTENCE, WORD, INSIDE, GRAPHEME})

_SENTENCE = re.compile(r"[.!?…][\"'”’)\]*_]*[ \n]+|[。！？]+[」』”’）]*|\n[ \t]*")  # noqa: RUF001 (CJK sentences end so)
_WORD = re.compile(r"[ \t\n]+|(?<=[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])(?=[\u3040-\u30ff\u3400-\u9fff])")
_BREAK = re.compile(rf"{_SENTENCE.pattern}|{_WORD.pattern}")
_FEW = 24  # pieces of emphasis that a cut closes and reopens
_FLAGS = 64  # letters of flags looked back over, two for each; nobody writes more of them in a row
# A number or bullet alone at a line's start belongs to what follows, whether or not it makes a list.
_MARKER = re.compile(r"[ \t>]*(?:\d{1,9}[.)]|[-+*])[ \t]*$")
# What would be read as a block's mark if a page began with it.
_STARTS_BLOCK = re.compile(r"[ \t]*(?:[-+*#>=|~`<:$\\]|\d)")
_MARKED = 32  # characters that a marker alone on its line may take, quotes and indentation included
_INDENT = re.compile(r"[ \t]*$")
_LONG_LINE = 200  # characters of a line of code that may be cut within


@dataclass(frozen=True, slots=True)
class Cut:
    """A place to cut, in the reading's source.

    rank     how good a place, BLOCK to GRAPHEME
    closers  what the page that ends here needs at its end
    head     what the next page begins with, in place of `skip` characters of the source
    dedent   columns of indentation that the next page takes off its lines, as long as they have them
    """

    at: int
    rank: int
    closers: str = ""
    head: str = ""
    skip: int = 0
    dedent: int = 0


@dataclass(slots=True)
class _Inline:
    """The delimiters that are open at a place in a text."""

    opened: list[Mark] = field(default_factory=list)

    def pass_mark(self, mark: Mark) -> None:
        if mark.kind in ("strong", "em", "strike"):
            if mark.text == "open":
                self.opened.append(mark)
            elif self.opened:
                self.opened.pop()
        elif mark.kind == "link":
            self.opened.append(mark)
        elif mark.kind == "target" and self.opened:
            self.opened.pop()


class Cuts:
    """The places where a reading can be cut, after `floor` and before `end`; looked for as finely as is asked.

    held  from here on the text may yet turn out to be markup, and is cut only if there is no other place
    """

    def __init__(self, reading: Reading, floor: int, end: int, held: int) -> None:
        self.reading = reading
        self._reading = replace(reading, marks=sorted([*reading.marks, *_opened(reading, held)], key=_start))
        self._floor = floor
        self.end = end
        self._held = held
        self._coarse: list[Cut] | None = None
        self._words: dict[int, list[Cut]] = {}  # by where they begin
        self._fine: dict[int, list[Cut]] = {}

    def of(self, ranks: frozenset[int], window: int | None = None) -> list[Cut]:
        """Those of these ranks, from the last to the first; in text only within so many characters at the end."""
        found: list[Cut] = []
        low = max(self._floor, self.end - window) if window is not None else self._floor
        if ranks & {BLOCK, PART}:
            if self._coarse is None:
                reading = self._reading
                self._coarse = self._kept([*_between(reading), *_rows(reading), *_code(reading)])
            found += self._coarse
        if ranks & {SENTENCE, WORD, INSIDE}:
            found += self._in_text(self._words, low, fine=False)
        if GRAPHEME in ranks:
            found += self._in_text(self._fine, low, fine=True)
        return sorted((cut for cut in found if cut.rank in ranks), key=lambda cut: (-cut.at, cut.rank))

    def _in_text(self, known: dict[int, list[Cut]], low: int, *, fine: bool) -> list[Cut]:
        if low not in known:
            reading = self._reading
            known[low] = self._kept([*_text(reading, low, fine=fine), *_long_lines(reading, low, fine=fine)])
        return known[low]

    def _kept(self, found: list[Cut]) -> list[Cut]:
        return [
            replace(cut, rank=max(cut.rank, INSIDE)) if cut.at > self._held else cut
            for cut in found
            if self._floor < cut.at < self.end
        ]


def _start(mark: Mark) -> int:
    return mark.start


def _opened(reading: Reading, held: int) -> list[Mark]:
    """Emphasis that has been open for so long that it is shown as such is cut as such."""
    kinds = {"*": "em", "**": "strong", "_": "em", "__": "strong", "~~": "strike"}
    if len(reading.leaf.loose) > 2 * _FEW:
        return []
    return [
        Mark(kinds[which], at, at + len(which), "open")
        for at, which in runs(reading.leaf)
        if at < held and which in kinds
    ]


def runs(leaf: Leaf) -> list[tuple[int, str]]:
    """The delimiters that nothing has closed, `**` as one."""
    places: list[tuple[int, str]] = []
    for at, delimiter in leaf.loose:
        if places and places[-1][0] + len(places[-1][1]) == at and places[-1][1][0] == delimiter[0]:
            places[-1] = (places[-1][0], places[-1][1] + delimiter)
        else:
            places.append((at, delimiter))
    return places


def _dedent(prefix: str) -> int:
    return len(prefix.expandtabs(4)) if _INDENT.fullmatch(prefix) else 0


def _between(reading: Reading) -> Iterator[Cut]:
    """Between blocks and between items."""
    source = reading.source
    previous: dict[int, Block] = {}
    for block in reading.blocks:
        before = previous.get(block.depth)
        for depth in [depth for depth in previous if depth > block.depth]:
            del previous[depth]
        previous[block.depth] = block
        if before is None or before.start == block.start or _leads(before, source):
            continue
        if block.kind == "item":
            rank = PART if before.kind == "item" or block.depth else BLOCK
            yield Cut(block.start, rank, dedent=_dedent(block.prefix))
        elif block.depth == 0:
            yield Cut(block.start, BLOCK)
        else:
            yield Cut(block.start, PART, dedent=_dedent(block.prefix))


def at_place(reading: Reading, at: int) -> Cut:
    """The cut at a place that is no worse than another: what is before it is certain."""
    for cut in (*_rows(reading), *_code(reading)):
        if cut.at == at:
            return cut
    begun = next((block for block in reading.blocks if block.start == at), None)
    if begun is not None:
        return Cut(at, PART, dedent=_dedent(begun.prefix) if begun.depth or begun.kind == "item" else 0)
    within = [block for block in reading.blocks if block.start < at < block.end]
    prefix = within[-1].prefix if within else ""
    quoted = prefix if ">" in prefix and reading.source[at - 1] != "\n" else ""
    return Cut(at, WORD, head=quoted, dedent=_dedent(prefix))


def _leads(block: Block, source: str) -> bool:
    """A heading, or a line that announces what follows."""
    if block.kind == "heading":
        return True
    return block.kind == "paragraph" and source[block.start : block.end].rstrip().endswith(":")


def renumbered(reading: Reading, cut: Cut, number: int) -> Cut:
    """The cut with the number that its item has by count, where the source's own number is another.

    `number` is what the reading's first item has by count; 0 where the reading does not begin within a list.
    """
    first = next((block for block in reading.blocks if block.kind == "item"), None)
    shift = number - first.number if number and first and first.depth == 0 and first.number else 0
    for mark in reading.marks:
        if mark.start < cut.at or mark.kind == "quote":
            continue
        between = reading.source[cut.at : mark.start]
        if mark.kind != "item" or not mark.text or between.strip(" \t>"):
            break
        block = next((b for b in reading.blocks if b.kind == "item" and b.start == cut.at), None)
        counted = str(int(mark.text) + (shift if block and block.depth == 0 else 0))
        written = reading.source[mark.start : mark.start + mark.level]
        if counted == (written.lstrip("0") or "0"):
            break
        lead = "" if cut.dedent else between
        return replace(cut, head=lead + counted, skip=len(between) + mark.level)
    return cut


def _rows(reading: Reading) -> Iterator[Cut]:
    source = reading.source
    for table in reading.tables:
        lines = source[table.start :].split("\n", 2)[:2]
        if len(lines) < 2:
            continue
        dedent = _dedent(table.prefix)
        prefix = "" if dedent or not table.prefix else table.prefix
        separator = lines[1].removeprefix(table.prefix)
        head = f"{prefix}{lines[0]}\n{prefix}{separator}\n"
        for end in table.ends[1:-1]:
            yield Cut(end, PART, head=head, dedent=dedent)


def _code(reading: Reading) -> Iterator[Cut]:
    """Between lines of code."""
    source = reading.source
    opening: Mark | None = None
    prefix = ""
    lines = 0
    for mark in reading.marks:
        if mark.kind == "fence":
            opening, lines = mark, 0
            start = source.rfind("\n", 0, mark.start) + 1
            prefix = "".join(c if c in "> \t" else " " for c in source[start : mark.start])
        elif mark.kind == "body" and opening is not None:
            lines += 1
            if lines > 1:
                dedent = _dedent(prefix)
                head = "" if dedent else prefix
                line = source.rfind("\n", 0, mark.start) + 1
                yield Cut(
                    line,
                    PART,
                    head=f"{head}{source[opening.start : opening.end]}\n",
                    dedent=dedent,
                )
        elif mark.kind == "fenced":
            opening = None
        elif mark.kind == "indented" and mark.text not in ("first", "only"):
            line = source.rfind("\n", 0, mark.start) + 1
            yield Cut(line, PART, dedent=_dedent(source[line : mark.start]))


def _long_lines(reading: Reading, low: int, *, fine: bool) -> Iterator[Cut]:
    """A line of code may itself be longer than a page."""
    source = reading.source
    opening: Mark | None = None
    for mark in reading.marks:
        if mark.kind == "fence":
            opening = mark
        elif mark.kind == "fenced":
            opening = None
        elif mark.end - mark.start < _LONG_LINE:
            continue
        elif mark.kind == "body" and opening is not None:
            start = source.rfind("\n", 0, opening.start) + 1
            prefix = "".join(c if c in "> \t" else " " for c in source[start : opening.start])
            dedent = _dedent(prefix)
            lead = "" if dedent else prefix
            head = f"{lead}{source[opening.start : opening.end]}\n{lead}"
            yield from _in_line(source, mark, low, head, dedent, fine=fine)
        elif mark.kind == "indented":
            words = mark.end - len(source[mark.start : mark.end].lstrip())
            if mark.end - words < _LONG_LINE:
                continue
            prefix = source[source.rfind("\n", 0, mark.start) + 1 : mark.start]
            dedent = _dedent(prefix)
            head = f"{'' if dedent else prefix}    "
            yield from _in_line(source, mark, max(low, words), head, dedent, fine=fine)


def _in_line(source: str, mark: Mark, low: int, head: str, dedent: int, *, fine: bool) -> Iterator[Cut]:
    for at in graphemes(source, max(mark.start, low), mark.end):
        if (source[at - 1] in " ,;&?/") != fine:
            yield Cut(at, GRAPHEME if fine else INSIDE, head=head, dedent=dedent)


def _text(reading: Reading, low: int, *, fine: bool) -> Iterator[Cut]:
    """Within the texts of paragraphs, headings and all else that is made of words."""
    for block in reading.blocks:
        if block.kind in ("fence", "code_block", "table", "item", "quote"):
            continue
        if block.end > low:
            yield from _words(reading, block, low, fine=fine)


def _words(reading: Reading, block: Block, low: int, *, fine: bool) -> Iterator[Cut]:
    source = reading.source
    dedent = _dedent(block.prefix)
    quote = block.prefix if ">" in block.prefix else ""
    inline = _Inline()
    at, end = block.start, block.end
    marks = reading.marks
    for mark in marks[bisect_left(marks, at, key=_start) : bisect_left(marks, end, key=_start)]:
        if mark.kind not in ("body", "fence", "fenced"):
            if mark.start > low:
                yield from _plain(source, max(at, low), mark.start, inline, quote, dedent, fine=fine)
            inline.pass_mark(mark)
            if fine and mark.end - mark.start > 100 and mark.end > low:
                yield from _inside(source, mark, quote, dedent)
        at = max(at, mark.end)
    if end > low:
        yield from _plain(source, max(at, low), end, inline, quote, dedent, fine=fine)


def _plain(
    source: str, start: int, end: int, inline: _Inline, quote: str, dedent: int, *, fine: bool
) -> Iterator[Cut]:
    """Cuts in a stretch without markup. Within emphasis it is closed and reopened; within a link never by choice."""
    if not fine and not _BREAK.search(source, start, end):
        return
    delimiters = [source[m.start : m.end] for m in inline.opened if m.kind != "link"]
    within = bool(inline.opened)
    closers, opener = "".join(reversed(delimiters)), "".join(delimiters)

    def cut(at: int, rank: int) -> Cut:
        lead = "" if source[at - 1] == "\n" and not opener else quote
        return Cut(at, INSIDE if within and rank < GRAPHEME else rank, closers, lead + opener, dedent=dedent)

    if fine:
        for at in graphemes(source, start, end):
            yield cut(at, GRAPHEME)
        return
    if source[start:end] == "\n":  # a line of HTML ends
        if end < len(source):
            yield cut(end, INSIDE if not quote and _STARTS_BLOCK.match(source, end) else SENTENCE)
        return
    sentences = {found.end() for found in _SENTENCE.finditer(source, start, end)}
    words = {found.end() for found in _WORD.finditer(source, start, end)}
    for at in words | sentences:
        if start < at < len(source):
            line = source.rfind("\n", 0, at) + 1
            if at - line <= _MARKED and _MARKER.match(source[line:at]):
                continue
            quoted = bool(quote) and at == line  # each line of a quote says so again
            risky = not quoted and _STARTS_BLOCK.match(source, at) is not None
            yield cut(at, INSIDE if risky else SENTENCE if at in sentences else WORD)


def _inside(source: str, mark: Mark, quote: str, dedent: int) -> Iterator[Cut]:
    """Within a long piece of inline code, which is closed and reopened; within a long address, as it comes."""
    delimiter = ""
    start, end = mark.start, mark.end
    if mark.kind == "code":
        text = source[start:end]
        delimiter = text[: len(text) - len(text.lstrip("`"))]
        start, end = start + len(delimiter) + 1, end - len(delimiter) - 1
    for at in graphemes(source, start, end):
        yield Cut(at, GRAPHEME, delimiter, quote + delimiter, dedent=dedent)


def graphemes(source: str, start: int, end: int) -> list[int]:
    """The places in source[start:end] that lie between what a reader sees as characters."""
    if source.isascii():
        return list(range(start + 1, end))
    places: list[int] = []
    half = False  # whether a letter of a flag stands before, and waits for its other half
    for at in range(start + 1, end):
        if "\U0001f1e6" <= source[at] <= "\U0001f1ff":
            half = (
                not half
                if "\U0001f1e6" <= source[at - 1] <= "\U0001f1ff" and at > start + 1
                else not parts(source, at)
            )
            if not half:
                places.append(at)
        elif parts(source, at):
            places.append(at)
    return places


def parts(source: str, at: int) -> bool:
    """Whether a reader sees two characters at `at`, not one joined of several."""
    before, after = source[at - 1], source[at]
    if after.isascii():
        return True
    if after in "\u200d\ufe0e\ufe0f" or before == "\u200d" or "\U0001f3fb" <= after <= "\U0001f3ff":
        return False
    if "\U000e0020" <= after <= "\U000e007f" or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return False
    if "\U0001f1e6" <= after <= "\U0001f1ff":
        run, far = at, max(0, at - _FLAGS)
        while run > far and "\U0001f1e6" <= source[run - 1] <= "\U0001f1ff":
            run -= 1
        return (at - run) % 2 == 0
    if "\u1160" <= after <= "\u11ff":  # a Hangul syllable written in parts
        return not "\u1100" <= before <= "\u11ff"
    return True
