"""Claude's Markdown as Discord's message content takes it. Law: what means the same there stays as it was written.

Discord reads bold, italic, strike, links, headings to level 3, lists, one level of quotes and fences of three
backticks; not tables, rules, images, HTML, formulas, footnotes or deeper headings, which are put into something
readable (docs/dialects.md has the table). What Discord reads and CommonMark does not (`||spoiler||`, `__underline__`,
`-# small`) is escaped. Mentions and invites are inert even if `allowed_mentions` were lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from adapters.discord.html import inline_html
from adapters.discord.inert import HUSH, escape, hush
from bot.ports import Mark, Syntax

_LANGUAGE = re.compile(r"[A-Za-z0-9_+\-.#]+")
_RULE = "─" * 16
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_WEB = re.compile(r"https?://[^\s<>]+$", re.IGNORECASE)
_FENCES = re.compile(r"`{3,}")
_SPECIAL = frozenset("*_~`|<>#\\-")
_CODE = frozenset({"fence", "body", "fenced", "indented"})

LONGEST_ASKED = 1_500
"""Characters of a question that stand above its answer, so that the name and what keeps mentions inert have room."""

CONTENT = 2_000
"""Documented: the most that one message holds."""


class DiscordDialect:
    """Discord's side of `bot.ports.Dialect`."""

    # A phone shows about 44 columns of code without breaking the line (a 390-pixel screen, guessed).
    syntax = Syntax(html=True, math=True, tables=0, width=44)

    def render(self, source: str, marks: Sequence[Mark], start: int, end: int) -> str:
        return _Writer(source, marks).write(start, end)

    def cost(self, text: str) -> int:
        """Code points, as Discord counts `content` (said by its staff, 2020)."""
        return len(text)

    def notice(self, sentence: str) -> str:
        return f"-# {hush(escape(sentence, 0, len(sentence)))}"

    def asks(self, question: str, *, by: str) -> str:
        """The question keeps its Markdown; `by` is plain text."""
        said = question.strip()
        shown = said if len(said) <= LONGEST_ASKED else said[:LONGEST_ASKED].rstrip() + " …"
        # What stays open in a question that is cut short closes with the message: nothing of ours follows it there.
        # One that begins with a fence, a list or a quote, or has several lines, needs a line of its own to stay so.
        gap = "\n" if "\n" in shown or shown.startswith(("#", ">", "-", "*", "`", "1.")) else " "
        return hush(f"**{escape(by, 0, len(by))}**{gap}{shown}")[:CONTENT]


class _Writer:
    """One stretch of source, put into Discord's Markdown mark by mark."""

    def __init__(self, source: str, marks: Sequence[Mark]) -> None:
        self.source = source
        self.marks = marks
        self.heading = 0  # the level of the heading we are in, if it is one that Discord does not have
        self.joined = False  # in a heading written over several lines, which Discord has on one
        self.stars: set[int] = set()  # italics in underscores that must be written with stars
        self.links: dict[int, str] = {}  # index of "link" or "target" -> what is written for it
        self._look_ahead()

    def write(self, start: int, end: int) -> str:
        out: list[str] = []
        at = start
        for index, mark in enumerate(self.marks):
            if mark.start > at:
                out.append(self._plain(at, mark.start))
            out.append(_WRITERS[mark.kind](self, index, mark))
            at = mark.end
        if end > at:
            out.append(self._plain(at, end))
        return hush("".join(out))

    def text(self, mark: Mark) -> str:
        return self.source[mark.start : mark.end]

    def _plain(self, start: int, end: int) -> str:
        plain = escape(self.source, start, end)
        return plain.replace("\n", " ") if self.joined else plain

    def _look_ahead(self) -> None:
        """Pair what opens with what closes."""
        opened: list[int] = []
        for index, mark in enumerate(self.marks):
            if mark.kind == "link" or (mark.kind == "em" and mark.text == "open"):
                opened.append(index)
            elif mark.kind in ("target", "em") and opened:
                first = opened.pop()
                inner = self.source[self.marks[first].end : mark.start]
                if mark.kind == "target":
                    self.links[first], self.links[index] = _link(inner, mark.text)
                elif "_" in inner.replace("\\_", ""):
                    self.stars |= {first, index}

    # ------------------------------------------------------------------------------------------ blocks

    def on_heading(self, index: int, mark: Mark) -> str:
        del index
        self.joined = mark.text == "setext"
        if mark.level <= 3:
            return "#" * mark.level + " "
        self.heading = mark.level
        return "**"

    def on_ending(self, index: int, mark: Mark) -> str:
        self.joined = False
        if not self.heading:
            return ""
        self.heading = 0
        empty = (
            index > 0 and self.marks[index - 1].kind == "heading" and self.marks[index - 1].end == mark.start
        )
        return HUSH + "**" if empty else "**"

    def on_quote(self, index: int, mark: Mark) -> str:
        if mark.level == 1:
            return "> "
        return "" if self._before_code(index) else "│ "

    def _before_code(self, index: int) -> bool:
        """Code in a quote of a quote: bars would stand within the code."""
        end = self.marks[index].end
        for mark in self.marks[index + 1 :]:
            if mark.kind == "quote" and mark.start == end:
                end = mark.end
                continue
            return mark.kind in _CODE and not self.source[end : mark.start].strip(" ")
        return False

    def on_item(self, index: int, mark: Mark) -> str:
        del index
        text = self.text(mark)
        space = text[len(text.rstrip()) :] or " "
        if mark.text:
            return f"{text[: mark.level]}.{space}"
        return f"{'-' if text[0] == '+' else text[0]}{space}"

    def on_task(self, index: int, mark: Mark) -> str:
        del index
        return "☑" if mark.text == "x" else "☐"

    def on_fence(self, index: int, mark: Mark) -> str:
        del index
        language = _LANGUAGE.match(mark.text)
        return f"```{language[0] if language else ''}"

    def on_body(self, index: int, mark: Mark) -> str:
        del index
        text = self.text(mark)
        return _FENCES.sub(lambda run: HUSH.join(run[0]), text) if "```" in text else text

    def on_fenced(self, index: int, mark: Mark) -> str:
        """Discord shows an empty fence as six backticks, so it gets a line."""
        before = [m for m in self.marks[:index] if m.kind in ("fence", "body")]
        opened = [n for n, m in enumerate(before) if m.kind == "fence"]
        body = before[opened[-1] + 1 :] if opened else []
        empty = bool(opened) and not any(self.text(m).strip() for m in body)
        if mark.start == mark.end:  # it ended with its container, without a line that says so
            return f"\n{self._again(mark.text)}{HUSH if empty else ''}```"
        if not empty:
            return "```"
        line = self.source.rfind("\n", 0, mark.start) + 1
        return f"{HUSH}\n{self._again(self.source[line : mark.start])}```"

    @staticmethod
    def _again(prefix: str) -> str:
        """A container's prefix for one more line of code."""
        return "> " if ">" in prefix else " " * len(prefix.expandtabs(4))

    def on_indented(self, index: int, mark: Mark) -> str:
        line = self.source.rfind("\n", 0, mark.start) + 1
        prefix = self._again(self.source[line : mark.start])
        text, columns, at = self.text(mark), 0, 0
        while at < len(text) and columns < 4 and text[at] in " \t":
            columns += 4 - columns % 4 if text[at] == "\t" else 1
            at += 1
        code = self.on_body(index, Mark("body", mark.start + at, mark.end))
        opening = f"```\n{prefix}" if mark.text in ("first", "only") else ""
        closing = f"\n{prefix}```" if mark.text in ("last", "only") else ""
        return f"{opening}{code}{closing}"

    def on_html(self, index: int, mark: Mark) -> str:
        del index
        shown = inline_html(self.text(mark), block=bool(mark.level))
        contained = mark.level and mark.start and self.source[mark.start - 1] != "\n"
        return shown if shown.strip() or not contained else HUSH  # a quote's mark alone would show

    def on_rule(self, index: int, mark: Mark) -> str:
        del index, mark
        return _RULE

    def on_definition(self, index: int, mark: Mark) -> str:
        """Discord has no definitions: it is shown, and an address in it stays as it is."""
        del index
        text = self.text(mark).replace("\\", "\\\\")
        return text if "://" in text else escape(text, 0, len(text))

    # ------------------------------------------------------------------------------------------ inline

    def on_code(self, index: int, mark: Mark) -> str:
        del index
        text = self.text(mark)
        fence = text[: len(text) - len(text.lstrip("`"))]
        if "```" in text:
            content = _FENCES.sub(lambda run: HUSH.join(run[0]), mark.text)
            edge = HUSH if content.startswith("`") or content.endswith("`") else ""
            return f"``{edge}{content}{edge}``"
        if mark.text and mark.text[0] != "`" and mark.text[-1] != "`" and "\n" not in text:
            return f"{fence}{mark.text}{fence}"
        return text

    def on_strong(self, index: int, mark: Mark) -> str:
        del index, mark
        return "" if self.heading else "**"

    def on_em(self, index: int, mark: Mark) -> str:
        return "*" if index in self.stars else self.text(mark)

    def on_strike(self, index: int, mark: Mark) -> str:
        del index, mark
        return "~~"

    def on_link(self, index: int, mark: Mark) -> str:
        del mark
        return self.links.get(index, "[")

    def on_image(self, index: int, mark: Mark) -> str:
        del index
        words, _, address = mark.text.rpartition("\n")
        words = " ".join(words.split())
        return f"{escape(words, 0, len(words))} ({_address(address)})" if words else _address(address)

    def on_autolink(self, index: int, mark: Mark) -> str:
        del index
        return f"<{mark.text}>" if _WEB.match(mark.text) else escape(mark.text, 0, len(mark.text))

    def on_url(self, index: int, mark: Mark) -> str:
        del index
        return self.text(mark)

    def on_entity(self, index: int, mark: Mark) -> str:
        del index
        return "".join(f"\\{char}" if char in _SPECIAL else char for char in mark.text)

    def on_escape(self, index: int, mark: Mark) -> str:
        """Discord takes the backslash off in front of anything but letters, digits and space."""
        del index
        text = self.text(mark)
        if mark.text == text:
            return f"\\{text}" if not text[1:].isascii() and not text[1:].isalnum() else text
        return text

    def on_break(self, index: int, mark: Mark) -> str:
        del index, mark
        return ""

    def on_formula(self, index: int, mark: Mark) -> str:
        del index
        line = self.source.rfind("\n", 0, mark.start) + 1
        after = self.source[mark.end :].lstrip(" ")[:1]
        if mark.level and not self.source[line : mark.start].strip() and after in ("", "\n"):
            return f"```tex\n{mark.text}\n```"
        return f"`{' '.join(mark.text.split())}`"

    def on_footnote(self, index: int, mark: Mark) -> str:
        del index
        label = (
            mark.text.translate(_SUPERSCRIPT)
            if mark.text.isascii() and mark.text.isdigit()
            else f"[{mark.text}]"
        )
        return label if not mark.level or label[0] != "[" else f"{label}:"


def _address(url: str) -> str:
    """An address in angle brackets brings no preview."""
    return f"<{url}>" if _WEB.match(url) else escape(url, 0, len(url))


def _link(label: str, url: str) -> tuple[str, str]:
    """What stands before and after a link's text: it is masked only where the text is the address itself."""
    named = label.strip().strip("`*_")
    if named in (url, url.removeprefix("mailto:")):
        return "", ""
    host = re.sub(r"^https?://(www\.)?", "", url, flags=re.IGNORECASE)
    bare = re.sub(r"^www\.", "", named, flags=re.IGNORECASE).rstrip("/")
    agrees = (
        "." in bare and "://" not in bare and re.match(re.escape(bare) + r"(?:[/?#]|$)", host, re.IGNORECASE)
    )
    if _WEB.match(url) and agrees and "(" not in url:
        return "[", f"](<{url}>)"
    if not url:
        return "", ""
    return ("", f" ({_address(url)})") if named else ("", _address(url))


_WRITERS: dict[str, Callable[[_Writer, int, Mark], str]] = {
    "heading": _Writer.on_heading,
    "ending": _Writer.on_ending,
    "quote": _Writer.on_quote,
    "lazy": _Writer.on_quote,
    "item": _Writer.on_item,
    "task": _Writer.on_task,
    "fence": _Writer.on_fence,
    "body": _Writer.on_body,
    "fenced": _Writer.on_fenced,
    "indented": _Writer.on_indented,
    "html": _Writer.on_html,
    "rule": _Writer.on_rule,
    "definition": _Writer.on_definition,
    "code": _Writer.on_code,
    "strong": _Writer.on_strong,
    "em": _Writer.on_em,
    "strike": _Writer.on_strike,
    "link": _Writer.on_link,
    "target": _Writer.on_link,
    "image": _Writer.on_image,
    "autolink": _Writer.on_autolink,
    "url": _Writer.on_url,
    "entity": _Writer.on_entity,
    "escape": _Writer.on_escape,
    "break": _Writer.on_break,
    "formula": _Writer.on_formula,
    "footnote": _Writer.on_footnote,
}
