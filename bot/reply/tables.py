"""Tables for readers that have none: an aligned code block, or a list where that would be too wide. Pure.

Both dialects need it: one platform has no tables at all, the other holds one in a message. The result is Markdown
again, which the dialect then renders like any other. A row is taken apart once, however often the table is laid out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from bot.markup import Mark, Syntax

# Each part is bounded: a cell that is nothing but openers would else take the square of its length, or worse.
_LINK = re.compile(r"!?\[([^\]]{0,300})\]\(<?([^)>\s]{0,500})>?(?:\s[^)]{0,200})?\)")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_EMPHASIS = re.compile(r"(\*\*|__|~~)(?=\S)(.{1,400}?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])([*_])(?=\S)([^*_]{1,400}?)(?<=\S)\1(?![\w*])")
_CODE = re.compile(r"(`+)(.{1,400}?)\1")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_SPECIAL = re.compile(r"[\[*_~`\\<]")
_TICKS = re.compile(r"`+")
_LONG = 1_000  # a cell longer than this is shown as it was written
_LISTED = 12  # what a listed cell takes besides its title and its text


def columns(text: str) -> int:
    """How many columns a fixed-width font gives it: wide characters and emoji take two, combining ones none."""
    if text.isascii():
        return len(text)
    width = 0
    for char in text:
        if unicodedata.combining(char) or char in "\u200b\u200c\u200d\ufe0e\ufe0f":
            continue
        width += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return width


def plain(cell: str) -> str:
    """A cell's text for a code block, where markup would be seen: its delimiters go, a link shows its address."""
    if len(cell) > _LONG or not _SPECIAL.search(cell):
        return cell
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[2].strip() or found[2])
        return f"\0{len(kept) - 1}\0"

    text = _CODE.sub(keep, _BREAK.sub(" ", cell))
    text = _LINK.sub(lambda m: m[1] if m[1] == m[2] or not m[2] else f"{m[1]} ({m[2]})".strip(), text)
    text = _ITALIC.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    text = _ESCAPE.sub(r"\1", text)
    return re.sub(r"\0(\d+)\0", lambda m: kept[int(m[1])], text)


@dataclass(frozen=True, slots=True)
class Row:
    """A table's row: its cells as written, as plain text, and how wide that is."""

    cells: Sequence[str]
    texts: Sequence[str]
    widths: Sequence[int]

    @classmethod
    def of(cls, cells: Sequence[str]) -> Row:
        texts = [plain(cell) for cell in cells]
        return cls(cells, texts, [columns(text) for text in texts])


def laid_out(
    rows: Sequence[Row], aligns: Sequence[str], prefix: str, syntax: Syntax
) -> tuple[str, list[Mark] | None]:
    """The table as Markdown, each line but the first with the prefix of its container, and its marks if they are known.

    A fenced code block if it fits `syntax.width` columns, else a list of which each item is a row.
    """
    widths = [
        max((row.widths[n] for row in rows if n < len(row.widths)), default=0) for n in range(len(aligns))
    ]
    if sum(widths) + 2 * (len(widths) - 1) > syntax.width:
        lines = _listed(rows)
        return "".join(f"{prefix if number else ''}{line}\n" for number, line in enumerate(lines)), None
    lines = _aligned(rows, widths, aligns)
    ticks = (len(run) for row in rows for text in row.texts if "`" in text for run in _TICKS.findall(text))
    fence = "`" * max(3, max(ticks, default=0) + 1)
    source = "".join(
        f"{prefix if number else ''}{line}\n" for number, line in enumerate([fence, *lines, fence])
    )
    if prefix:
        return source, None
    end = len(source) - len(fence) - 1
    size = len(fence)
    return source, [Mark("fence", 0, size), Mark("body", size + 1, end - 1), Mark("fenced", end, end + size)]


def at_most(rows: Sequence[Row], text: str, syntax: Syntax) -> int:
    """What `rows` may take when they are laid out, and how much more than its length what `text` adds to the table."""
    widths = list(rows[0].widths)
    for row in rows:
        widths = [max(pair) for pair in zip(widths, row.widths, strict=False)]
    fresh = [line.strip().strip("|").split("|") for line in text.split("\n")]
    for cells in fresh:
        for number, cell in enumerate(cells[: len(widths)]):
            widths[number] = max(widths[number], columns(cell.strip()))
    width = sum(widths) + 2 * (len(widths) - 1)
    if width <= syntax.width:
        return (len(rows) + len(fresh) + 3) * (width + 1)
    titles = sum(rows[0].widths) + _LISTED * len(widths)
    return sum(sum(row.widths) + titles for row in rows) + len(fresh) * titles


def _aligned(rows: Sequence[Row], widths: Sequence[int], aligns: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for row in rows:
        cells = []
        for text, own, width, align in zip(row.texts, row.widths, widths, aligns, strict=False):
            space = width - own
            if not align or align == "left":
                cells.append(text + " " * space)
            else:
                left = space if align == "right" else space // 2
                cells.append(" " * left + text + " " * (space - left))
        lines.append("  ".join(cells).rstrip())
        if len(lines) == 1:
            lines.append("  ".join("─" * width for width in widths))
    return lines


def _listed(rows: Sequence[Row]) -> list[str]:
    """Each row an item; each cell its own line, under its header."""
    header = [_BREAK.sub(" ", cell).strip("*_ ") for cell in rows[0].cells]
    if len(rows) == 1:
        return ["- " + " · ".join(title for title in header if title)]
    lines: list[str] = []
    for row in rows[1:]:
        lead = "- "
        for title, cell in zip(header, row.cells, strict=False):
            value = _BREAK.sub(" ", cell)
            if value:
                lines.append(f"{lead}{f'**{title}:** ' if title else ''}{value}")
                lead = "  "
    return lines or ["- …"]
