"""Claude's Markdown as Slack's `markdown` block takes it: nearly as it is. Law: no token of Slack's is live in it.

Slack reads `<@U…>`, `<#C…>`, `<!channel>` and `<url|label>` inside markdown blocks too, and has no flag that
forbids it. Writing `<` as `&lt;` defuses every one of them, shows as `<`, and is not read again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.slack.reading import inert
from bot.ports import Mark, Syntax

LONGEST_ASKED = 3_000
"""Characters of a question that are shown above its answer; Claude gets the whole of it."""

# `<` in code is left alone unless it would open one of Slack's tokens, so that `#include <x>` stays copyable.
_TOKEN = re.compile(r"<(?=[@#!]|[A-Za-z][A-Za-z0-9+.-]*:)")
_CODE = frozenset({"code", "body", "indented", "fence"})
_UNSAFE = {ord("("): "%28", ord(")"): "%29", ord("<"): "%3C", ord(">"): "%3E", ord(" "): "%20"}


def defuse(text: str, *, code: bool) -> str:
    """Make every token of Slack's inert; in code, only what would be one is touched.

    Certainty: that `&lt;` is shown as `<` and not read again was measured by others in prose of markdown blocks
    (PostHog, 2026-09). In code it is assumed, since Slack undoes its three escapes everywhere else; if it does not,
    people see `&lt;@U1>` in code, and still nobody is pinged.
    """
    return _TOKEN.sub("&lt;", text) if code else text.replace("<", "&lt;")


class SlackDialect:
    """Slack's side of `bot.ports.Dialect`."""

    # One table in a message, of at most 100 rows and 20 columns; 50 blocks (observed in many projects; a markdown
    # block is expanded into headings, rules, tables and runs of text, which count).
    syntax = Syntax(html=False, tables=1, rows=100, columns=20, width=100, blocks=50)

    def render(self, source: str, marks: Sequence[Mark], start: int, end: int) -> str:
        out: list[str] = []
        at = start
        for mark in marks:
            out.append(source[at : mark.start].replace("<", "&lt;"))
            out.append(self._mark(mark, source[mark.start : mark.end]))
            at = mark.end
        out.append(source[at:end].replace("<", "&lt;"))
        return "".join(out)

    @staticmethod
    def _mark(mark: Mark, text: str) -> str:
        if mark.kind in _CODE:
            return defuse(text, code=True)
        if mark.kind == "definition":
            return "\\" + text.replace("<", "&lt;")  # shown, not swallowed: a reader may look for the address
        if mark.kind == "target" and (mark.level or "<" in text):
            return f"]({mark.text.translate(_UNSAFE)})"
        if mark.kind == "image" and ("](" not in text or "<" in text):
            words, _, address = mark.text.partition("\n")
            return f"![{defuse(words, code=False)}]({address.translate(_UNSAFE)})"
        return text.replace("<", "&lt;")

    def cost(self, text: str) -> int:
        """Characters, or a third of the bytes where that is more: 10,000 then means 30,000 bytes as well.

        Slack documents 12,000 "characters"; whether an emoji is one or two is not said, so it counts as two.
        """
        if text.isascii():
            return len(text)
        size = len(text.encode("utf-8"))
        wide = len(text.encode("utf-16-le")) // 2
        return max(wide, -(-size // 3))

    def notice(self, sentence: str) -> str:
        return f"_{defuse(sentence, code=False)}_"

    def asks(self, question: str, *, by: str) -> str:
        shown = question if len(question) <= LONGEST_ASKED else question[:LONGEST_ASKED].rstrip() + " …"
        # A question that begins with a fence, a list or a table needs a line of its own to stay one.
        gap = "\n\n" if "\n" in shown else " "
        text = f"**{inert(by)}**{gap}{shown}"
        return self.render(text, (), 0, len(text))
