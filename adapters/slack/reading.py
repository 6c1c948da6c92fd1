"""Slack's way of writing down what people typed -> plain Markdown. Law: pure, total, and nothing is looked up.

Slack escapes the three characters & < > and puts everything else that it understood between raw angle brackets:
`<@U1>`, `<#C1|general>`, `<!here>`, `<https://a.b|label>` (docs.slack.dev, formatting message text).
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r"<([^<>]*)>")
_ENTITY = re.compile(r"&(amp|lt|gt);")
_CHARACTER = {"amp": "&", "lt": "<", "gt": ">"}
_SPECIAL = re.compile(r"([\\`*_~\[\]<>#|])")


def read(text: str, *, bot: str, name_of: Callable[[str], str]) -> str:
    """The text as its writer meant it, without the mention of the bot itself.

    `bot` is the bot's user id; `name_of` gives a display name that is already known, or "".
    """
    if bot:
        own = rf"<@{re.escape(bot)}(?:\|[^<>]*)?>"
        text = re.sub(rf"(?:(?<=\s)|^){own}[ \t]*|{own}", "", text).strip()
    parts: list[str] = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.extend((_unescape(text[end : match.start()]), _token(match[1], name_of)))
        end = match.end()
    parts.append(_unescape(text[end:]))
    return "".join(parts).strip()


def mentions(text: str, user: str) -> bool:
    """Whether the raw text addresses this user."""
    return bool(user) and (f"<@{user}>" in text or f"<@{user}|" in text)


def inert(name: str) -> str:
    """A name as a piece of Markdown that is only itself: one line, no emphasis, no link, no mention."""
    return _SPECIAL.sub(r"\\\1", " ".join(name.split()).lstrip("@!"))


def _unescape(text: str) -> str:
    return _ENTITY.sub(lambda match: _CHARACTER[match[1]], text)


def _token(inside: str, name_of: Callable[[str], str]) -> str:
    body, _, label = inside.partition("|")
    body, label = _unescape(body), _unescape(label)
    if body.startswith("@"):
        return f"@{label or name_of(body[1:]) or body[1:]}"
    if body.startswith("#"):
        return f"#{label or body[1:]}"
    if body.startswith("!"):
        # <!here>, <!channel>, <!subteam^S1|@team>, <!date^1700000000^{date}|fallback>
        return label or f"@{body[1:].partition('^')[0]}"
    if ":" in body:
        return _link(body, label)
    # Nothing that Slack writes: it stays as it came.
    return f"<{_unescape(inside)}>"


def _link(url: str, label: str) -> str:
    """A label that only repeats the address (Slack links bare domains by itself) is left out."""
    if not label or label == url:
        return url
    if url.removeprefix("mailto:").removeprefix("https://").removeprefix("http://").rstrip(
        "/"
    ) == label.rstrip("/"):
        return label if url.startswith("mailto:") else url
    return f"[{label}]({url})"
