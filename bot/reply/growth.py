"""The open page: what of it is settled, what may still change, and when it is full. Law: its steps depend on its text alone.

The page's text is the source, with in front of it what a cut made it repeat. It is settled piece by piece as soon as
no later text can change how a piece is read (`settling`), and settled pieces are kept rendered. What is left, the
open unit, is read anew in each frame, in its context: a text in front of it that brings the parser to where it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bot.markup import Memory, Reading, Table, read
from bot.ports import Dialect
from bot.reply.certainty import certain_place
from bot.reply.cuts import IN_TEXT, PREFERENCES, Cut, Cuts, at_place, parts, renumbered
from bot.reply.healing import PATIENCE, close_fence, heal
from bot.reply.lens import Lens
from bot.reply.settling import Step, forced_step, lines_step, sentences_step
from bot.reply.tables import Row, at_most, laid_out

_NEAR, _FAR = (
    160,
    PATIENCE,
)  # a step ends at the first line's end after so many characters, else after so many
_SMALL = 400  # an open unit shorter than this is not worth settling, unless the page may be full
_FULL = 0.6  # a table that the page cannot hold opens a new page if this much is on it, else becomes code
_REPEAT = 4  # what a page repeats may take a quarter of it
_WINDOW = 1_200  # characters at a page's end in which a cut is looked for first
_SPARE = 4  # of a message's blocks, left for its buttons and ours
_GAIN, _GAIN_OF_LINE, _GAIN_OF_CELL = (
    4,
    16,
    32,
)  # what a dialect may add to a character that might be markup, ...
_PLAIN = dict.fromkeys(map(ord, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,.;:()\"'/"))


@dataclass(slots=True)
class Closing:
    """A page that closes, and how the next one begins.

    text, end   what it shows, and how much of its source that is
    head, skip, dedent, midway   see `Lens`
    """

    text: str = ""
    end: int = 0
    head: str = ""
    skip: int = 0
    dedent: int = 0
    midway: bool = False
    definitions: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Unit:
    """A stretch of the page that is read by itself: where it starts, and what the reader must know of what is before.

    context  what is put in front of it
    number   of its first item, where it goes on with an ordered list
    tables   how many tables the page shows as tables before it
    rows     of the table that it goes on with
    blocks   how many of a message's blocks are taken before it
    """

    start: int = 0
    context: str = ""
    number: int = 0
    tables: int = 0
    rows: tuple[Row, ...] = ()
    blocks: int = 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """A settled unit with its text in the dialect."""

    unit: _Unit
    text: str
    definitions: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """The page now. `shown`: how much of its source that is; `certain`: how much of the text is so for good."""

    text: str
    shown: int
    certain: int


class OpenPage:
    """One page's text while it grows."""

    def __init__(self, dialect: Dialect, limit: int, begin: Closing, references: Mapping[str, Any]) -> None:
        self._dialect = dialect
        self._syntax = dialect.syntax
        self._limit = limit
        self._lens = Lens(begin.head, begin.skip, begin.dedent, midway=begin.midway)
        self._before = references  # defined on earlier pages
        self._references = dict(references)  # and on this one, in what is settled
        self._memory = Memory()
        self._pieces: list[_Piece] = []
        self._settled = ""  # the pieces' texts, joined
        self._open = _Unit()
        self._checked = len(begin.head)
        self._tried = 0  # the open unit was as long as that, and a little, when it could not be settled
        self._tries: dict[tuple[int, str], str | None] = {}  # what a cut has tried
        self._guess = 0  # where the page should be full
        self._certain = 0  # up to here of the lens's text some frame has called it certain

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
        if last and self._lens.text[self._open.start :].strip():
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
        text = self._lens.text[self._open.start : point]
        tabular = "|" in text and not self._open.rows and self._may_need_table(text)
        if tabular and (closing := self._overflow(point)) is not None:
            return closing
        if point - self._open.start > max(_SMALL, self._tried):
            self._settle(point)
        text = self._lens.text[self._open.start : point]
        if self._may_overflow(text):
            return self._overflow(point)
        return None

    def _may_need_table(self, text: str) -> bool:
        """Whether a table in it may have to open a new page: that must be known before it is settled."""
        if not self._syntax.tables:
            return False
        return self._dialect.cost(self._settled) + self._dialect.cost(text) >= _FULL * self._limit

    def _may_overflow(self, text: str) -> bool:
        """A quick look. If it is wrong (no dialect adds that much), the page is cut a step later, no more."""
        if self._syntax.blocks and self._open.blocks + 2 * text.count("\n") + _SPARE > self._syntax.blocks:
            return True
        gain = _GAIN * len(text.translate(_PLAIN)) + _GAIN_OF_LINE * (text.count("\n") + 1)
        gain += self._table_at_most(text) if self._open.rows else _GAIN_OF_CELL * text.count("|")
        return self._dialect.cost(self._settled) + self._dialect.cost(text) + gain > self._limit

    def _table_at_most(self, text: str) -> int:
        """What the settled rows of a table that is still laid out anew may cost, with what has come of it since."""
        rows = self._open.rows
        if not rows or self._native_rows():
            return 0
        return at_most(rows, text, self._syntax)

    def _native_rows(self) -> bool:
        """Whether the table that the open unit goes on with is shown as a table."""
        unit = self._open
        return unit.tables < self._syntax.tables and len(unit.rows[0].cells) <= self._syntax.columns

    def _overflow(self, point: int, *, closed: bool = False) -> Closing | None:
        reading = self._read(self._open, point)
        if closed and reading.leaf.fence:
            reading = self._read(
                self._open, point, close_fence(reading.leaf, reading.source, len(reading.source))
            )
        table = self._surplus_table(reading)
        text = self._settled + self._write(reading, self._open)
        fits = self._fits(text) or (not closed and self._fits_closed(reading, point))
        if table is None and fits and self._countable(reading, self._open):
            return None
        over = self._dialect.cost(text) - self._limit
        share = (point - self._open.start) / max(1, len(text) - len(self._settled))
        self._guess = point - int(max(0, over) * share)
        return self._cut(point, table, closed=closed)

    def _fits_closed(self, reading: Reading, point: int) -> bool:
        """Whether it would fit if what is open were closed here, for then its delimiters need not be escaped."""
        if not reading.leaf.loose:
            return False
        closers = "".join(which for _, which in reversed(reading.leaf.loose))
        closed = self._write(self._read(self._open, point, closers), self._open)
        return self._dialect.cost(_page(self._settled + closed)) - len(closers) <= self._limit

    def _fits(self, text: str) -> bool:
        return self._dialect.cost(_page(text)) <= self._limit

    def _countable(self, reading: Reading, unit: _Unit) -> bool:
        """Whether the message's blocks are not too many, and its table not too long."""
        if not self._syntax.blocks:
            return True
        solid = sum(
            2 for block in reading.blocks if block.depth == 0 and block.kind in ("heading", "hr", "table")
        )
        if unit.blocks + solid + 1 > self._syntax.blocks - _SPARE:
            return False
        return all(
            len(table.rows) + (len(unit.rows) if table.start < len(unit.context) else 0) <= self._syntax.rows
            for table in reading.tables
        )

    def _surplus_table(self, reading: Reading) -> int | None:
        """Where a table begins that had better open a new page, in the lens's text."""
        if not self._syntax.tables:
            return None
        for number, table in enumerate(reading.tables):
            if table.depth == 0 and self._open.tables + number >= self._syntax.tables:
                at = self._open.start + table.start - len(self._open.context)
                before = self._settled + self._lens.text[self._open.start : at]
                full = self._dialect.cost(before) >= _FULL * self._limit
                return at if full and len(self._lens.head) < at and at >= self._open.start else None
        return None

    # ---------------------------------------------------------------------------------------------- reading

    def _read(self, unit: _Unit, end: int, closers: str = "") -> Reading:
        """The unit up to `end`, in its context."""
        source = unit.context + self._lens.text[unit.start : end] + closers
        return read(source, self._syntax, self._known(unit), self._memory)

    def _part(self, unit: _Unit, source: str) -> Reading:
        """A part of what was read of a unit."""
        return read(source, self._syntax, self._known(unit), self._memory)

    def _known(self, unit: _Unit) -> Mapping[str, Any]:
        """The link definitions that came before a unit."""
        if unit.start >= self._open.start or len(self._references) == len(self._before):
            return self._references
        known = dict(self._before)
        for piece in self._pieces:
            if piece.unit.start < unit.start:
                known.update(piece.definitions)
        return known

    def _write(self, reading: Reading, unit: _Unit, upto: int | None = None) -> str:
        """The reading in the dialect, behind its context, and up to a place that is in no markup."""
        source, marks = reading.source, reading.marks
        end = len(source) if upto is None else upto
        if upto is not None:
            marks = [mark for mark in marks if mark.start < end]
        at = len(unit.context)
        tables = unit.tables
        written: list[str] = []
        first = 0
        while first < len(marks) and marks[first].start < at:
            first += 1
        for table in reading.tables:
            if table.start >= end:
                break
            if self._native(table, tables):
                tables += 1
                continue
            last = first
            while last < len(marks) and marks[last].start < table.start:
                last += 1
            written.append(self._dialect.render(source, marks[first:last], at, max(at, table.start)))
            written.append(self._table(table, unit.rows if table.start < at else ()))
            at, first = max(at, table.end), last
            while first < len(marks) and marks[first].start < at:
                first += 1
        written.append(self._dialect.render(source, marks[first:], at, max(at, end)))
        return "".join(written)

    def _native(self, table: Table, before: int) -> bool:
        return before < self._syntax.tables and len(table.aligns) <= self._syntax.columns

    def _table(self, table: Table, settled: tuple[Row, ...]) -> str:
        rows = [*settled, *(Row.of(cells) for cells in table.rows[1 if settled else 0 :])]
        source, marks = laid_out(rows, table.aligns, table.prefix, self._syntax)
        if marks is None:
            marks = read(source, self._syntax, self._references).marks
        return self._dialect.render(source, marks, 0, len(source))

    # ---------------------------------------------------------------------------------------------- settling

    def _settle(self, point: int) -> None:
        """Take from the open unit what no later text can change."""
        text = self._lens.text
        while (end := text.rfind("\n", self._open.start, point) + 1) > self._open.start:
            unit = self._open
            reading = self._read(unit, end)
            step = lines_step(reading, unit.context, unit.number)
            if step is None:
                break
            self._commit(step, reading)
            if not step.more:
                break
        while self._open.context in ("", "x", "x ", "x\n") and point - self._open.start > _SMALL:
            reading = self._read(self._open, point)
            context = self._open.context
            step = sentences_step(reading, context, self._syntax)
            step = step or forced_step(reading, context)
            if step is None or step.upto <= len(context):
                break
            self._commit(step, reading)
        # What cannot be settled is not tried again with every few words.
        self._tried = (point - self._open.start) * 5 // 4

    def _commit(self, step: Step, reading: Reading) -> None:
        """Settle a part of what was read: by the step's law it is read so whatever follows."""
        unit = self._open
        end = unit.start + step.upto - len(unit.context)
        tables, text = unit.tables, ""
        rows: tuple[Row, ...] = ()
        if step.rows is not None:
            # A table that goes on: shown as a table its rows are settled; as code they may still be realigned.
            table = reading.tables[0]
            fresh = table.rows[1 if unit.context else 0 :]
            rows = unit.rows + tuple(Row.of(cells) for cells in fresh)
            if self._native(table, unit.tables):
                text = self._write(reading, unit, step.upto)
        else:
            text = self._write(reading, unit, step.upto)
            for table in reading.tables:
                tables += table.start < step.upto and self._native(table, tables)
        definitions = {k: each for k, each in reading.definitions.items() if each["at"] < step.upto}
        self._pieces.append(_Piece(unit, text, definitions))
        self._settled += text
        if text:
            self._certain = max(self._certain, end)
        self._references.update(definitions)
        self._memory.age()
        self._open = _Unit(end, step.context, step.number, tables, rows, unit.blocks + step.solid)

    # ---------------------------------------------------------------------------------------------- cutting

    def _cut(self, point: int, before: int | None, *, closed: bool) -> Closing:
        """The page closes: find where. `before`: a place in the text that it must not reach."""
        held = len(self._lens.text) if closed else self._held_from(point)
        self._tries.clear()
        # Mostly a block ends near the page's end; what is before that is read again only where none does.
        for part, preferences in (
            (0.8, PREFERENCES[:1]),
            (0.5, PREFERENCES),
            (0.25, PREFERENCES),
            (0.0, PREFERENCES),
        ):
            unit = self._unit_at(part)
            reading = self._read(unit, point)
            shift = unit.start - len(unit.context)
            floor = len(unit.context) + max(0, len(self._lens.head) - unit.start)
            end = len(reading.source)
            if before is not None:
                end = before - shift + 1
            found = Cuts(reading, floor, end, held - shift)
            for ranks, least in preferences:
                if least < min(part, 0.5):
                    break
                best = self._last_fitting(found, ranks, shift)
                if best is None:
                    continue
                cut, text = best
                if self._dialect.cost(text) >= least * self._limit or before == cut.at + shift:
                    return self._closing(renumbered(reading, cut, unit.number), shift, text)
        return self._hard_cut(point)

    def _held_from(self, point: int) -> int:
        """From where on a frame would hold back what comes before `point`."""
        unit, floor = self._open, len(self._open.context)
        reading = self._read(unit, point)
        held = heal(reading, self._syntax, partial(self._part, unit), floor).end
        rest = reading.source[held:]
        return unit.start - floor + held + len(rest) - len(rest.lstrip())

    def _unit_at(self, part: float) -> _Unit:
        """The unit in which this part of the page is full."""
        size = 0
        for piece in self._pieces:
            size += self._dialect.cost(piece.text)
            if size > part * self._limit:
                return piece.unit
        held = next((piece.unit for piece in self._pieces if not piece.text), None)
        return held or self._open

    def _last_fitting(self, found: Cuts, ranks: frozenset[int], shift: int) -> tuple[Cut, str] | None:
        """The last of the places of these ranks that leaves a page within its limit. It is mostly near the end."""
        best = self._last_fitting_of(found.of(ranks, _WINDOW), shift)
        if ranks & IN_TEXT and (best is None or best[0].at <= found.end - _WINDOW):
            best = self._last_fitting_of(found.of(ranks), shift)
        return best

    def _last_fitting_of(self, found: list[Cut], shift: int) -> tuple[Cut, str] | None:
        """Of these, from the last to the first: by steps that double from where it should be, then in between."""

        def fits(which: int) -> bool:
            return self._until(found[which].at + shift, found[which].closers) is not None

        guess = next((n for n, cut in enumerate(found) if cut.at + shift <= self._guess), len(found) - 1)
        low, high, step = 0, len(found), 1
        while low < high:
            if fits(guess):
                high, guess = guess, max(low, guess - step)
            else:
                low, guess = guess + 1, min(high - 1, guess + step)
            step *= 2
            if low < guess < high and high - low <= step:
                guess = (low + high) // 2
        for cut in found[low : low + 8]:  # cost is not quite monotone
            text = self._until(cut.at + shift, cut.closers)
            if text:
                return cut, text
        return None

    def _until(self, at: int, closers: str) -> str | None:
        """The page's text if it ended at this place of the lens's text, and `closers` stood there; None: too long."""
        if (at, closers) not in self._tries:
            text, countable = self._ended(at, closers)
            self._tries[at, closers] = text if countable and self._fits(text) else None
        return self._tries[at, closers]

    def _ended(self, at: int, closers: str) -> tuple[str, bool]:
        """The page's text if it ended there, and whether the platform can count it."""
        which, unit = len(self._pieces), self._open
        while which > 0 and at <= unit.start:
            which -= 1
            unit = self._pieces[which].unit
        before = "".join(piece.text for piece in self._pieces[:which])
        following = self._pieces[which + 1].unit if which + 1 < len(self._pieces) else self._open
        if which < len(self._pieces) and at == following.start and not following.context:
            return _page(before + self._pieces[which].text), True
        body = unit.context + self._lens.text[unit.start : at].rstrip() + closers
        known = self._known(unit)
        reading = read(body, self._syntax, known, self._memory)
        if reading.leaf.fence:
            body += close_fence(reading.leaf, body, len(body))
            reading = read(body, self._syntax, known, self._memory)
        return _page(before + self._write(reading, unit)), self._countable(reading, unit)

    def _closing(self, cut: Cut, shift: int, text: str) -> Closing:
        head = cut.head
        if self._dialect.cost(head) * _REPEAT > self._limit:
            mark = re.match(r"[ >]*(`{3,}|~{3,})", head)
            head = f"{mark[0]}\n" if mark and len(mark[0]) * _REPEAT < self._limit else ""
            cut = replace(cut, skip=0)
        at = cut.at + shift
        definitions: dict[str, Any] = {}
        for piece in self._pieces:
            begin = piece.unit.start - len(piece.unit.context)
            definitions.update({k: each for k, each in piece.definitions.items() if begin + each["at"] < at})
        if at > self._open.start:
            definitions.update(self._read(self._open, at).definitions)
        midway = bool(cut.skip) or self._lens.text[at - 1] != "\n"
        dedent = cut.dedent + self._lens.dedent_at(at)
        return Closing(text, self._lens.to_source(at), head, cut.skip, dedent, midway, definitions)

    def _hard_cut(self, point: int) -> Closing:
        """Nothing can be cut as one would: the page ends where it is full. What it repeats goes, if that is too much."""
        text = self._lens.text
        floor = max(len(self._lens.head), point - len(text[:point].lstrip()))
        low, high = floor + 1, max(floor + 1, point - 1)
        while low < high:
            middle = (low + high + 1) // 2
            if self._until(middle, "") is not None:
                low = middle
            else:
                high = middle - 1
        while low > floor + 1 and not parts(text, low):
            low -= 1
        page = self._until(low, "")
        if page:
            return self._closing(Cut(low, 0), 0, page)
        if self._lens.head:
            return Closing()
        if page is not None:  # tags and spaces, of which nothing is seen
            return Closing(skip=self._lens.to_source(low), midway=True)
        if floor > 0:  # indentation alone is more than a page: what it indents goes on without it
            return Closing(skip=self._lens.to_source(floor), midway=True)
        raise ValueError(f"a page of {self._limit} cannot hold a single character of this text")

    # ---------------------------------------------------------------------------------------------- showing

    def frame(self) -> Frame | None:
        """The page now, healed; None while there is nothing to show."""
        end = len(self._lens.text)
        while True:
            frame = self._healed(end)
            if self._fits(frame.text):
                break
            least = max(self._open.start, self._certain)
            if end <= least:
                return None
            end = max(least, self._checked if end > self._checked else end - 20)
        return replace(frame, shown=self._lens.to_source(frame.shown)) if frame.text else None

    def _healed(self, end: int) -> Frame:
        unit = self._open
        floor = len(unit.context)
        reading = self._read(unit, max(end, unit.start))
        certain = max(floor, self._certain - unit.start + floor)
        surplus = self._surplus_table(reading)
        limit = self._growing(reading) if surplus is None else surplus - unit.start + floor
        another = unit.tables + len(reading.tables) < self._syntax.tables
        certain = max(certain, certain_place(reading, self._syntax, floor, limit, another=another))
        tables = self._syntax.tables - unit.tables
        healed = heal(reading, self._syntax, partial(self._part, unit), certain, tables=tables)
        stop = healed.end
        if surplus is not None and surplus - unit.start + floor < stop:
            stop = surplus - unit.start + floor
            reading = self._read(unit, surplus)
        elif healed.reading is not None:
            reading = healed.reading
        elif stop < len(reading.source) or healed.closers:
            reading = self._read(unit, unit.start + stop - floor, healed.closers)
        self._certain = max(self._certain, unit.start + certain - floor if certain > floor else 0)
        text = _page(self._settled + self._write(reading, unit))
        settled = ""
        if self._certain > len(self._lens.head):  # what a page repeats is nothing to close it for
            settled = self._settled + (self._write(reading, unit, certain) if certain > floor else "")
        return Frame(text, unit.start + stop - floor, min(len(text), len(_page(settled))))

    def _growing(self, reading: Reading) -> int:
        """Where a table begins that is laid out anew with each row; the end if there is none."""
        tables = self._open.tables
        for table in reading.tables:
            if self._native(table, tables):
                tables += 1
            elif table.end >= len(reading.source):
                return reading.source.rfind("\n", 0, table.start) + 1
        return len(reading.source)

    def seal(self) -> Closing | None:
        """The page closes where what is certain ends; None if nothing is."""
        at = self._certain
        if at <= len(self._lens.head):
            return None
        unit = next((piece.unit for piece in reversed(self._pieces) if piece.unit.start < at), self._open)
        if at > self._open.start:
            unit = self._open
        reading = self._read(unit, len(self._lens.text))
        shift = unit.start - len(unit.context)
        cut = renumbered(reading, at_place(reading, at - shift), unit.number)
        text = self._ended(at, "")[0]
        return self._closing(cut, shift, text) if text else None

    def whole(self) -> str:
        """The page as it is when no more comes: nothing held back."""
        end = len(self._lens.text)
        reading = self._read(self._open, end)
        if reading.leaf.fence:
            closers = close_fence(reading.leaf, reading.source, len(reading.source))
            reading = self._read(self._open, end, closers)
        return _page(self._settled + self._write(reading, self._open))


def _page(text: str) -> str:
    """A message's text without the white space around it, which platforms take off."""
    return text.rstrip().lstrip("\n")
