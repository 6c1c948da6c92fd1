"""Slack's blocks -> Markdown: what people compose, tables they paste, what other apps post. Law: total; whatever a payload
holds, there is an answer, no longer than a small multiple of it.

What people type is never escaped: Claude reads it, nobody renders it, and `snake_case` shall stay what it is. So the
emphasis is exact and the words are as they were typed (docs.slack.dev: rich text block, table block, section block).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from adapters.slack import mrkdwn
from adapters.slack.mrkdwn import Words

Payload: TypeAlias = Mapping[str, Any]
Styled: TypeAlias = tuple[str, frozenset[str]]

DEEPEST = 8
"""Levels of a list, and of elements in elements; Slack's own editor makes six."""

HIGHEST_NUMBER = 999_999_999
"""CommonMark's bound for the number of a list item."""

_MARKERS = (("strike", "~~"), ("bold", "**"), ("italic", "*"))  # from the outermost inwards
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}\Z")
_SILENT = frozenset({"actions", "context_actions", "input", "divider", "file"})


def listed(value: object) -> Iterator[Payload]:
    """The objects of a list; nothing where there is no list."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            yield item


def text_of(payload: Payload, field: str) -> str:
    value = payload.get(field)
    return mrkdwn.clean(value) if isinstance(value, str) else ""


def blocks(value: object, words: Words) -> str:
    """A message's blocks, one paragraph each; "" where they say nothing."""
    return "\n\n".join(filter(None, (block(one, words) for one in listed(value))))


def block(one: Payload, words: Words) -> str:
    """One block of any kind."""
    kind = text_of(one, "type")
    if kind in _SILENT:
        return ""
    if kind == "rich_text":
        return rich_text(one, words)
    if isinstance(one.get("rows"), list):
        return table(one, words)
    if kind == "markdown":
        return mrkdwn.plain(text_of(one, "text"), words).strip()
    if kind == "header":
        title = " ".join(_said(one.get("text"), words).split())
        return f"## {title}" if title else ""
    if kind == "context":
        return " ".join(filter(None, (_said(item, words) for item in listed(one.get("elements")))))
    if kind == "image":
        return _said(one.get("title"), words) or text_of(one, "alt_text")
    said = [_said(one.get(field), words) for field in ("title", "text", "subtitle", "body", "description")]
    said += [_said(field, words) for field in listed(one.get("fields"))]
    return "\n".join(filter(None, said))


def _said(value: object, words: Words) -> str:
    """A text object, mrkdwn or plain; or the words for an image."""
    if not isinstance(value, Mapping):
        return ""
    text = text_of(value, "text")
    if not text:
        return text_of(value, "alt_text")
    if text_of(value, "type") != "mrkdwn":
        return text.strip()
    # Verbatim is how we post Markdown that Slack will not take as such: its stars are not mrkdwn's.
    read = mrkdwn.plain if value.get("verbatim") is True else mrkdwn.markdown
    return read(text, words).strip()


# ------------------------------------------------------------------------------------------------------- rich text


def rich_text(one: Payload, words: Words) -> str:
    """Sections, lists, code and quotes, in their order."""
    out: list[str] = []
    last = ""
    for element in listed(one.get("elements")):
        kind = text_of(element, "type")
        shown = _part(element, kind, words)
        if not shown.strip():
            continue
        if out:
            # A list goes on in another element where its level changes; a section's end is the end of a line.
            together = kind == last and kind in ("rich_text_list", "rich_text_section")
            out.append("\n" if together else "\n\n")
        out.append(shown)
        last = kind
    return "".join(out)


def _part(element: Payload, kind: str, words: Words) -> str:
    if kind == "rich_text_list":
        shown = _list(element, words)
    elif kind == "rich_text_preformatted":
        language = text_of(element, "language")
        code = "".join(_literal(one, words) for one in listed(element.get("elements")))
        shown = mrkdwn.fence(code, language if _LANGUAGE.match(language) else "") if code.strip() else ""
    elif kind == "rich_text_quote":
        shown = mrkdwn.quote(inline(element, words).strip("\n"))
    else:
        shown = inline(element, words).strip("\n")
    bordered = kind in ("rich_text_list", "rich_text_preformatted") and element.get("border") == 1
    return mrkdwn.quote(shown) if bordered else shown


def _list(element: Payload, words: Words) -> str:
    # Four columns for each level are within what "- " and "1. " ask of their children.
    indent = " " * 4 * _number(element.get("indent"), DEEPEST)
    ordered = text_of(element, "style") == "ordered"
    first = _number(element.get("offset"), HIGHEST_NUMBER - 1) + 1
    lines: list[str] = []
    for place, item in enumerate(listed(element.get("elements"))):
        marker = f"{min(first + place, HIGHEST_NUMBER)}." if ordered else "-"
        text = inline(item, words).strip("\n")
        under = "\n" + indent + " " * (len(marker) + 1)
        lines.append(f"{indent}{marker} {text.replace(chr(10), under)}".rstrip())
    return "\n".join(lines)


def _number(value: object, most: int) -> int:
    return min(max(value, 0), most) if isinstance(value, int) and not isinstance(value, bool) else 0


def inline(element: Payload, words: Words) -> str:
    """The words of a section with their emphasis: marks never stand beside space, nor over the end of a line."""
    pieces: list[Styled] = []
    for one in listed(element.get("elements")):
        text, styles = _styled(one, words)
        if pieces and pieces[-1][1] == styles and "code" in styles:
            pieces[-1] = (pieces[-1][0] + text, styles)  # one span, not two beside each other
        else:
            pieces.append((text, styles))
    lines: list[list[Styled]] = [[]]
    for text, styles in pieces:
        for number, line in enumerate(text.split("\n")):
            if number:
                lines.append([])
            coded = mrkdwn.code_span(line) if "code" in styles else line
            if coded:
                lines[-1].append((coded, styles))
    return "\n".join(map(_line, lines))


def _line(pieces: Sequence[Styled]) -> str:
    out: list[str] = []
    opened: list[tuple[str, str]] = []
    space = ""
    for text, styles in pieces:
        core = text.strip()
        if not core:
            space += text
            continue
        before = text[: len(text) - len(text.lstrip())]
        while any(name not in styles for name, _ in opened):
            out.append(opened.pop()[1])
        out.append(space + before)
        for name, mark in _MARKERS:
            if name in styles and (name, mark) not in opened:
                opened.append((name, mark))
                out.append(mark)
        out.append(core)
        space = text[len(text.rstrip()) :]
    out.extend(mark for _, mark in reversed(opened))
    return "".join(out) + space


def _styled(one: Payload, words: Words) -> Styled:
    style = one.get("style")
    flags = style if isinstance(style, Mapping) else {}
    # A link's own words carry its emphasis around it; code in a link stays words.
    known = {"bold", "italic", "strike"} | ({"code"} if text_of(one, "type") == "text" else set())
    return _literal(one, words), frozenset(name for name in known if flags.get(name) is True)


def _literal(one: Payload, words: Words, depth: int = 0) -> str:
    """One element without its emphasis."""
    kind = text_of(one, "type")
    if kind == "link":
        return mrkdwn.link(text_of(one, "url"), text_of(one, "text"))
    if kind == "user":
        return words.person(text_of(one, "user_id"))
    if kind == "channel":
        channel = text_of(one, "channel_id")
        return f"#{words.name(channel) or channel}"
    if kind == "usergroup":
        return f"@{words.name(text_of(one, 'usergroup_id')) or 'subteam'}"
    if kind == "broadcast":
        return f"@{text_of(one, 'range')}"
    if kind == "team":
        return f"@{words.name(text_of(one, 'team_id')) or 'team'}"
    if kind == "emoji":
        return _emoji(one)
    if kind == "color":
        return text_of(one, "value")
    if kind == "date":
        return mrkdwn.moment(one.get("timestamp")) or text_of(one, "fallback")
    said = text_of(one, "text") or text_of(one, "fallback") or text_of(one, "name")
    if said or depth >= DEEPEST:
        return said
    return "".join(_literal(inner, words, depth + 1) for inner in listed(one.get("elements")))


def _emoji(one: Payload) -> str:
    """The character itself where Slack tells it ("1f44d-1f3fd"), else its name, as for a workspace's own."""
    points = text_of(one, "unicode").split("-")
    try:
        return "".join(_character(point) for point in points)
    except ValueError:
        return f":{text_of(one, 'name')}:"


def _character(point: str) -> str:
    code = int(point, 16)
    if not 0x20 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError(point)
    return chr(code)


# ---------------------------------------------------------------------------------------------------------- tables


def table(one: Payload, words: Words) -> str:
    """A Markdown table. Only its header has all the cells of the widest row: short rows end where they end."""
    rows = [
        [_cell(cell, words) for cell in row if isinstance(cell, Mapping)]
        for row in one.get("rows") or ()
        if isinstance(row, list)
    ]
    rows = [row for row in rows if row]
    if not rows:
        return ""
    width = max(map(len, rows))
    header = rows[0] + [""] * (width - len(rows[0]))
    rule = [_alignment(one, column) for column in range(width)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows[1:]))


def _cell(cell: Payload, words: Words) -> str:
    if text_of(cell, "type") == "rich_text":
        shown = rich_text(cell, words)
    else:
        shown = text_of(cell, "text") or _figure(cell.get("value"))
    return shown.strip().replace("|", "\\|").replace("\n", "<br>")


def _figure(value: object) -> str:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return str(value) if known else ""


def _alignment(one: Payload, column: int) -> str:
    settings = one.get("column_settings")
    setting = settings[column] if isinstance(settings, list) and column < len(settings) else None
    align = text_of(setting, "align") if isinstance(setting, Mapping) else ""
    return {"right": "--:", "center": ":-:"}.get(align, "---")
