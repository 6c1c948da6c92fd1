"""markdown-it, set up as both clients read: CommonMark, tables, strikethrough, and what `inline` and `structure` add. Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

from markdown_it import MarkdownIt

from bot.markup import destinations
from bot.markup.inline import InlineRules
from bot.markup.structure import Structure


@cache
def engine(html: bool, math: bool) -> MarkdownIt:
    """The parser. `html`: `<` may begin HTML or an autolink; `math`: formulas are read."""
    options: Any = {"html": html, "inline_definitions": True}
    md = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    md.inline = InlineRules(html, math)
    md.helpers = destinations
    # An address is shown as it was written; whether it is a safe one the platform judges again.
    md.normalizeLink = md.normalizeLinkText = str  # type: ignore[method-assign, assignment] # the engine's documented hooks
    md.block = Structure(md.block)
    return md
