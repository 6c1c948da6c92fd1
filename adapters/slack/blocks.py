"""One message as Slack wants it. Law: pure; whatever form the text takes, nobody is pinged by it.

A message goes out as one `markdown` block, because an edit with `blocks` carries no "(edited)" label and shows real
Markdown, plus a short `text` that notifications and screen readers use. Slack cuts `text` at 4,000 characters
(chat.update answers msg_too_long beyond).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from bot.ports import Button, Content, Control

Block: TypeAlias = dict[str, Any]

METADATA = "inkstream_page"
BUTTON = "inkstream:button:"
FEEDBACK = "inkstream:feedback"
"""Slack's own pair of thumbs, whose value is "good:" or "bad:" and the reply's id."""
_IN = "inkstream:in:"

LONGEST_FALLBACK = 3_000
LONGEST_SECTION = 3_000  # docs.slack.dev, section block: 3,000 characters of text

LONGEST_CALL = 40  # "<@", an id, "> "
LONGEST_ANSWER = 30  # docs.slack.dev, confirmation dialog: of its two buttons
LONGEST_CONFIRMATION = 300  # the same: of its text; its title has 100
LONGEST_LABEL = 75  # docs.slack.dev, button element
MOST_BUTTONS = 25  # docs.slack.dev, actions block
LONGEST_ASIDE = 11_000
"""Characters: a markdown block takes 12,000, and a little is left for what the dialect adds."""

CONTROLS = {f"inkstream:{control.value}": control for control in Control}
"""Action id -> control. The value of each button is its reply's id: it works after a restart."""

_PERSON = re.compile(r"[UW][A-Z0-9]{1,30}")
_BLOCK = re.compile(r"[#>|`~*+-]|\d+[.)]|\s")
"""What may make a block of Markdown out of a line; a mention before it would break it."""

_ENTITY = re.compile(r"&(lt|gt|amp);")
_CHARACTER = {"lt": "<", "gt": ">", "amp": "&"}
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)


def markdown(content: Content) -> list[Block]:
    """The message as people should see it."""
    call = _call(content)
    gap = "\n\n" if _BLOCK.match(content.text) else " "
    text = f"{call}{gap}{content.text}" if call else content.text
    return [{"type": "markdown", "text": text}, *_controls(content)]


def sections(content: Content) -> list[Block]:
    """The same for a Slack that will not make blocks of this Markdown: its source, in plain sections."""
    pieces = _called(content, _cut(_escape(_source(content.text)), LONGEST_SECTION - LONGEST_CALL))
    return [
        *(
            {"type": "section", "text": {"type": "mrkdwn", "text": piece, "verbatim": True}}
            for piece in pieces
        ),
        *_controls(content),
    ]


def fallback(content: Content) -> str:
    """The `text` beside the blocks: plain, inert but for the one mention that is wanted, short."""
    plain = _HEADING.sub("", _source(content.text).replace("**", ""))
    pieces = _called(content, _cut(_escape(plain), LONGEST_FALLBACK - LONGEST_CALL))
    return pieces[0] if pieces else "…"


def aside(text: str, buttons: Sequence[Button], thread: str) -> tuple[list[Block], list[Block], str]:
    """(blocks, plainer blocks, text) of something that one person sees. `text` is in Slack's dialect already.

    The block id of the buttons tells the thread, which Slack does not do for messages that only one person sees.
    """
    content = Content(text[:LONGEST_ASIDE])
    pressable = [
        {
            "type": "button",
            "action_id": f"{BUTTON}{button.id}",
            "text": _plain(button.label or button.id),
            "value": button.id,
            **({"style": button.style} if button.style != "plain" else {}),
        }
        for button in buttons[:MOST_BUTTONS]
    ]
    below: list[Block] = (
        [{"type": "actions", "block_id": _IN + thread, "elements": pressable}] if pressable else []
    )
    plain = sections(content)[: LONGEST_ASIDE // LONGEST_SECTION]  # escaping makes a text longer
    return [*markdown(content), *below], [*plain, *below], fallback(content)


def thread_in(block_id: str) -> str:
    """The thread that the buttons of an aside stand in."""
    return block_id.removeprefix(_IN) if block_id.startswith(_IN) else ""


def inert(text: str) -> str:
    """A sentence of ours as mrkdwn in which nothing is live."""
    return _escape(text)


def _call(content: Content) -> str:
    """The mention of the one person who shall be notified: nothing else in a message is alive."""
    return f"<@{content.ping}>" if _PERSON.fullmatch(content.ping) else ""


def _called(content: Content, pieces: list[str]) -> list[str]:
    call = _call(content)
    return [f"{call} {pieces[0]}".rstrip() if pieces else call, *pieces[1:]] if call else pieces


def _controls(content: Content) -> list[Block]:
    elements = [
        _button(control, label, content)
        for control, label in zip(content.controls, _labels(content), strict=True)
    ]
    return [{"type": "actions", "elements": elements}] if elements else []


def _labels(content: Content) -> Iterable[str]:
    for number, control in enumerate(content.controls):
        given = content.labels[number] if number < len(content.labels) else ""
        yield given or control.value.capitalize()


def _button(control: Control, label: str, content: Content) -> Block:
    button: Block = {
        "type": "button",
        "action_id": f"inkstream:{control.value}",
        "text": _plain(label),
        "value": content.reply,
    }
    if control is Control.STOP:
        button["style"] = "danger"
    if control is Control.DELETE and content.sure is not None:
        button["confirm"] = {
            "title": _plain(label),
            "text": _plain(content.sure.question, LONGEST_CONFIRMATION),
            "confirm": _plain(label, LONGEST_ANSWER),
            "deny": _plain(content.sure.keep, LONGEST_ANSWER),
            "style": "danger",
        }
    return button


def _plain(words: str, longest: int = LONGEST_LABEL) -> Block:
    return {"type": "plain_text", "text": words[:longest]}


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
