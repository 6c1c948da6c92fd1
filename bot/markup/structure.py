"""markdown-it's block parser, asking only the rules that can succeed. Law: its reading is not changed.

The engine asks each of its eleven rules about each line, and all that may end a paragraph about each further line of
one. But every rule gives up unless the line begins with one of its characters; only a table may begin with any. So a
line's first character says whom to ask, and a paragraph of one line, which most are, needs no asking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from markdown_it.common.utils import mdTrim
from markdown_it.parser_block import ParserBlock
from markdown_it.ruler import Ruler
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import reference as definition
from markdown_it.rules_block import table as any_table
from markdown_it.token import Token

_Rule: TypeAlias = Callable[[StateBlock, int, int, bool], bool]

# A table's header that begins without a bar is told from prose by being short; a page must know when prose is prose.
HEADER = 100
_CELLS = 20
_INDENTED = 4  # columns that make code
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
        self.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
        self.ruler.index()
        self.asked, self.any_char = self.ruler.sorted("")
        named = {rule.name: rule.fn for rule in self.ruler.__rules__}
        self.code = named["code"]
        self.text = (named["lheading"], named["paragraph"])

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
        following = line + 1
        if following >= state.lineMax or state.isEmpty(following):
            _single(state, line, at)
            return
        for rule in self.text:
            if rule(state, line, end, False):
                return


def _single(state: StateBlock, line: int, at: int) -> None:
    """A paragraph of one line."""
    state.line = line + 1
    state.parentType = "paragraph"  # where the engine's rule for headings leaves it too
    opened = Token("paragraph_open", "p", 1, map=[line, line + 1], level=state.level, block=True)
    text = mdTrim(state.src[at : state.eMarks[line]])
    inline = Token(
        "inline", "", 0, map=[line, line + 1], level=state.level + 1, content=text, children=[], block=True
    )
    closed = Token("paragraph_close", "p", -1, level=state.level, block=True)
    state.tokens += (opened, inline, closed)


def _definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A footnote's `[^1]: text` is no link definition."""
    if state.src.startswith("[^", state.bMarks[start] + state.tShift[start]):
        return False
    return definition(state, start, end, silent)


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A long line of prose with a bar in it is no header, whatever stands under it."""
    if start + 2 > end:
        return False
    at, stop = state.bMarks[start] + state.tShift[start], state.eMarks[start]
    bar = state.src.find("|", at, stop)
    if bar < 0 or (bar > at and (bar >= at + HEADER or state.src.count("|", at, stop) >= _CELLS)):
        return False
    return any_table(state, start, end, silent)
