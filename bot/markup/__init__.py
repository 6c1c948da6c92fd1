"""Markdown as spans of its source: the nouns that pages and dialects share, and the reader that finds them. Pure."""

from __future__ import annotations

from bot.markup.engine import HEADER
from bot.markup.nouns import Block, Leaf, Mark, Reading, References, Syntax, Table
from bot.markup.reading import blocks, line_starts, read

__all__ = [
    "HEADER",
    "Block",
    "Leaf",
    "Mark",
    "Reading",
    "References",
    "Syntax",
    "Table",
    "blocks",
    "line_starts",
    "read",
]
