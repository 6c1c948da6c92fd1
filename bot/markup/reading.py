"""Markdown's blocks as spans of its source. Law: what a container puts in front of a line is told apart from the line.

markdown-it says which lines a block has, and hands over a paragraph's text with the quote marks and indentation of
its containers taken off. So a cursor is kept for each line: every container that is entered moves it over what is
the container's own, and what is left of the line is the block's.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter

from markdown_it.token import Token

from bot.markup.engine import engine
from bot.markup.inline import inline_marks
from bot.markup.nouns import Block, Inline, Leaf, Mark, Memory, Reading, References, Syntax, Table

_QUOTE = re.compile(r"[ \t]{0,3}>")
_BOX = re.compile(r"\[([ xX])\](?=[ \t])")
_SPACE = re.compile(r"[ \t]+")
_SPAN = itemgetter(1, 2)  # of a mark


def line_starts(source: str) -> list[int]:
    starts = [0]
    at = source.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = source.find("\n", at + 1)
    return starts


def read(source: str, syntax: Syntax, references: References, memory: Memory | None = None) -> Reading:
    """Everything there is to know. Link references are resolved where their definition came before them.

    memory  of the same syntax
    """
    return _Reader(source, syntax, references, memory).reading


class _Reader:
    def __init__(
        self, source: str, syntax: Syntax, references: References, memory: Memory | None = None
    ) -> None:
        self.source = source
        self.memory = memory
        self.starts = line_starts(source)
        self.ends = [start - 1 for start in self.starts[1:]]
        self.ends.append(len(source))
        self.cursor = list(self.starts)
        self.md = engine(syntax.html, syntax.math)
        self.references = references
        self.reading = Reading(source)
        self.marks = self.reading.marks
        self.quotes = 0
        self.depth = 0
        self.numbers: list[int] = []
        self.table: Table | None = None
        self.unclosed: Mark | None = None
        self.setext: tuple[int, int] | None = None
        # The last block, as (kind, start, line, loose); None where its leaf has been made: only one is asked for.
        self.last: tuple[str, int, int, list[tuple[int, str]]] | None = None
        tokens = self.reading.tokens
        self.md.block.parse(source, self.md, {}, tokens)
        self._walk(tokens)
        self._end()
        self.marks.sort(key=_SPAN)
        self._drop_overlaps()

    # -------------------------------------------------------------------------------------------- lines

    def line_end(self, line: int) -> int:
        """Where the line's text ends: before its newline."""
        return self.ends[line]

    def line_after(self, line: int) -> int:
        """Where the next line begins."""
        return self.starts[line] if line < len(self.starts) else len(self.source)

    def prefix(self, line: int) -> str:
        """What a further line in the same containers would begin with."""
        own = self.source[self.starts[line] : self.cursor[line]]
        if not own.strip(" >\t"):
            return own
        return "".join(char if char in "> \t" else " " for char in own)

    def skip(self, line: int) -> int:
        """The line's first character that is not space, behind its containers."""
        found = _SPACE.match(self.source, self.cursor[line], self.ends[line])
        return found.end() if found else self.cursor[line]

    def advance(self, line: int, columns: int) -> None:
        """Move the cursor over so many columns of indentation, or what there is of it."""
        at, end, column = self.cursor[line], self.line_end(line), 0
        while at < end and column < columns and self.source[at] in " \t":
            column += 4 - column % 4 if self.source[at] == "\t" else 1
            at += 1
        self.cursor[line] = at

    # -------------------------------------------------------------------------------------------- blocks

    def _walk(self, tokens: Sequence[Token]) -> None:
        for at, token in enumerate(tokens):
            kind = token.type
            if kind == "inline":
                self._text(token, tokens[at - 1])
            elif token.map is not None:
                first, last = token.map[0], min(token.map[1], len(self.starts))
                # The engine counts no last line of spaces alone.
                if first < len(self.starts):
                    self._open(token, first, last)
            elif kind in ("blockquote_close", "list_item_close"):
                self.depth -= 1
                self.quotes -= kind == "blockquote_close"
            elif kind == "ordered_list_close":
                self.numbers.pop()
            elif kind == "table_close":
                self.table = None

    def _open(self, token: Token, first: int, last: int) -> None:
        kind = token.type
        start = self.starts[first]
        if last > first + 1:  # blank lines at its end are nobody's
            filled = start + len(self.source[start : self.line_after(last)].rstrip())
            last = max(first + 1, min(last, bisect_left(self.starts, filled)))
        end = self.line_after(last)
        if kind == "blockquote_open":
            self._note("quote", start, end, first)
            self._quote(first, last)
        elif kind == "ordered_list_open":
            self.numbers.append(int(token.attrs.get("start", 1)))
        elif kind == "list_item_open":
            self._item(token, first, last)
        elif kind == "table_open":
            self.table = Table(self.cursor[first], end, self.prefix(first), depth=self.depth)
            self.table.aligns = token.meta["aligns"]
            self.reading.tables.append(self.table)
            self._note("table", start, end, first)
            self._leaf("table", self.skip(first), first)
        elif kind == "tr_open" and self.table is not None:
            cells: list[str] = token.meta["cells"]
            self.table.rows.append(cells)
            self.table.ends.append(end)
            self._cells(cells, first)
        elif kind in ("fence", "code_block", "html_block"):
            self._note(kind, start, end, first)
            if kind == "fence":
                self._fence(token, first, last)
            elif kind == "code_block":
                self._indented(first, last)
            else:
                self._html(first, last)
        elif kind == "hr":
            self._note("hr", start, end, first)
            self.marks.append(Mark("rule", self.skip(first), self.line_end(first)))
            self._leaf("hr", start, first)
        elif kind == "definition":
            self._note("definition", start, end, first)
            self._define(token, first)
        elif kind in ("heading_open", "paragraph_open"):
            self._note(kind[:-5], start, end, first)
            self.setext = (first, last) if token.markup in ("=", "-") else None

    def _note(self, kind: str, start: int, end: int, line: int) -> None:
        prefix = self.prefix(line) if self.depth else ""
        self.reading.blocks.append(Block(kind, start, end, self.depth, prefix=prefix))

    def _leaf(self, kind: str, start: int, line: int, loose: Sequence[tuple[int, str]] = ()) -> None:
        if self.unclosed is not None:
            # The container of a fence ended, and the fence with it; not every platform sees that.
            self.marks.append(self.unclosed)
            self.unclosed = None
        self.last = (kind, start, line, list(loose))

    def _end(self) -> None:
        if self.last is not None:
            kind, start, line, loose = self.last
            self.reading.leaf = Leaf(kind, start, self.prefix(line), loose=loose)

    def _quote(self, first: int, last: int) -> None:
        self.quotes += 1
        self.depth += 1
        for line in range(first, last):
            found = _QUOTE.match(self.source, self.cursor[line], self.line_end(line))
            at = self.cursor[line]
            if found is None:
                self.marks.append(Mark("lazy", at, at, level=self.quotes))
                continue
            end = found.end()
            end += self.source[end : end + 1] in (" ", "\t")
            self.marks.append(Mark("quote", at, end, level=self.quotes))
            self.cursor[line] = end

    def _item(self, token: Token, first: int, last: int) -> None:
        at = self.skip(first)
        marker = at + len(token.info) + 1
        number = 0
        if token.info:
            number, self.numbers[-1] = self.numbers[-1], self.numbers[-1] + 1
        before = self.cursor[first]
        self.cursor[first] = marker
        body = self.skip(first)
        width = body - marker if 0 < body - marker <= 4 and body < self.line_end(first) else 1
        end = min(marker + width, self.line_end(first))
        indent = end - before if end > marker else end - before + 1
        self.cursor[first] = before
        self.reading.blocks.append(
            Block(
                "item",
                self.starts[first],
                self.line_after(last),
                self.depth,
                indent,
                number,
                self.prefix(first),
            )
        )
        self.depth += 1
        self.marks.append(Mark("item", at, end, str(number) if token.info else "", len(token.info)))
        self.cursor[first] = end
        for line in range(first + 1, last):
            self.advance(line, indent)
        if self.source.startswith("[", end) and (box := _BOX.match(self.source, end, self.line_end(first))):
            self.marks.append(Mark("task", box.start(), box.end(), box[1].lower()))
        self._leaf("item", at, first)

    def _fence(self, token: Token, first: int, last: int) -> None:
        at = self.skip(first)
        indent = at - self.cursor[first]
        prefix = self.prefix(first)
        self.marks.append(Mark("fence", at, self.line_end(first), token.info.strip(), indent))
        closing = re.compile(rf"[ \t]{{0,3}}{re.escape(token.markup[0])}{{{len(token.markup)},}}[ \t]*$")
        closed = last - 1 > first and closing.match(
            self.source, self.cursor[last - 1], self.line_end(last - 1)
        )
        last = token.map[1] if token.map and not closed else last
        last = min(last, len(self.starts))
        for line in range(first + 1, last - bool(closed)):
            self.advance(line, indent)
            self.marks.append(Mark("body", self.cursor[line], self.line_end(line)))
        self._leaf("fence", at, first)
        leaf = self.reading.leaf = Leaf("fence", at, prefix, info=token.info.strip())
        self.last = None
        if closed:
            self.marks.append(Mark("fenced", self.skip(last - 1), self.line_end(last - 1)))
        else:
            leaf.fence = token.markup
            end = self.line_end(last - 1)
            self.unclosed = Mark("fenced", end, end, prefix)

    def _indented(self, first: int, last: int) -> None:
        for line in range(first, last):
            where = "only" if last - first == 1 else {first: "first", last - 1: "last"}.get(line, "")
            self.marks.append(Mark("indented", self.cursor[line], self.line_end(line), where))
        self._leaf("code_block", self.starts[first], first)

    def _html(self, first: int, last: int) -> None:
        for line in range(first, last):
            self.marks.append(Mark("html", self.cursor[line], self.line_end(line), level=1))
        self._leaf("html_block", self.starts[first], first)

    def _define(self, token: Token, first: int) -> None:
        meta = token.meta
        found = {"href": meta["url"], "title": meta["title"], "at": self.starts[first]}
        if meta["id"] not in self.references:
            self.reading.definitions.setdefault(meta["id"], found)
            self.references = {**self.references, meta["id"]: self.reading.definitions[meta["id"]]}
        at = self.skip(first)
        self.marks.append(Mark("definition", at, self.line_end(first), meta["label"]))
        self._leaf("definition", self.starts[first], first)

    # -------------------------------------------------------------------------------------------- text

    def _text(self, token: Token, opened: Token) -> None:
        if token.map is None:
            return
        first = token.map[0]
        places = self._places(token.content, first)
        marks, loose = self._inline(token.content)
        start = places[0][1] if places else self.skip(first)
        end = self._place(places, len(token.content)) if places else start
        if opened.type == "heading_open":
            self._heading(opened, first, start, end)
        if places:
            self._put(marks, places)
        self._leaf(
            opened.type[:-5],
            start,
            token.map[1] - 1 if opened.type == "paragraph_open" else first,
            [(self._place(places, at), which) for at, which in loose] if places and loose else (),
        )

    def _places(self, content: str, first: int) -> list[tuple[int, int]]:
        """(offset in the content, position in the source) for each of its lines; empty if they cannot be matched."""
        if "\n" not in content:
            stripped = content.lstrip()
            at = self.source.rfind(stripped, self.cursor[first], self.line_end(first)) if stripped else -1
            return [(0, at)] if at >= 0 else []
        places: list[tuple[int, int]] = []
        offset = 0
        for number, line in enumerate(content.split("\n")):
            stripped = line.lstrip(" \t")
            index = first + number
            if index >= len(self.starts):
                return []
            at = self.source.rfind(stripped, self.starts[index], self.line_end(index))
            if at < 0:
                return []
            places.append((offset + len(line) - len(stripped), at))
            offset += len(line) + 1
        return places

    @staticmethod
    def _place(places: list[tuple[int, int]], offset: int) -> int:
        which = max(0, bisect_right(places, (offset, 1 << 60)) - 1)
        return places[which][1] + max(0, offset - places[which][0])

    def _put(self, marks: Sequence[Mark], places: list[tuple[int, int]]) -> None:
        if len(places) == 1:
            by = places[0][1] - places[0][0]
            self.marks += [
                Mark(kind, max(start, 0) + by, end + by, text, level)
                for kind, start, end, text, level in marks
            ]
            return
        for kind, start, end, text, level in marks:
            begin = self._place(places, start)
            stop = self._place(places, end - 1) + 1 if end > start else begin
            self.marks.append(Mark(kind, begin, stop, text, level))

    def _inline(self, text: str) -> Inline:
        if self.memory is None or (self.references and "[" in text):
            return inline_marks(text, self.md, self.references)
        found = self.memory.known(text)
        if found is None:
            found = inline_marks(text, self.md, self.references)
            self.memory.keep(text, found)
        return found

    def _heading(self, opened: Token, first: int, start: int, end: int) -> None:
        level = int(opened.tag[1])
        if self.setext is not None:
            self.marks.append(Mark("heading", start, start, "setext", level))
            self.marks.append(Mark("ending", end, self.line_end(self.setext[1] - 1), "setext", level))
            return
        self.marks.append(Mark("heading", self.cursor[first], start, "", level))
        self.marks.append(Mark("ending", end, self.line_end(first), "", level))

    def _cells(self, cells: list[str], line: int) -> None:
        """Cells are laid out from their text; only where a table stays one may their code and links matter."""
        for cell in cells:
            if "<" not in cell and not ("[" in cell and self.references):
                continue
            at = self.source.find(cell, self.cursor[line], self.line_end(line))
            if at >= 0:
                self.cursor[line] = at + len(cell)
                self._put(self._inline(cell)[0], [(0, at)])

    def _drop_overlaps(self) -> None:
        """Inline code that runs over a quote's lines contains their marks: the code wins."""
        end, kept = 0, []
        for mark in self.marks:
            if mark.start >= end:
                kept.append(mark)
                end = mark.end
        self.reading.marks = self.marks = kept
