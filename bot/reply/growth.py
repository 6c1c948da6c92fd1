"""The open page: what of it is settled, what may still change, and when it is full. Law: its steps depend on its text alone.

The page's text is the source, with in front of it what a cut made it repeat. It is settled piece by piece (blocks,
then items, rows, lines, sentences) as soon as no later text can change how a piece is read; settled pieces are kept
rendered. What is left, the open unit, is read anew in each frame, with a context in front of it that puts the parser
where it was: a fence's opening line, a table's header, a word of a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markdown_it.token import Token

from bot.markup import Reading, Table, blocks, line_starts, read
from bot.ports import Dialect
from bot.reply.cuts import PREFERENCES, Cut, cuts, parts, renumbered
from bot.reply.healing import PATIENCE, close_fence, heal
from bot.reply.lens import Lens
from bot.reply.tables import as_markdown

_NEAR, _FAR = (
    160,
    PATIENCE,
)  # a step ends at the first line's end after so many characters, else after so many
_SMALL = 400  # an open unit shorter than this is not worth settling, unless the page may be full
_GROWTH = 8  # no dialect makes more of a character than this; tables aside, which are always measured
_LASTING = 1_000  # an opener older than this that nothing closed is taken for a character
_FULL = 0.6  # a table that the page cannot hold opens a new page if this much is on it, else becomes code
_REPEAT = 4  # what a page repeats may take a quarter of it
_SPARE = 4  # of a message's blocks, left for its buttons and ours
_STOP = re.compile(r"[.!?…:;][\"'”’)\]*_]*[ \n]+|[。！？；]+|\n")  # noqa: RUF001 (CJK punctuation)
_BLANK = re.compile(r"[ \n]+")
_SOLID = ("heading_open", "hr", "table_open")


@dataclass(slots=True)
class Closing:
    """A page that closes, and how the next one begins.

    text, end   what it shows, and how much of its source that is
    head, skip, dedent   see `Cut`
    """

    text: str = ""
    end: int = 0
    head: str = ""
    skip: int = 0
    dedent: int = 0
    definitions: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Piece:
    """A settled piece: where it starts, in which context and with which tables before it, its text in the dialect."""

    start: int
    context: str
    number: int
    tables: int
    text: str
    definitions: dict[str, Any]


class OpenPage:
    """One page's text while it grows."""

    def __init__(self, dialect: Dialect, limit: int, begin: Closing, references: Mapping[str, Any]) -> None:
        self._dialect = dialect
        self._syntax = dialect.syntax
        self._limit = limit
        self._lens = Lens(begin.head, begin.skip, begin.dedent)
        self._references = dict(references)
        self._pieces: list[_Piece] = []
        self._settled = ""  # the pieces' texts, joined
        self._done = 0  # settled up to here, in the lens's text
        self._context = ""
        self._number = 0  # of the next item by count, where the open unit goes on with an ordered list
        self._checked = len(begin.head)
        self._tables = 0  # that the settled text shows as tables
        self._rows = 0  # of the table that the open unit goes on with
        self._blocks = 0

    def grow(self, text: str) -> None:
        """More source."""
        self._lens.feed(text)

    def rest(self, closing: Closing) -> str:
        """The source after the cut."""
        return self._lens.source[closing.end :]

    # ---------------------------------------------------------------------------------------------- steps

    def advance(self, *, last: bool) -> Closing | None:
        """Go over the text step by step. A closing, if a step found the page overflowing."""
        if last:
            self._lens.finish()
        while (point := self._next_step()) is not None:
            if (closing := self._step(point)) is not None:
                return closing
            self._checked = point
        if last and self._lens.text[self._done :].strip():
            return self._overflow(len(self._lens.text), closed=True)
        return None

    def _next_step(self) -> int | None:
        text = self._lens.text
        low, high = self._checked + _NEAR, self._checked + _FAR
        line = text.find("\n", low, high)
        if line >= 0:
            return line + 1
        return high if len(text) >= high else None

    def _step(self, point: int) -> Closing | None:
        text = self._lens.text
        room = self._limit - self._dialect.cost(self._settled)
        if "|" in text[self._done : point] or (point - self._done) * _GROWTH > room:
            self._settle(point)
            return self._overflow(point)
        if point - self._done > _SMALL:
            self._settle(point)
        return None

    def _overflow(self, point: int, *, closed: bool = False) -> Closing | None:
        reading = self._read(self._done, point, self._context)
        if closed and reading.leaf.fence:
            reading = self._read(
                self._done, point, self._context, close_fence(reading.leaf, reading.source, point)
            )
        table = self._surplus_table(reading)
        text = self._settled + self._write(reading, self._tables)
        if table is None and self._fits(text) and self._solid(reading) and self._short(reading):
            return None
        return self._cut(point, table)

    def _fits(self, text: str) -> bool:
        return self._dialect.cost(text.strip("\n ")) <= self._limit

    def _solid(self, reading: Reading) -> bool:
        """Whether the message's blocks are not too many."""
        if not self._syntax.blocks:
            return True
        open_blocks = sum(2 for b in reading.blocks if b.depth == 0 and b.kind in ("heading", "hr", "table"))
        return self._blocks + open_blocks + 1 <= self._syntax.blocks - _SPARE

    def _short(self, reading: Reading) -> bool:
        """Whether the message's table is not too long."""
        if not self._syntax.tables:
            return True
        return all(
            len(table.rows) + (self._rows if table.start < len(self._context) else 0) <= self._syntax.rows
            for table in reading.tables
        )

    def _surplus_table(self, reading: Reading) -> int | None:
        """Where a table begins that had better open a new page, in the lens's text."""
        if not self._syntax.tables or self._dialect.cost(self._settled) < _FULL * self._limit:
            return None
        for number, table in enumerate(reading.tables):
            if table.depth == 0 and self._tables + number >= self._syntax.tables:
                at = self._done + table.start - len(self._context)
                return at if self._lens.text[:at].strip() else None
        return None

    # ---------------------------------------------------------------------------------------------- reading

    def _read(self, start: int, end: int, context: str, closers: str = "") -> Reading:
        return read(context + self._lens.text[start:end] + closers, self._syntax, self._references)

    def _write(self, reading: Reading, tables: int, context: str | None = None) -> str:
        """The reading in the dialect, behind its context. `tables`: how many the page shows before it."""
        source = reading.source
        at = len(self._context if context is None else context)
        parts_: list[str] = []
        first = 0
        marks = reading.marks
        for table in reading.tables:
            if tables < self._syntax.tables and self._small(table):
                tables += 1
                continue
            while first < len(marks) and marks[first].start < at:
                first += 1
            last = first
            while last < len(marks) and marks[last].start < table.start:
                last += 1
            parts_.append(self._dialect.render(source, marks[first:last], at, max(at, table.start)))
            inner = read(as_markdown(table, self._syntax), self._syntax, self._references)
            parts_.append(self._dialect.render(inner.source, inner.marks, 0, len(inner.source)))
            at, first = max(at, table.end), last
        while first < len(marks) and marks[first].start < at:
            first += 1
        parts_.append(self._dialect.render(source, marks[first:], at, len(source)))
        return "".join(parts_)

    def _small(self, table: Table) -> bool:
        return len(table.aligns) <= self._syntax.columns

    # ---------------------------------------------------------------------------------------------- settling

    def _settle(self, point: int) -> None:
        """Take from the open unit what no later text can change."""
        while self._settle_lines(point):
            pass
        if self._context in ("", "x ", "x\n"):
            self._settle_sentences(point)

    def _settle_lines(self, point: int) -> bool:
        """One step of it, among the lines that are whole."""
        end = self._lens.text.rfind("\n", self._done, point) + 1
        if end <= self._done:
            return False
        source = self._context + self._lens.text[self._done : end]
        tokens = [t for t in blocks(source, self._syntax) if t.map and t.nesting >= 0 and t.level <= 1]
        tops = [t for t in tokens if t.level == 0]
        if not tops:
            return False
        starts = line_starts(source)
        if len(tops) > 1:
            return self._commit(starts[_first(tops[-1])], solid=tops[:-1])
        top = tops[0]
        if top.type in ("ordered_list_open", "bullet_list_open"):
            items = [_first(t) for t in tokens if t.type == "list_item_open"]
            begun = self._number or int(top.attrs.get("start", 1))
            number = begun + len(items) - 1 if top.type == "ordered_list_open" else 0
            return len(items) > 1 and self._commit(starts[items[-1]], number=number)
        if top.type == "fence":
            return self._settle_code(source, starts)
        if top.type == "table_open":
            return self._settle_rows(source, starts)
        return False

    def _settle_code(self, source: str, starts: list[int]) -> bool:
        reading = read(source, self._syntax, self._references)
        if not reading.leaf.fence or len(starts) < 3:
            return False
        opening = self._context or source[: source.find("\n", reading.leaf.start) + 1]
        return self._commit(starts[-1], context=opening.lstrip("\n"))

    def _settle_rows(self, source: str, starts: list[int]) -> bool:
        reading = read(source, self._syntax, self._references)
        table = reading.tables[0] if reading.tables else None
        if (
            table is None
            or self._tables >= self._syntax.tables
            or not self._small(table)
            or table.end < len(source)
        ):
            return False
        if self._context:
            context, fresh = self._context, len(table.rows) - 1
        else:
            second = source.find("\n", table.ends[0]) + 1
            context, fresh = source[table.start : second], len(table.rows)
        rows = self._rows + fresh
        done = self._commit(starts[-1], context=context)
        self._rows = rows
        return done

    def _settle_sentences(self, point: int) -> None:
        """A paragraph's sentences, once it is long: those that nothing unclosed stands before."""
        if point - self._done < _SMALL:
            return
        reading = self._read(self._done, point, self._context)
        leaf, floor = reading.leaf, len(self._context)
        tops = [b for b in reading.blocks if b.depth == 0]
        if leaf.kind != "paragraph" or len(tops) != 1 or reading.tables:
            return
        healed = heal(reading, self._syntax, floor, patience=_LASTING)
        end = min(healed.end, len(reading.source) - 60)
        if healed.closers:
            end = min(end, *(at for at, _ in leaf.loose if at >= floor))
        at = _quiet_place(reading, floor, end)
        if at > floor:
            context = "x\n" if reading.source[at - 1] == "\n" else "x "
            self._commit(at, context=context)

    def _commit(self, upto: int, *, context: str = "", number: int = 0, solid: Iterable[Token] = ()) -> bool:
        """Settle the open unit up to `upto` (counted with its context), and go on in another context."""
        size = upto - len(self._context)
        if size <= 0:
            return False
        reading = self._read(self._done, self._done + size, self._context)
        piece = _Piece(
            self._done,
            self._context,
            self._number,
            self._tables,
            self._write(reading, self._tables),
            reading.definitions,
        )
        self._pieces.append(piece)
        self._settled += piece.text
        self._references.update(reading.definitions)
        if not context:
            whole = sum(self._small(table) for table in reading.tables)
            self._tables = min(self._syntax.tables, self._tables + whole)
            self._rows = 0
        self._blocks += 2 * sum(token.type in _SOLID for token in solid)
        self._done += size
        self._context, self._number = context, number
        return True

    # ---------------------------------------------------------------------------------------------- cutting

    def _cut(self, point: int, before: int | None) -> Closing:
        """The page closes: find where. `before`: a place in the text that it must not reach."""
        which = self._piece_at_third()
        start, context, number = self._done, self._context, self._number
        if which < len(self._pieces):
            piece = self._pieces[which]
            start, context, number = piece.start, piece.context, piece.number
        reading = self._read(start, point, context)
        shift = start - len(context)
        floor = len(context) + max(0, len(self._lens.head) - start)
        found = [cut for cut in cuts(reading, floor) if before is None or cut.at + shift <= before]
        total = self._limit
        for ranks, least in PREFERENCES:
            ranked = [cut for cut in found if cut.rank in ranks]
            best = self._last_fitting(ranked, shift)
            if best is None:
                continue
            cut, text = best
            if text.strip() and (self._dialect.cost(text) >= least * total or before == cut.at + shift):
                return self._closing(renumbered(reading, cut, number), shift, text)
        return self._hard_cut(point)

    def _piece_at_third(self) -> int:
        """The piece that the page's first third ends in: cuts are looked for behind it."""
        size, third = 0, self._limit / 3
        for number, piece in enumerate(self._pieces):
            size += self._dialect.cost(piece.text)
            if size > third:
                return number
        return len(self._pieces)

    def _last_fitting(self, found: list[Cut], shift: int) -> tuple[Cut, str] | None:
        """The last of these places, given from the last to the first, that leaves a page within its limit."""
        low, high = 0, len(found)
        while low < high:
            middle = (low + high) // 2
            if self._fits(self._until(found[middle].at + shift, found[middle].closers)):
                high = middle
            else:
                low = middle + 1
        for cut in found[low : low + 8]:  # cost is not quite monotone
            text = self._until(cut.at + shift, cut.closers)
            if self._fits(text):
                return cut, text.rstrip().lstrip("\n")
        return None

    def _until(self, at: int, closers: str) -> str:
        """The page's text if it ended at this place of the lens's text."""
        which = len(self._pieces)
        start, context, tables = self._done, self._context, self._tables
        while which > 0 and at < start:
            which -= 1
            piece = self._pieces[which]
            start, context, tables = piece.start, piece.context, piece.tables
        before = "".join(piece.text for piece in self._pieces[:which])
        body = self._lens.text[start:at].rstrip()
        if closers and not closers.startswith("\n") and "`" * 3 not in closers and "~~~" not in closers:
            return before + self._write(
                read(context + body + closers, self._syntax, self._references), tables, context
            )
        reading = read(context + body, self._syntax, self._references)
        if reading.leaf.fence:
            fence = close_fence(reading.leaf, reading.source, len(reading.source))
            reading = read(reading.source + fence, self._syntax, self._references)
        return before + self._write(reading, tables, context)

    def _closing(self, cut: Cut, shift: int, text: str) -> Closing:
        head = cut.head
        if self._dialect.cost(head) * _REPEAT > self._limit:
            mark = re.match(r"[ >]*(`{3,}|~{3,})", head)
            head = f"{mark[0]}\n" if mark and len(mark[0]) * _REPEAT < self._limit else ""
        at = cut.at + shift
        definitions: dict[str, Any] = {}
        for piece in self._pieces:
            if piece.start < at:
                definitions.update(piece.definitions)
        return Closing(
            text,
            self._lens.to_source(at),
            head,
            cut.skip if head == cut.head else 0,
            cut.dedent,
            definitions,
        )

    def _hard_cut(self, point: int) -> Closing:
        """Nothing can be cut as one would: the page ends where it is full. What it repeats goes, if that is too much."""
        text = self._lens.text
        floor = max(len(self._lens.head), len(text[:point]) - len(text[:point].lstrip()))
        low, high = floor + 1, point - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(self._until(middle, "")):
                low = middle
            else:
                high = middle - 1
        while low > floor + 1 and not parts(text, low):
            low -= 1
        page = self._until(low, "").rstrip().lstrip("\n")
        if self._fits(page) and page:
            return self._closing(Cut(low, 0), 0, page)
        if self._lens.head:
            return Closing()
        raise ValueError(f"a page of {self._limit} cannot hold a single character of this text")

    # ---------------------------------------------------------------------------------------------- showing

    def frame(self) -> tuple[str, int] | None:
        """The page now, healed, and how much of its source it shows; None while there is nothing to show."""
        end = len(self._lens.text)
        floor = self._checked
        while True:
            text, shown = self._healed(end)
            if self._fits(text):
                break
            if end <= self._done:
                return None
            end = max(self._done, floor if end > floor else end - 20)
        text = text.rstrip().lstrip("\n")
        return (text, self._lens.to_source(shown)) if text else None

    def _healed(self, end: int) -> tuple[str, int]:
        if end <= self._done:
            return self._settled_closed(), self._done
        reading = self._read(self._done, end, self._context)
        floor = len(self._context)
        healed = heal(reading, self._syntax, floor)
        stop = healed.end
        surplus = self._surplus_table(reading)
        if surplus is not None and surplus - self._done + floor < stop:
            stop, healed = surplus - self._done + floor, heal(reading, self._syntax, floor)
            reading = self._read(self._done, surplus, self._context)
        elif stop < len(reading.source) or healed.closers:
            reading = self._read(self._done, self._done + stop - floor, self._context, healed.closers)
        return self._settled + self._write(reading, self._tables), self._done + stop - floor

    def _settled_closed(self) -> str:
        reading = self._read(self._done, self._done, self._context)
        if not reading.leaf.fence:
            return self._settled
        closed = self._read(
            self._done,
            self._done,
            self._context,
            close_fence(reading.leaf, reading.source, len(reading.source)),
        )
        return self._settled + self._write(closed, self._tables)

    def whole(self) -> str:
        """The page as it is when no more comes: nothing held back."""
        end = len(self._lens.text)
        reading = self._read(self._done, end, self._context)
        if reading.leaf.fence:
            closers = close_fence(reading.leaf, reading.source, len(reading.source))
            reading = self._read(self._done, end, self._context, closers)
        return (self._settled + self._write(reading, self._tables)).rstrip().lstrip("\n")


def _first(token: Token) -> int:
    assert token.map is not None, "only tokens with lines are asked"
    return token.map[0]


def _quiet_place(reading: Reading, floor: int, end: int) -> int:
    """The last sentence's (else word's) end before `end` that lies in no markup; `floor` if there is none."""
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
    return floor
