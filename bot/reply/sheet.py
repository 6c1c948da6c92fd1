"""What stands on the open page: the pieces that are settled, and the unit that still grows. Law: nothing here decides.

The page's text is the source, with in front of it what a cut made it repeat. It is kept in units, each read in its own
context: a text in front of it that brings the parser to where it was. Where a unit ends `growth` decides, and where
the page ends `cutting`; both read and write through this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bot.markup import Memory, Reading, Table, read
from bot.ports import Dialect
from bot.reply.cuts import Cut
from bot.reply.healing import close_fence, heal
from bot.reply.lens import Lens
from bot.reply.settling import Step
from bot.reply.tables import Row, laid_out

_EMPTY_QUOTE = re.compile(r" {0,3}>[> ]*")
_ITEMS = re.compile(r"^(?=- )", re.MULTILINE)
_REPEAT = 4  # what a page repeats may take a quarter of it
_SOLID = ("heading", "hr", "table")  # blocks of their own for a platform that counts them
SPARE = 4  # of a message's blocks, left for its buttons and ours


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
class Unit:
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
class Piece:
    """A settled unit with its text in the dialect."""

    unit: Unit
    text: str
    definitions: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """The page now. `shown`: how much of its source that is.

    certain, sure   how much of the text is so for good, and how much of the source that is
    """

    text: str
    shown: int
    certain: int
    sure: int


class Sheet:
    """One page's text, as it was read and as the platform will show it."""

    def __init__(self, dialect: Dialect, limit: int, begin: Closing, references: Mapping[str, Any]) -> None:
        self.dialect = dialect
        self.syntax = dialect.syntax
        self.limit = limit
        self.lens = Lens(begin.head, begin.skip, begin.dedent, midway=begin.midway)
        self.pieces: list[Piece] = []
        self.settled = ""  # the pieces' texts, joined
        self.open = Unit()
        self.certain = 0  # up to here of the lens's text some frame has called it certain
        self._before = references  # defined on earlier pages
        self.references = dict(references)  # and on this one, in what is settled
        self.memory = Memory()
        self._latest: tuple[Unit, int, str, Reading] | None = (
            None  # a step asks for the same reading several times
        )
        self._items: dict[str, str] = {}  # a listed table's rows, as written and as shown

    def read(self, unit: Unit, end: int, closers: str = "") -> Reading:
        """The unit up to `end`, in its context."""
        if self._latest is not None:
            of, upto, closed, reading = self._latest
            if of is unit and upto == end and closed == closers:
                return reading
        source = unit.context + self.lens.text[unit.start : end] + closers
        reading = read(source, self.syntax, self.known(unit), self.memory)
        self._latest = unit, end, closers, reading
        return reading

    def part(self, unit: Unit, source: str) -> Reading:
        """A part of what was read of a unit."""
        return read(source, self.syntax, self.known(unit), self.memory)

    def known(self, unit: Unit) -> Mapping[str, Any]:
        """The link definitions that came before a unit."""
        if unit.start >= self.open.start or len(self.references) == len(self._before):
            return self.references
        known = dict(self._before)
        for piece in self.pieces:
            if piece.unit.start < unit.start:
                known.update(piece.definitions)
        return known

    def write(self, reading: Reading, unit: Unit, upto: int | None = None) -> str:
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
            if self.native(table, tables):
                tables += 1
                continue
            last = first
            while last < len(marks) and marks[last].start < table.start:
                last += 1
            written.append(self.dialect.render(source, marks[first:last], at, max(at, table.start)))
            written.append(self._table(table, unit.rows if table.start < at else ()))
            at, first = max(at, table.end), last
            while first < len(marks) and marks[first].start < at:
                first += 1
        written.append(self.dialect.render(source, marks[first:], at, max(at, end)))
        return "".join(written)

    def native(self, table: Table, before: int) -> bool:
        """Whether the table is shown as one, with so many before it."""
        return before < self.syntax.tables and len(table.aligns) <= self.syntax.columns

    def _table(self, table: Table, settled: tuple[Row, ...]) -> str:
        rows = [*settled, *(Row.of(cells) for cells in table.rows[1 if settled else 0 :])]
        source, marks = laid_out(rows, table.aligns, table.prefix, self.syntax)
        if marks is not None:
            return self.dialect.render(source, marks, 0, len(source))
        if table.prefix:
            return self._item(source)
        return "".join(self._item(item) for item in _ITEMS.split(source))

    def _item(self, source: str) -> str:
        """A row that is shown as a list's item; the search for a cut asks for the same rows again and again."""
        if source not in self._items:
            marks = read(source, self.syntax, self.references).marks
            self._items[source] = self.dialect.render(source, marks, 0, len(source))
        return self._items[source]

    def commit(self, step: Step, reading: Reading) -> None:
        """Settle a part of what was read: by the step's law it is read so whatever follows."""
        unit = self.open
        end = unit.start + step.upto - len(unit.context)
        tables, text = unit.tables, ""
        rows: tuple[Row, ...] = ()
        if step.rows is not None:
            # A table that goes on: shown as a table its rows are settled; as code they may still be realigned.
            table = reading.tables[0]
            fresh = table.rows[1 if unit.context else 0 :]
            rows = unit.rows + tuple(Row.of(cells) for cells in fresh)
            if self.native(table, unit.tables):
                text = self.write(reading, unit, step.upto)
        else:
            text = self.write(reading, unit, step.upto)
            for table in reading.tables:
                tables += table.start < step.upto and self.native(table, tables)
        definitions = {k: each for k, each in reading.definitions.items() if each["at"] < step.upto}
        self.pieces.append(Piece(unit, text, definitions))
        self.settled += text
        if text:
            self.certain = max(self.certain, end)
        if definitions:
            self.references.update(definitions)
            self._items.clear()
        self._latest = None
        self.memory.age()
        self.open = Unit(end, step.context, step.number, tables, rows, unit.blocks + step.solid)

    def unit_at(self, part: float) -> Unit:
        """The unit in which this part of the page is full."""
        size = 0
        for piece in self.pieces:
            size += self.dialect.cost(piece.text)
            if size > part * self.limit:
                return piece.unit
        held = next((piece.unit for piece in self.pieces if not piece.text), None)
        return held or self.open

    def ended(self, at: int, closers: str) -> tuple[str, bool]:
        """The page's text if it ended there, and whether the platform can count it."""
        which, unit = len(self.pieces), self.open
        while which > 0 and at <= unit.start:
            which -= 1
            unit = self.pieces[which].unit
        before = "".join(piece.text for piece in self.pieces[:which])
        following = self.pieces[which + 1].unit if which + 1 < len(self.pieces) else self.open
        if which < len(self.pieces) and at == following.start and not following.context:
            return trimmed(before + self.pieces[which].text), True
        body = unit.context + self.lens.text[unit.start : at].rstrip() + closers
        known = self.known(unit)
        reading = read(body, self.syntax, known, self.memory)
        if reading.leaf.fence:
            body += close_fence(reading.leaf, body, len(body))
            reading = read(body, self.syntax, known, self.memory)
        return trimmed(before + self.write(reading, unit)), self.countable(reading, unit)

    def closing(self, cut: Cut, shift: int, text: str) -> Closing:
        """The page with this text closes at this place of a reading, which begins at `shift`."""
        head = cut.head
        if self.dialect.cost(head) * _REPEAT > self.limit:
            mark = re.match(r"[ >]*(`{3,}|~{3,})", head)
            head = f"{mark[0]}\n" if mark and len(mark[0]) * _REPEAT < self.limit else ""
            cut = replace(cut, skip=0)
        at = cut.at + shift
        definitions: dict[str, Any] = {}
        for piece in self.pieces:
            begin = piece.unit.start - len(piece.unit.context)
            definitions.update({k: each for k, each in piece.definitions.items() if begin + each["at"] < at})
        if at > self.open.start:
            definitions.update(self.read(self.open, at).definitions)
        midway = bool(cut.skip) or self.lens.text[at - 1] != "\n"
        dedent = cut.dedent + self.lens.dedent_at(at)
        return Closing(text, self.lens.to_source(at), head, cut.skip, dedent, midway, definitions)

    def blocks(self, reading: Reading, unit: Unit) -> int:
        """How many of a message's blocks are taken up to the end of the reading."""
        solid = [block for block in reading.blocks if block.depth == 0 and block.kind in _SOLID]
        return unit.blocks + 2 * len(solid)

    def countable(self, reading: Reading, unit: Unit) -> bool:
        """Whether the message's blocks are not too many, and its table not too long."""
        if not self.syntax.blocks:
            return True
        if self.blocks(reading, unit) + 1 > self.syntax.blocks - SPARE:
            return False
        return all(
            len(table.rows) + (len(unit.rows) if table.start < len(unit.context) else 0) <= self.syntax.rows
            for table in reading.tables
        )

    def fits(self, text: str) -> bool:
        """Whether the platform takes it as one message."""
        return self.dialect.cost(trimmed(text)) <= self.limit

    def held_from(self, point: int) -> int:
        """From where on a frame would hold back what comes before `point`."""
        unit, floor = self.open, len(self.open.context)
        reading = self.read(unit, point)
        held = heal(reading, self.syntax, partial(self.part, unit), floor).end
        rest = reading.source[held:]
        return unit.start - floor + held + len(rest) - len(rest.lstrip())


def trimmed(text: str) -> str:
    """A message's text without the white space around it, which platforms take off, and without a quote's empty lines at
    its end: a mark that stands alone may show as it is.
    """
    text = text.rstrip()
    while text.endswith(">") and (last := text.rfind("\n") + 1) and _EMPTY_QUOTE.fullmatch(text, last):
        text = text[:last].rstrip()
    return text.lstrip("\n")
