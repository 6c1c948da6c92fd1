"""Our parsing of blocks against the engine's own: it asks fewer rules, and must find the same."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.markup.engine import engine
from tests.reply.documents import invented, mutated, pathological, scripts, specification

_SILENT = {"paragraph_close", "table_close"}
# Blocks begin and end at these.
_PARTS = (
    "|", "| a ", "a | b\n", "|---|---|\n", "---|---\n", ":-:|-\n", "\\|", "-|-\n", " ", "    ", "> ", "- ", "1. ", "2) ", "\n", "\n\n",
    "```\n", "~~~~ py\n", "x", "word ", "`|`", "#", "# ", " | ", "|\n", "--\n", "===\n", "***\n", "<div>\n", "[a]: /b\n", "\t",
)  # fmt: skip


@cache
def theirs(*, html: bool) -> MarkdownIt:
    options: Any = {"html": html, "inline_definitions": True}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


def found(md: MarkdownIt, text: str) -> list[tuple[object, ...]]:
    """What a parser finds: kind, lines, level, text. A table's cells stand with their row, as ours has them."""
    tokens: list[Token] = []
    md.block.parse(text, md, {}, tokens)
    out: list[tuple[object, ...]] = []
    cells: list[str] | None = None
    aligns: list[str] = []
    for token in tokens:
        lines = tuple(token.map or ())
        if token.type == "table_open":
            cells, aligns = [], token.meta.get("aligns", [])
            out.append((token.type, lines, aligns))
        elif token.type == "table_close":
            cells = None
        elif cells is None:
            if token.type not in _SILENT:
                out.append(
                    (
                        token.type,
                        lines,
                        token.level,
                        token.content,
                        token.info,
                        token.markup,
                        str(token.attrs),
                    )
                )
        elif token.type == "tr_open":
            cells = token.meta.get("cells", [])
            out.append((token.type, lines, cells))
        elif token.type == "th_open":
            aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
        elif token.type == "inline":
            cells.append(token.content)
    return out


def texts() -> Iterator[str]:
    yield from scripts().values()
    yield from specification().values()
    for _, text in pathological():
        yield text[:2000]
    for seed in range(300):
        yield invented(seed, 30)
        yield mutated(list(scripts().values())[seed % 3][:1500], seed)
    for seed in range(4000):
        chance = random.Random(seed)
        yield "".join(chance.choice(_PARTS) for _ in range(chance.randint(2, 14)))


@pytest.mark.parametrize("html", [True, False])
def test_blocks_are_found_where_the_engine_finds_them(html: bool) -> None:
    """Three things are read otherwise, on purpose: footnotes' definitions, long headers without a bar, deep quotes."""
    compared = 0
    for text in texts():
        plain = text.replace("\r\n", "\n").replace("\r", "\n")
        if "[^" in plain or any(len(line) > 90 and "|" in line for line in plain.split("\n")):
            continue
        if re.search(r"(?:>[ \t]*){7}", plain):
            continue
        assert found(engine(html, False), plain) == found(theirs(html=html), plain), plain
        compared += 1
    assert compared > 4000


@pytest.mark.parametrize(
    ("header", "is_table"),
    [
        ("a | b", True),
        ("| " + "a" * 200 + " | b", True),
        ("a" * 99 + "| b", True),
        ("a" * 100 + "| b", False),
    ],
)
def test_a_long_line_without_a_bar_in_front_is_no_header(header: str, is_table: bool) -> None:
    """Prose can be shown for good once it is so long, whatever stands under it."""
    kinds = [each[0] for each in found(engine(False, False), f"{header}\n---|---\n1 | 2\n")]
    assert ("table_open" in kinds) == is_table
