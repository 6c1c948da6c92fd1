"""Tables for readers that have none: an aligned code block, or a list where that would be too wide. Pure.

Both dialects need it: one platform has no tables at all, the other holds one in a message. The result is Markdown
again, which the dialect then renders like any other.
"""

from __future__ import annotations

import re
import unicodedata

from bot.markup import Syntax, Table

_LINK = re.compile(r"!?\[([^\]]*)\]\(<?([^)>\s]*)>?[^)]*\)")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_EMPHASIS = re.compile(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])([*_])(?=\S)([^*_]+?)(?<=\S)\1(?![\w*])")
_CODE = re.compile(r"(`+)(.+?)\1")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


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
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[2].strip() or found[2])
        return f"\0{len(kept) - 1}\0"

    text = _CODE.sub(keep, _BREAK.sub(" ", cell))
    text = _LINK.sub(lambda m: m[1] if m[1] == m[2] or not m[2] else f"{m[1]} ({m[2]})".strip(), text)
    text = _ITALIC.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    text = _ESCAPE.sub(r"\1", text)
    return re.sub(r"\0(\d+)\0", lambda m: kept[int(m[1])], text)


def as_markdown(table: Table, syntax: Syntax) -> str:
    """The table as a fenced code block if it fits `syntax.width` columns, else as a list; its lines prefixed."""
    rows = [[plain(cell) for cell in row] for row in table.rows]
    widths = [
        max((columns(row[n]) for row in rows if n < len(row)), default=0) for n in range(len(table.aligns))
    ]
    lines = (
        _aligned(rows, widths, table.aligns)
        if sum(widths) + 2 * (len(widths) - 1) <= syntax.width
        else _listed(table.rows)
    )
    return "".join(f"{table.prefix if number else ''}{line}\n" for number, line in enumerate(lines))


def _aligned(rows: list[list[str]], widths: list[int], aligns: list[str]) -> list[str]:
    longest = max((len(run) for row in rows for cell in row for run in re.findall(r"`+", cell)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = [fence]
    for number, row in enumerate(rows):
        cells = []
        for cell, width, align in zip(row, widths, aligns, strict=False):
            room = width - columns(cell)
            left = {"right": room, "center": room // 2}.get(align, 0)
            cells.append(" " * left + cell + " " * (room - left))
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("─" * width for width in widths))
    return [*lines, fence]


def _listed(rows: list[list[str]]) -> list[str]:
    """Each row an item; each cell its own line, under its header."""
    header = [_BREAK.sub(" ", cell) for cell in rows[0]]
    if len(rows) == 1:
        return ["- " + " · ".join(cell for cell in header if cell)]
    lines: list[str] = []
    for row in rows[1:]:
        first = True
        for title, cell in zip(header, row, strict=False):
            value = _BREAK.sub(" ", cell)
            if not value:
                continue
            label = f"**{title.strip('*_ ')}:** " if title.strip("*_ ") else ""
            lines.append(f"{'- ' if first else '  '}{label}{value}")
            first = False
    return lines or ["- …"]
