"""The little HTML that stands in answers, as Discord can show it. Law: words are never lost, only tags."""

from __future__ import annotations

import re

from adapters.discord.inert import escape

_TAG = re.compile(
    r"<!--.*?-->|<!\[CDATA\[|<[?!][^>]*>|<(/?)([A-Za-z][A-Za-z0-9-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"(href|src|alt|title)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)

# Tags that say how the text looks, and have no like in Discord that could stand unpaired: they go.
_SILENT = frozenset(
    [
        "a",
        "abbr",
        "article",
        "aside",
        "b",
        "bdi",
        "bdo",
        "big",
        "blockquote",
        "body",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "html",
        "i",
        "ins",
        "kbd",
        "label",
        "li",
        "link",
        "main",
        "mark",
        "meta",
        "nav",
        "ol",
        "p",
        "picture",
        "pre",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "section",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "wbr",
    ]
)
_OPENS = {"li": "- ", "h1": "# ", "h2": "## ", "h3": "### ", "td": " ", "th": " ", "dd": "  "}


def inline_html(text: str, *, block: bool) -> str:
    """One tag (inline), or a line of an HTML block with the words between its tags."""
    out: list[str] = []
    at = 0
    for found in _TAG.finditer(text):
        out.append(escape(text, at, found.start()))
        out.append(_tag(found, block=block))
        at = found.end()
    out.append(escape(text, at, len(text)))
    return "".join(out)


def _tag(found: re.Match[str], *, block: bool) -> str:
    closing, name, rest = found[1], (found[2] or "").lower(), found[3] or ""
    attributes = {m[1].lower(): m[2] or m[3] or m[4] or "" for m in _ATTRIBUTE.finditer(rest)}
    if not name:
        return "" if found[0].startswith("<!--") else escape(found[0], 0, len(found[0]))
    if name == "br":
        return "\n" if not block else " "
    if name == "hr":
        return "─" * 16
    if name == "img":
        words, address = attributes.get("alt", ""), attributes.get("src", "")
        shown = f"<{address}>" if address.startswith(("http://", "https://")) else address
        return f"{escape(words, 0, len(words))} ({shown})" if words and address else words or shown
    if name not in _SILENT:
        return escape(found[0], 0, len(found[0]))  # `List<int>` is no HTML, whatever it looks like
    if name == "a" and not closing:
        address = attributes.get("href", "")
        return f"(<{address}>) " if address.startswith(("http://", "https://")) else ""
    return _OPENS.get(name, "") if block and not closing else ""
