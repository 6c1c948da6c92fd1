"""Claude's Markdown as Slack's `markdown` block takes it. Law: no token of Slack's is live in what Claude wrote.

Slack reads `<@U…>`, `<#C…>`, `<!channel>` and `<url|label>` inside markdown blocks too, and has no flag that
forbids it. Writing `<` as `&lt;` defuses every one of them, shows as `<`, and is not read again (measured by others
in prose, 2026-09; in code it is taken to be decoded in the same way, uncertain).
"""

from __future__ import annotations

import re

# `<` in code is left alone unless it would open one of Slack's tokens, so that `#include <x>` stays copyable.
_TOKEN = re.compile(r"<(?=[@#!]|[A-Za-z][A-Za-z0-9+.-]*:)")
_FENCE = re.compile(r"^[ >]*(`{3,}|~{3,})")


def defuse(text: str, *, code: bool) -> str:
    """Make every token of Slack's inert. In code only what would be one is touched."""
    return _TOKEN.sub("&lt;", text) if code else text.replace("<", "&lt;")


class SlackDialect:
    """Slack's side of `bot.ports.Dialect`."""

    def render(self, markdown: str) -> str:
        lines: list[str] = []
        fence = ""
        for line in markdown.split("\n"):
            mark = _FENCE.match(line)
            if mark and not fence:
                fence = mark[1]
                lines.append(defuse(line, code=False))
                continue
            if mark and fence and mark[1].startswith(fence):
                fence = ""
            lines.append(defuse(line, code=bool(fence)))
        return "\n".join(lines)

    def cost(self, text: str) -> int:
        """Characters, or a third of the bytes where that is more: 10,000 then means 30,000 bytes as well.

        Characters are counted in UTF-16 units, the larger of the two ways in which a server might count them.
        """
        size = len(text.encode("utf-8", "surrogatepass"))
        units = len(text) + sum(char > "\uffff" for char in text) if size > len(text) else len(text)
        return max(units, -(-size // 3))

    def notice(self, sentence: str) -> str:
        return f"_{defuse(sentence, code=False)}_"
