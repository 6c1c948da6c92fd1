"""What a person types, as Slack's servers pass it on. Law: what is typed and what arrives differ only by escaping.

Slack escapes `&`, `<` and `>` in what people type, keeps its own tokens (`<@U1>`, `<#C1|general>`, `<!here>`,
`<https://x|x>`), links bare addresses, and sends the same text once more as a `rich_text` block.
"""

from __future__ import annotations

import re
from typing import Any

_TOKEN = r"<(?:@[UW][A-Z0-9]+|#C[A-Z0-9]+|!(?:here|channel|everyone|subteam\^S[A-Z0-9]+|date\^[^<>]*)|(?:https?|mailto):[^<>\s|]+)(?:\|[^<>]*)?>"  # noqa: S105 - a token of markup, not a secret
_LINK = re.compile(rf"({_TOKEN})|(https?://[^\s<>]*[^\s<>.,;:!?)\]}}'\"`*_~])|([&<>])")
_PARTS = re.compile(rf"(```.*?```)|({_TOKEN})|`([^`\n]+)`", re.DOTALL)


def as_sent(typed: str) -> str:
    """The `text` that Slack makes of what a person typed (mentions typed as their tokens)."""

    def one(match: re.Match[str]) -> str:
        token, link, sign = match.groups()
        if token:
            return str(token)
        if link:
            return f"<{link.replace('&', '&amp;')}>"
        return {"&": "&amp;", "<": "&lt;", ">": "&gt;"}[sign]

    return _LINK.sub(one, typed)


def pings(source: str) -> list[str]:
    """The tokens in a message that notify somebody, in mrkdwn and in markdown alike (observed: PostHog/posthog#95054).

    Whether they are live inside code is not known; they are counted there too.
    """
    return [
        token
        for token in re.findall(_TOKEN, source)
        if token.startswith(("<@", "<!")) and token[2:6] != "date"
    ]


def unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def rich_text(text: str, block_id: str) -> list[dict[str, Any]]:
    """The `rich_text` block of a person's message."""
    blocks: list[dict[str, Any]] = []
    section: list[dict[str, Any]] = []
    at = 0

    def words(piece: str) -> None:
        if piece:
            section.append({"type": "text", "text": unescaped(piece)})

    def close() -> None:
        if section:
            blocks.append({"type": "rich_text_section", "elements": list(section)})
            section.clear()

    for match in _PARTS.finditer(text):
        words(text[at : match.start()])
        at = match.end()
        fence, token, code = match.groups()
        if fence:
            close()
            inner = unescaped(fence[3:-3]).strip("\n")
            blocks.append(
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": inner}], "border": 0}
            )
        elif code:
            section.append({"type": "text", "text": unescaped(code), "style": {"code": True}})
        else:
            section.append(_element(token))
    words(text[at:])
    close()
    return [{"type": "rich_text", "block_id": block_id, "elements": blocks}]


def _element(token: str) -> dict[str, Any]:
    inside, _, label = token[1:-1].partition("|")
    if inside.startswith("@"):
        return {"type": "user", "user_id": inside[1:]}
    if inside.startswith("#"):
        return {"type": "channel", "channel_id": inside[1:]}
    if inside.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": inside.removeprefix("!subteam^")}
    if inside.startswith("!date^"):
        return {"type": "text", "text": label}
    if inside.startswith("!"):
        return {"type": "broadcast", "range": inside[1:]}
    element = {"type": "link", "url": unescaped(inside)}
    return {**element, "text": unescaped(label)} if label else element
