"""The open page: what of it is settled, what may still change, and when it is full. Law: its steps depend on its text alone.

The page is settled piece by piece as soon as no later text can change how a piece is read (`settling`), and settled
pieces are kept rendered (`sheet`). What is left, the open unit, is read anew in each frame. The page advances over its
text in steps whose ends the text alone decides; the step that finds it overflowing has it cut (`cutting`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from bot.markup import Reading
from bot.ports import Dialect
from bot.reply.certainty import certain_place
from bot.reply.cuts import at_place, renumbered
from bot.reply.cutting import Cutting
from bot.reply.healing import close, close_fence, heal
from bot.reply.settling import forced_step, lines_step, sentences_step
from bot.reply.sheet import SPARE, Closing, Frame, Sheet, trimmed
from bot.reply.tables import at_most
from bot.reply.undecided import PATIENCE

# A step ends at the first line's end after so many characters, else after so many.
_NEAR, _FAR = 160, PATIENCE
_SMALL = 400  # an open unit shorter than this is not worth settling, unless the page may be full
_FULL = 0.6  # a table that the page cannot hold opens a new page if this much is on it, else becomes code
# What a dialect may add to a character that might be markup, to a line (16 where it rewrites rules), and to a table's cell.
_GAIN, _GAIN_OF_LINE, _GAIN_OF_CELL = 4, {False: 2, True: 16}, 32
_SOLID = re.compile(
    r"^ {0,3}(?:#|[-=*_][-=*_ \t]*$|.*\|)", re.MULTILINE
)  # lines that may be or make blocks of their own
_PLAIN = dict.fromkeys(map(ord, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,.;:()\"'/"))


class OpenPage:
    """One page's text while it grows."""

    def __init__(self, dialect: Dialect, limit: int, begin: Closing, references: Mapping[str, Any]) -> None:
        self._sheet = Sheet(dialect, limit, begin, references)
        self._checked = len(begin.head)
        self._measured = (
            0,
            0,
            0,
        )  # up to here of the text the page once cost so much, and took so many blocks
        self._tried = 0  # the open unit was as long as that, and a little, when it could not be settled

    def grow(self, text: str) -> None:
        """More source."""
        self._sheet.lens.feed(text)

    def rest(self, closing: Closing) -> str:
        """The source after the cut."""
        return self._sheet.lens.source[closing.end :]

    def advance(self, *, last: bool, short: bool = False) -> Closing | None:
        """Go over the text step by step. A closing, if a step found the page overflowing.

        `last`: no more text comes. `short`: for it was cut short.
        """
        if last:
            self._sheet.lens.finish()
        while (point := self._next_step()) is not None:
            if (closing := self._step(point)) is not None:
                return closing
            self._checked = point
        if last and self._sheet.lens.text[self._sheet.open.start :].strip():
            return self._overflow(len(self._sheet.lens.text), closed=True, short=short)
        return None

    def _next_step(self) -> int | None:
        text = self._sheet.lens.text
        low, high = self._checked + _NEAR, self._checked + _FAR
        line = text.find("\n", low, high)
        if line >= 0:
            return line + 1
        return high if len(text) >= high else None

    def _step(self, point: int) -> Closing | None:
        text = self._sheet.lens.text[self._sheet.open.start : point]
        tabular = "|" in text and not self._sheet.open.rows and self._may_need_table(text)
        if tabular and (closing := self._overflow(point)) is not None:
            return closing
        if point - self._sheet.open.start > max(_SMALL, self._tried):
            self._settle(point)
        if self._may_overflow(point):
            return self._overflow(point)
        return None

    def _may_need_table(self, text: str) -> bool:
        """Whether a table in it may have to open a new page: that must be known before it is settled."""
        if not self._sheet.syntax.tables:
            return False
        return (
            self._sheet.dialect.cost(self._sheet.settled) + self._sheet.dialect.cost(text)
            >= _FULL * self._sheet.limit
        )

    def _may_overflow(self, point: int) -> bool:
        """A quick look. If it is wrong (no dialect adds that much), the page is cut a step later, no more."""
        sheet = self._sheet
        text = sheet.lens.text[sheet.open.start : point]
        if "|" in text or sheet.open.rows:  # a table may be laid out anew
            cost, blocks = sheet.dialect.cost(sheet.settled), sheet.open.blocks
            gain = self._table_at_most(text) if sheet.open.rows else _GAIN_OF_CELL * text.count("|")
        else:
            at, cost, blocks = max(self._measured, (sheet.open.start, 0, 0))
            if at == sheet.open.start:
                cost, blocks = sheet.dialect.cost(sheet.settled), sheet.open.blocks
            text, gain = sheet.lens.text[at:point], 0
        if sheet.syntax.blocks and blocks + 2 * len(_SOLID.findall(text)) + SPARE > sheet.syntax.blocks:
            return True
        gain += _GAIN * len(text.translate(_PLAIN))
        gain += _GAIN_OF_LINE[sheet.syntax.html] * (text.count("\n") + 1)
        return cost + sheet.dialect.cost(text) + gain > sheet.limit

    def _table_at_most(self, text: str) -> int:
        """What the settled rows of a table that is still laid out anew may cost, with what has come of it since."""
        rows = self._sheet.open.rows
        if not rows or self._native_rows():
            return 0
        return at_most(rows, text, self._sheet.syntax)

    def _native_rows(self) -> bool:
        """Whether the table that the open unit goes on with is shown as a table."""
        unit = self._sheet.open
        return (
            unit.tables < self._sheet.syntax.tables and len(unit.rows[0].cells) <= self._sheet.syntax.columns
        )

    def _overflow(self, point: int, *, closed: bool = False, short: bool = False) -> Closing | None:
        reading = self._ended(short=short) if closed else self._sheet.read(self._sheet.open, point)
        table = self._surplus_table(reading)
        text = self._sheet.settled + self._sheet.write(reading, self._sheet.open)
        fits = self._sheet.fits(text) or (not closed and self._fits_closed(reading, point))
        cost = self._sheet.dialect.cost(text)
        if table is None and fits and self._sheet.countable(reading, self._sheet.open):
            self._measured = point, cost, self._sheet.blocks(reading, self._sheet.open)
            return None
        over = cost - self._sheet.limit
        share = (point - self._sheet.open.start) / max(1, len(text) - len(self._sheet.settled))
        return Cutting(self._sheet, point - int(max(0, over) * share)).find(point, table, closed=closed)

    def _fits_closed(self, reading: Reading, point: int) -> bool:
        """Whether it would fit if what is open were closed here, for then its delimiters need not be escaped."""
        if not reading.leaf.loose:
            return False
        closers = "".join(which for _, which in reversed(reading.leaf.loose))
        closed = self._sheet.write(self._sheet.read(self._sheet.open, point, closers), self._sheet.open)
        return (
            self._sheet.dialect.cost(trimmed(self._sheet.settled + closed)) - len(closers)
            <= self._sheet.limit
        )

    def _surplus_table(self, reading: Reading) -> int | None:
        """Where a table begins that had better open a new page, in the lens's text."""
        if not self._sheet.syntax.tables:
            return None
        for number, table in enumerate(reading.tables):
            if table.depth == 0 and self._sheet.open.tables + number >= self._sheet.syntax.tables:
                at = self._sheet.open.start + table.start - len(self._sheet.open.context)
                before = self._sheet.settled + self._sheet.lens.text[self._sheet.open.start : at]
                full = self._sheet.dialect.cost(before) >= _FULL * self._sheet.limit
                return (
                    at if full and len(self._sheet.lens.head) < at and at >= self._sheet.open.start else None
                )
        return None

    def _settle(self, point: int) -> None:
        """Take from the open unit what no later text can change."""
        text = self._sheet.lens.text
        while (end := text.rfind("\n", self._sheet.open.start, point) + 1) > self._sheet.open.start:
            unit = self._sheet.open
            reading = self._sheet.read(unit, end)
            step = lines_step(reading, unit.context, unit.number)
            if step is None:
                break
            self._sheet.commit(step, reading)
            if not step.more:
                break
        while self._sheet.open.context in ("", "x", "x ", "x\n") and point - self._sheet.open.start > _SMALL:
            reading = self._sheet.read(self._sheet.open, point)
            context = self._sheet.open.context
            step = sentences_step(reading, context, self._sheet.syntax)
            step = step or forced_step(reading, context)
            if step is None or step.upto <= len(context):
                break
            self._sheet.commit(step, reading)
        # What cannot be settled is not tried again with every few words.
        self._tried = (point - self._sheet.open.start) * 3 // 2

    def frame(self) -> Frame | None:
        """The page now, healed; None while there is nothing to show."""
        end = len(self._sheet.lens.text)
        while True:
            frame = self._healed(end)
            if self._sheet.fits(frame.text):
                break
            least = max(self._sheet.open.start, self._sheet.certain)
            if end <= least:
                return None
            over = self._sheet.dialect.cost(frame.text) - self._sheet.limit
            end = max(least, self._checked if end > self._checked else end - max(20, over // 2))
        lens = self._sheet.lens
        shown, sure = lens.to_source(frame.shown), lens.to_source(frame.sure)
        return replace(frame, shown=shown, sure=sure) if frame.text else None

    def _healed(self, end: int) -> Frame:
        unit = self._sheet.open
        floor = len(unit.context)
        reading = self._sheet.read(unit, max(end, unit.start))
        certain = max(floor, self._sheet.certain - unit.start + floor)
        surplus = self._surplus_table(reading)
        limit = self._growing(reading) if surplus is None else surplus - unit.start + floor
        another = unit.tables + len(reading.tables) < self._sheet.syntax.tables
        certain = max(certain, certain_place(reading, self._sheet.syntax, floor, limit, another=another))
        tables = self._sheet.syntax.tables - unit.tables
        healed = heal(reading, self._sheet.syntax, partial(self._sheet.part, unit), certain, tables=tables)
        stop = healed.end
        if surplus is not None and surplus - unit.start + floor < stop:
            stop = surplus - unit.start + floor
            reading = self._sheet.read(unit, surplus)
        elif healed.reading is not None:
            reading = healed.reading
        elif stop < len(reading.source) or healed.closers:
            reading = self._sheet.read(unit, unit.start + stop - floor, healed.closers)
        self._sheet.certain = max(self._sheet.certain, unit.start + certain - floor if certain > floor else 0)
        text = trimmed(self._sheet.settled + self._sheet.write(reading, unit))
        settled = ""
        if self._sheet.certain > len(self._sheet.lens.head):  # what a page repeats is nothing to close it for
            settled = self._sheet.settled + (
                self._sheet.write(reading, unit, certain) if certain > floor else ""
            )
        settled = trimmed(settled)
        sure = self._sheet.certain if settled and text.startswith(settled) else 0
        return Frame(text, unit.start + stop - floor, min(len(text), len(settled)), sure)

    def _growing(self, reading: Reading) -> int:
        """Where a table begins that is laid out anew with each row; the end if there is none."""
        tables = self._sheet.open.tables
        for table in reading.tables:
            if self._sheet.native(table, tables):
                tables += 1
            elif table.end >= len(reading.source):
                return reading.source.rfind("\n", 0, table.start) + 1
        return len(reading.source)

    def seal(self) -> Closing | None:
        """The page closes where what is certain ends; None if nothing is."""
        at = self._sheet.certain
        if at <= len(self._sheet.lens.head):
            return None
        unit = next(
            (piece.unit for piece in reversed(self._sheet.pieces) if piece.unit.start < at), self._sheet.open
        )
        if at > self._sheet.open.start:
            unit = self._sheet.open
        reading = self._sheet.read(unit, len(self._sheet.lens.text))
        shift = unit.start - len(unit.context)
        cut = renumbered(reading, at_place(reading, at - shift), unit.number)
        text = self._sheet.ended(at, "")[0]
        return self._sheet.closing(cut, shift, text) if text else None

    def whole(self, *, short: bool = False) -> str:
        """The page as it is when no more comes: nothing held back. `short`: for the text was cut short."""
        return trimmed(self._sheet.settled + self._sheet.write(self._ended(short=short), self._sheet.open))

    def _ended(self, *, short: bool) -> Reading:
        """The open unit when no more comes. In a whole text a delimiter that nothing closes is a character."""
        unit = self._sheet.open
        end = len(self._sheet.lens.text)
        reading = self._sheet.read(unit, end)
        closers = close_fence(reading.leaf, reading.source, len(reading.source))
        if short:
            stop, closers = close(reading, self._sheet.syntax, partial(self._sheet.part, unit))
            end = max(unit.start, end - len(reading.source) + stop)
        return self._sheet.read(unit, end, closers) if closers or short else reading
