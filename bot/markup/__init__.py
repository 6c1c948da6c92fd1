"""Markdown as spans of its source: the nouns that pages and dialects share, and the reader that finds them. Pure."""

from __future__ import annotations

from bot.markup.nouns import Block, Leaf, Mark, Memory, Reading, References, Syntax, Table
from bot.markup.reading import line_starts, read
from bot.markup.structure import HEADER

__all__ = [
    "HEADER",
    "Block",
    "Leaf",
    "Mark",
    "Memory",
    "Reading",
    "References",
    "Syntax",
    "Table",
    "line_starts",
    "read",
]
