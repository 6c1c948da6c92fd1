"""Where people mention the bot itself, on whichever platform. Pure. Law: a mention that only addresses the bot is not a
part of what is said to it, and every other one stays.
"""

from __future__ import annotations

import re

US = "\ufdd0"
"""Stands where the bot itself is mentioned, until it is known whether that addresses it (see `addressed`). Unicode has
set this character aside for uses within a program; it is never a part of text."""

_LEADING = re.compile(rf"^[ \t]*(?:{US}[ \t]*[,:]?[ \t]*)+", re.MULTILINE)
_ENDS = ".?!…"
_PART_OF_A_SENTENCE = re.compile(r"['\u2019]s\b|(?:and|or|und|oder|et|ou|y|o|&|\+)\s+@", re.IGNORECASE)


def addressed(text: str, name: str) -> str:
    """Takes the bot's own mention off where it addresses the bot: before what is said, or after all of it.

    Elsewhere it is a part of the sentence ("what does @claude do?") and stays, as `name`.
    """
    if US not in text:
        return text.strip()

    def leading(match: re.Match[str]) -> str:
        rest = text[match.end() : match.end() + 12]
        return match[0] if _PART_OF_A_SENTENCE.match(rest) else ""

    text = _without_trailing(_LEADING.sub(leading, text).strip())
    return text.replace(US, f"@{name or 'you'}").strip()


def _without_trailing(text: str) -> str:
    """A mention behind the last sentence, a comma, or a single word: "why is that? @claude", "thanks,
    @claude!", "stop @claude".
    """
    body = text.rstrip(_ENDS)
    if not body.endswith(US):
        return text
    before = body[:-1].rstrip()
    if before.endswith(","):
        return before[:-1] + text[len(body) :]
    if len(before.split(None, 1)) == 1:  # "stop @claude" says one word to us
        return before + text[len(body) :]
    return before if before.endswith((*_ENDS, ")", ":")) else text
