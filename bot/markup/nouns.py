"""The nouns in which pages and dialects speak of text. Law: everything is a span of the source, which nobody changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from markdown_it.token import Token

References: TypeAlias = Mapping[str, Any]
"""Normalised label -> {"href", "title", "at"}, as markdown-it keeps link definitions, and where each began."""


@dataclass(frozen=True, slots=True)
class Syntax:
    r"""What a platform's reader makes of Markdown, as data.

    html     `<` may begin HTML or an autolink in Claude's text, which the dialect then converts; False: `<` is text
    math     `$…$`, `\(…\)` and the like are formulas, which the dialect then converts; False: they are text
    tables   how many tables a message may hold as tables; the others become code blocks or lists
    rows, columns   the largest table that it may hold
    width    the columns of a code block that a reader sees unbroken
    blocks   how many headings, rules, tables and runs of text between them a message may hold; 0: no limit
    """

    html: bool
    math: bool = False
    tables: int = 0
    rows: int = 0
    columns: int = 0
    width: int = 80
    blocks: int = 0


Inline: TypeAlias = "tuple[list[Mark], list[tuple[int, str]]]"
"""A text's markup, and the openers that nothing has closed, as (position, delimiter)."""


class Memory:
    """The markup of texts that were read lately: a page reads its last block again and again while it grows."""

    def __init__(self) -> None:
        self._young: dict[str, Inline] = {}
        self._old: dict[str, Inline] = {}

    def known(self, text: str) -> Inline | None:
        found = self._young.get(text)
        if found is None and (found := self._old.get(text)) is not None:
            self._young[text] = found
        return found

    def keep(self, text: str, found: Inline) -> None:
        self._young[text] = found

    def age(self) -> None:
        """What nobody asks for until this is called again is forgotten."""
        self._old, self._young = self._young, {}


class Mark(NamedTuple):
    r"""A span of source that is markup. Marks are sorted and do not overlap; what lies between them is text.

    kind      text                              level
    heading   "" or "setext" (an empty span)    1-6; the `## ` before the heading's text
    ending                                      level; what follows the heading's text (`##`, a setext underline)
    quote                                       how deep; one `> ` of one line
    lazy                                        how deep; an empty span where a lazy line of a quote has no `> `
    item      "3", or "" for a bullet           the marker's number as counted; `- ` or `3. `
    task      "x" or " "                        the box after an item's marker
    fence     info string                       columns of indentation; the opening line
    body                                        a line of a code block, without its container's prefix
    fenced    its container's prefix            the closing line; empty where the fence ends with its container
    indented  "first", "last", "only" or ""     a line of an indented code block, with its indentation
    html                                        a line of an HTML block, or inline HTML
    rule                                        a thematic break
    definition  label                           a link definition's first line
    code      the content                       backticks; inline code
    strong, em, strike   "open" or "close"      a delimiter
    link      "[" (open)
    target    the address                       1 where a definition gave it; `](…)` (close)
    image     alternative text, newline, address `![alt](…)`
    autolink  the address                       `<https://…>`
    url                                         a bare address
    entity, escape   what it stands for
    break                                       a hard line break's backslash
    formula   the TeX                           1 where it is displayed; `$…$`, `\(…\)`
    footnote  the label                         1 where it is the definition's `[^1]:`
    """

    kind: str
    start: int
    end: int
    text: str = ""
    level: int = 0


@dataclass(slots=True)
class Table:
    """A table: from its first line's text to the end of its last line, its cells as written.

    prefix  what each of its lines begins with; `ends` where each row but the separator ends
    """

    start: int
    end: int
    prefix: str
    depth: int = 0
    rows: list[list[str]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    aligns: list[str] = field(default_factory=list)


class Block(NamedTuple):
    """A block or list item: its kind (markdown-it's, "item", "quote"), its span in whole lines, how deep it lies.

    indent  for an item, the columns of its content; `number` its number as counted, 0 for a bullet
    """

    kind: str
    start: int
    end: int
    depth: int
    indent: int = 0
    number: int = 0
    prefix: str = ""


@dataclass(slots=True)
class Leaf:
    """The last block: where growth happens.

    kind     markdown-it's: paragraph, heading, fence, table, ...; "" where there is none
    start    where its text begins
    prefix   what each further line of it begins with (quote marks, indentation)
    fence    its delimiter if it is a fence that is still open
    loose    where delimiters stand that may yet turn out to be markup: (position, which)
    """

    kind: str = ""
    start: int = 0
    prefix: str = ""
    fence: str = ""
    info: str = ""
    loose: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Reading:
    """What `read` found in `source`; `tokens` are the parser's, for asking where its blocks begin."""

    source: str
    tokens: list[Token] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    definitions: dict[str, Any] = field(default_factory=dict)
    leaf: Leaf = field(default_factory=Leaf)
