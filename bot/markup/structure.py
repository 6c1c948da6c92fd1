"""markdown-it's block parser, asking only the rules that can succeed. Law: its reading is not changed.

The engine asks each of its eleven rules about each line, and all that may end a paragraph about each further line of
one. But every rule gives up unless the line begins with one of its characters; only a table may begin with any. So a
line's first character says whom to ask.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from markdown_it.common.utils import mdTrim
from markdown_it.parser_block import ParserBlock
from markdown_it.ruler import Ruler
from markdown_it.rules_block import StateBlock, blockquote
from markdown_it.rules_block import reference as definition
from markdown_it.token import Token

_Rule: TypeAlias = Callable[[StateBlock, int, int, bool], bool]

# A table's header that begins without a bar is told from prose by being short; a page must know when prose is prose.
HEADER = 100
_CELLS = 20
_RULED = 3  # marks that make a rule
_INDENTED = 4  # columns that make code
_QUOTES = 6  # quotes within quotes; each goes over all lines of those within it, and nobody reads deeper ones
_SHORT = 0x10000  # cells that rows may lack, together: the engine's bound on what a short text becomes
_SEPARATOR = re.compile(r"(?:-[-:|]|[:|][-:|\s])[-:|\s]*")
_UNDERLINE = re.compile(r"(?:-+|=+)[ \t]*")
_COLUMN = re.compile(r":?-+:?")
_BARS = re.compile(r"(?<!\\)\|")
_ALIGNS = {(False, False): "", (True, False): "left", (False, True): "right", (True, True): "center"}
_ASKED: dict[str, tuple[str, ...]] = {
    "`": ("fence",),
    "~": ("fence",),
    ">": ("blockquote",),
    "-": ("hr", "list"),
    "*": ("hr", "list"),
    "_": ("hr",),
    "+": ("list",),
    **dict.fromkeys("0123456789", ("list",)),
    "[": ("reference",),
    "<": ("html_block",),
    "#": ("heading",),
}


class _Rules(Ruler[_Rule]):
    """The engine's rules; each chain is one rule that asks those of the chain that can succeed."""

    def __init__(self) -> None:
        super().__init__()
        self.chains: dict[str, list[_Rule]] = {}

    def index(self) -> None:
        for chain in ("paragraph", "reference", "blockquote", "list"):
            self.chains[chain] = [self._asking(*self.sorted(chain))]

    def sorted(self, chain: str) -> tuple[Mapping[str, Sequence[_Rule]], Sequence[_Rule]]:
        """The chain's rules by the character that they begin with, and those that any other may begin."""
        active = [rule for rule in self.__rules__ if rule.enabled and (not chain or chain in rule.alt)]
        any_char = [rule.fn for rule in active if rule.name == "table"]
        asked = {
            char: any_char + [rule.fn for rule in active if rule.name in names]
            for char, names in _ASKED.items()
        }
        return asked, any_char

    @staticmethod
    def _asking(asked: Mapping[str, Sequence[_Rule]], others: Sequence[_Rule]) -> _Rule:
        def ask(state: StateBlock, line: int, end: int, silent: bool) -> bool:
            at = state.bMarks[line] + state.tShift[line]
            for rule in asked.get(state.src[at : at + 1], others):  # noqa: SIM110 (any() costs a generator a line)
                if rule(state, line, end, silent):
                    return True
            return False

        return ask

    def getRules(self, chainName: str = "") -> list[_Rule]:  # noqa: N802, N803 (the engine's names)
        return self.chains.get(chainName) or super().getRules(chainName)


class Structure(ParserBlock):
    """The engine's block parser with two rules of its own: for tables, and for definitions."""

    def __init__(self, base: ParserBlock) -> None:
        super().__init__()
        self.ruler = _Rules()
        self.ruler.__rules__ = base.ruler.__rules__
        self.ruler.at("reference", _definition)
        self.ruler.at("hr", _rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})
        self.ruler.at("blockquote", _quote, {"alt": ["paragraph", "reference", "blockquote", "list"]})
        self.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
        self.ruler.index()
        self.asked, self.any_char = self.ruler.sorted("")
        named = {rule.name: rule.fn for rule in self.ruler.__rules__}
        self.code = named["code"]
        self.heading = named["lheading"]
        self.ends = self.ruler.getRules("paragraph")[0]

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:  # noqa: N803 (the engine's names)
        """As the engine's own loop."""
        line, end = startLine, endLine
        deepest = state.md.options["maxNesting"]
        blank = False
        while line < end:
            state.line = line = state.skipEmptyLines(line)
            if line >= end or state.sCount[line] < state.blkIndent:
                break
            if state.level >= deepest:
                state.line = end
                break
            self._block(state, line, end)
            if state.line <= line:
                raise RuntimeError("a rule of the parser's took no line")
            state.tight = not blank
            line = state.line
            if line - 1 < end and state.isEmpty(line - 1):
                blank = True
            if line < end and state.isEmpty(line):
                blank = True
                line += 1
                state.line = line

    def _block(self, state: StateBlock, line: int, end: int) -> None:
        if state.sCount[line] - state.blkIndent >= _INDENTED:
            self.code(state, line, end, False)
            return
        at = state.bMarks[line] + state.tShift[line]
        for rule in self.asked.get(state.src[at], self.any_char):
            if rule(state, line, end, False):
                return
        self._text(state, line, end)

    def _text(self, state: StateBlock, line: int, end: int) -> None:
        """A paragraph, or a heading that is underlined: the engine goes over its lines once for each."""
        before, state.parentType = state.parentType, "paragraph"
        after, level, ends = line + 1, state.level, self.ends
        starts, shifts, indents, stops = state.bMarks, state.tShift, state.sCount, state.eMarks
        while after < state.lineMax and (at := starts[after] + shifts[after]) < stops[after]:
            indent = indents[after] - state.blkIndent
            if indent < _INDENTED:
                underline = state.src[at] in "-=" and after < end and indent >= 0
                if underline and _UNDERLINE.fullmatch(state.src, at, stops[after]):
                    state.parentType = before
                    self.heading(state, line, end, False)
                    return
                if indents[after] >= 0 and ends(state, after, end if after < end else state.lineMax, True):
                    break
            after += 1
        if after == line + 1:
            text = state.src[starts[line] + shifts[line] : stops[line]]
        else:
            text = state.getLines(line, after, state.blkIndent, False)
        state.line = after  # and the parent's type stays, as the engine's rule for headings leaves it
        lines = [line, after]
        state.tokens += (
            Token("paragraph_open", "p", 1, map=lines, level=level, block=True),
            Token("inline", "", 0, map=lines, level=level + 1, content=mdTrim(text), children=[], block=True),
            Token("paragraph_close", "p", -1, level=level, block=True),
        )


def _definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A footnote's `[^1]: text` is no link definition."""
    if state.src.startswith("[^", state.bMarks[start] + state.tShift[start]):
        return False
    return definition(state, start, end, silent)


def _rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """As the engine's rule, which goes over the line character by character, once for each list it may be in."""
    del end
    at = state.bMarks[start] + state.tShift[start]
    marker, text = state.src[at], state.src[at : state.eMarks[start]]
    if (
        state.is_code_block(start)
        or marker not in "-*_"
        or text.strip(f"{marker} \t")
        or text.count(marker) < _RULED
    ):
        return False
    if silent:
        return True
    state.line = start + 1
    token = state.push("hr", "hr", 0)
    token.map = [start, start + 1]
    token.markup = marker * (text.count(marker) + 1)
    return True


def _quote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """As the engine's rule, but for depths at which nobody quotes: there the mark is text."""
    depth = state.env.get("quotes", 0)
    if depth >= _QUOTES:
        return False
    if silent:
        return blockquote(state, start, end, True)
    state.env["quotes"] = depth + 1
    try:
        return blockquote(state, start, end, False)
    finally:
        state.env["quotes"] = depth


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """As the engine's rule, with one token for a row, which carries its cells.

    A long line of prose with a bar in it is no header, whatever stands under it.
    """
    under = start + 1
    if start + 2 > end or state.sCount[under] < state.blkIndent or state.is_code_block(under):
        return False
    src, at, stop = state.src, state.bMarks[start] + state.tShift[start], state.eMarks[start]
    bar = src.find("|", at, stop)
    if bar < 0 or (bar > at and (bar >= at + HEADER or src.count("|", at, stop) >= _CELLS)):
        return False
    separator = src[state.bMarks[under] + state.tShift[under] : state.eMarks[under]]
    if not _SEPARATOR.fullmatch(separator) or state.is_code_block(start):
        return False
    aligns = _aligns(separator)
    header = _cells(src[at:stop])
    if not header or aligns is None or len(header) != len(aligns):
        return False
    if silent:
        return True
    before, state.parentType = state.parentType, "table"
    lines = [start, 0]
    state.tokens.append(
        Token("table_open", "table", 1, map=lines, level=state.level, meta={"aligns": aligns})
    )
    _row(state, start, header)
    ends = state.md.block.ruler.getRules("blockquote")[0]
    line, short = start + 2, 0
    while line < end and state.sCount[line] >= state.blkIndent and not ends(state, line, end, True):
        text = mdTrim(src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]])
        if not text or state.is_code_block(line):
            break
        cells = _cells(text)
        short += len(aligns) - len(cells)
        if short > _SHORT:
            break
        _row(state, line, [*cells, *[""] * (len(aligns) - len(cells))][: len(aligns)])
        line += 1
    state.tokens.append(Token("table_close", "table", -1, level=state.level))
    lines[1] = line
    state.parentType = before
    state.line = line
    return True


def _row(state: StateBlock, line: int, cells: list[str]) -> None:
    cells = [mdTrim(cell) for cell in cells]
    state.tokens.append(
        Token("tr_open", "tr", 1, map=[line, line + 1], level=state.level + 2, meta={"cells": cells})
    )


def _aligns(separator: str) -> list[str] | None:
    """Each column's alignment; None where it is no separator."""
    columns = [mdTrim(column) for column in separator.split("|")]
    if not columns[0]:
        del columns[0]
    if columns and not columns[-1]:
        del columns[-1]
    if not all(_COLUMN.fullmatch(column) for column in columns):
        return None
    return [_ALIGNS[column[0] == ":", column[-1] == ":"] for column in columns]


def _cells(line: str) -> list[str]:
    """A row's cells, as the engine parts them; a bar behind a backslash is a character."""
    text = mdTrim(line)
    cells = text.split("|") if "\\" not in text else [c.replace("\\|", "|") for c in _BARS.split(text)]
    if cells and not cells[0]:
        del cells[0]
    if cells and not cells[-1]:
        del cells[-1]
    return cells
