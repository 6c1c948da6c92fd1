"""Text that is nothing but text to Discord. Law: it shows as it was written, and nothing in it is live."""

from __future__ import annotations

import re

HUSH = "\u200b"  # a space of no width: not seen, and no pattern of Discord's matches across it

_MENTION = re.compile(r"@(?=everyone|here|[!&]?\d)|<(?=#\d|/[^\s>]*:\d|id:|t:-?\d|a?:\w+:\d)")
_INVITE = re.compile(r"(discord(?:app)?|dsc)\.(?=gg/|com/invite/)", re.IGNORECASE)

# Literal here, markup there. A single star with space on both sides, and an underscore within a word, never are.
_MARKUP = re.compile(
    r"^[ \t]*(?P<line>\#{1,3}(?=[ \t])|-\#(?=[ \t])|>(?=[ \t]|>>)|[-*](?=[ \t]+\S))"
    r"|(?P<stars>\*+)|(?P<under>_+)|(?P<pairs>~~+|\|\|+|`+)",
    re.MULTILINE,
)
_MAYBE = re.compile(r"[*_~|`#>-]")


def hush(text: str) -> str:
    """Mentions, references, timestamps and invites made inert."""
    lowered = text.lower()
    if not ("@" in text or "<" in text or "discord" in lowered or "dsc." in lowered):
        return text
    text = _MENTION.sub(lambda found: found[0] + HUSH, text)
    return _INVITE.sub(lambda found: f"{found[1]}.{HUSH}", text)


def escape(source: str, start: int, end: int) -> str:
    """source[start:end], which holds no markup, with a backslash where Discord would see some."""
    if not _MAYBE.search(source, start, end):
        return source[start:end]
    out: list[str] = []
    at = start
    for found in _MARKUP.finditer(source, start, end):
        if found["line"] is not None:
            place = found.start("line")
            out.append(source[at:place] + "\\" + found["line"])
        else:
            out.append(source[at : found.start()] + _escaped(found, source))
        at = found.end()
    out.append(source[at:end])
    return "".join(out)


def _escaped(found: re.Match[str], source: str) -> str:
    run = found[0]
    before, after = source[found.start() - 1 : found.start()], source[found.end() : found.end() + 1]
    lone = (not before or before.isspace()) and (not after or after.isspace())
    if run == "*" and lone:
        return run
    if run == "_" and before.isalnum() and after.isalnum():
        return run
    return "".join(f"\\{char}" for char in run)
