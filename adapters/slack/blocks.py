"""One message as Slack wants it. Law: pure; whatever form the text takes, nobody is pinged by it.

A message goes out as one `markdown` block, because an edit with `blocks` carries no "(edited)" label and shows real
Markdown, plus a short `text` that notifications and screen readers use. Slack cuts `text` at 4,000 characters
(chat.update answers msg_too_long beyond).
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from bot.ports import Content, Control

Block: TypeAlias = dict[str, Any]

STOP = "inkstream:stop"
METADATA = "inkstream_page"

LONGEST_FALLBACK = 3_000
LONGEST_SECTION = 3_000  # docs.slack.dev, section block: 3,000 characters of text

_LABELS = {Control.STOP: "Stop"}
_ACTIONS = {Control.STOP: STOP}
CONTROLS = {action: control for control, action in _ACTIONS.items()}

_ENTITY = re.compile(r"&(lt|gt|amp);")
_CHARACTER = {"lt": "<", "gt": ">", "amp": "&"}
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)


def markdown(content: Content) -> list[Block]:
    """The message as people should see it."""
    return [{"type": "markdown", "text": content.text}, *_controls(content)]


def sections(content: Content) -> list[Block]:
    """The same for a Slack that will not make blocks of this Markdown: its source, in plain sections."""
    pieces = _cut(_escape(_source(content.text)), LONGEST_SECTION)
    return [
        *(
            {"type": "section", "text": {"type": "mrkdwn", "text": piece, "verbatim": True}}
            for piece in pieces
        ),
        *_controls(content),
    ]


def fallback(content: Content) -> str:
    """The `text` beside the blocks: plain, inert, short."""
    plain = _HEADING.sub("", _source(content.text).replace("**", ""))
    pieces = _cut(_escape(plain), LONGEST_FALLBACK)
    return pieces[0] if pieces else "…"


def inert(text: str) -> str:
    """A sentence of ours as mrkdwn in which nothing is live."""
    return _escape(text)


def _controls(content: Content) -> list[Block]:
    if not content.controls:
        return []
    return [
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": _ACTIONS[control],
                    "text": {"type": "plain_text", "text": _LABELS[control]},
                    "value": content.reply,
                }
                for control in content.controls
            ],
        }
    ]


def _source(text: str) -> str:
    """The dialect writes the characters that would wake a mention as entities; mrkdwn wants to escape them itself."""
    return _ENTITY.sub(lambda match: _CHARACTER[match[1]], text)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, longest: int) -> list[str]:
    """Pieces of at most `longest` characters, at line ends where possible, never inside an entity."""
    pieces: list[str] = []
    rest = text.strip()
    while len(rest) > longest:
        at = rest.rfind("\n", longest // 2, longest) + 1 or longest
        entity = rest.rfind("&", at - 5, at)
        if entity > 0 and ";" not in rest[entity:at]:
            at = entity
        pieces.append(rest[:at].rstrip())
        rest = rest[at:].lstrip("\n")
    pieces.append(rest)
    return [piece for piece in pieces if piece.strip()]
