"""Block Kit: what Slack takes. Law: what Slack would not take is refused with the code that Slack gives.

Figures: docs.slack.dev reference/block-kit and chat.update; the sum over all blocks (13,200) is observed
(slackapi/bolt-js#2509: 13,297 characters of markdown refused), as are the 4,040 after which a posted `text` is split
(4,041 characters make two messages) and one table a message.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from markdown_it import MarkdownIt

from sandbox.slack.refusals import SlackError

Block: TypeAlias = dict[str, Any]

MOST_BLOCKS = 50
MOST_MARKDOWN = 12_000  # documented: "12,000 characters" over all markdown blocks of a payload
MOST_ALTOGETHER = 13_200  # observed
MOST_TEXT_ON_UPDATE = 4_000  # documented: "The `text` field cannot exceed 4,000 characters"
MOST_TEXT_UNSPLIT = 4_040  # observed
SPLIT = 4_000  # observed
MOST_TEXT_KEPT = 40_000  # documented: longer is truncated
TABLE_ROWS, TABLE_COLUMNS, TABLE_CHARACTERS = 100, 20, 10_000

# Only the outline is wanted, never what stands inside a paragraph: that makes it some five times as fast.
_MARKDOWN = MarkdownIt("commonmark").enable("table").disable("inline")
_HAS_OUTLINE = re.compile(r"\||^ {0,3}(?:#{1,6}(?:[ \t]|$)|=+[ \t]*$|(?:[-*_][ \t]*)+$)", re.MULTILINE)


# ---------------------------------------------------------------------------------------------------- what Slack takes


def check_blocks(blocks: object) -> list[Block]:
    """The blocks as Slack stores them (with block ids). Raises SlackError as chat.postMessage would."""
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if len(blocks) > MOST_BLOCKS:
        raise _too_many()
    faults: list[str] = []
    for number, block in enumerate(blocks):
        check_block(block, f"/blocks/{number}", faults)
    if faults:
        raise SlackError("invalid_blocks", faults)
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        raise SlackError("invalid_blocks", ["`block_id` must be unique [json-pointer:/blocks]"])
    markdown = [block["text"] for block in blocks if block["type"] == "markdown"]
    if sum(map(len, markdown)) > MOST_MARKDOWN or sum(map(_weight, blocks)) > MOST_ALTOGETHER:
        raise SlackError("msg_blocks_too_long")
    outlines = [_outline(text) for text in markdown]
    _check_tables(outlines, others=sum(block["type"] == "table" for block in blocks))
    if len(blocks) - len(markdown) + sum(outline.blocks for outline in outlines) > MOST_BLOCKS:
        raise _too_many()
    return [
        block
        if block["type"] == "markdown"
        else {**block, "block_id": block.get("block_id") or secrets.token_hex(3)}
        for block in blocks
    ]


def _too_many() -> SlackError:
    return SlackError("invalid_blocks", [f"no more than {MOST_BLOCKS} items allowed [json-pointer:/blocks]"])


@dataclass(frozen=True, slots=True)
class _Outline:
    """What Slack makes of a markdown block: so many blocks, and (rows, columns, characters) of each table."""

    blocks: int
    tables: list[tuple[int, int, int]]


def _outline(text: str) -> _Outline:
    """Headings, rules and tables become blocks of their own, what lies between them one rich text."""
    if not _HAS_OUTLINE.search(text):
        return _Outline(1, [])
    count, between = 0, False
    tables: list[tuple[int, int, int]] = []
    rows = columns = characters = 0
    for token in _MARKDOWN.parse(text):
        if token.type == "table_open":
            rows = columns = characters = 0
        elif token.type == "tr_open":
            rows += 1
        elif token.type == "th_open":
            columns += 1
        elif token.type == "inline" and columns:
            characters += len(token.content)
        elif token.type == "table_close":
            tables.append((rows, columns, characters))
            columns = 0
        if token.level or token.nesting < 0:
            continue
        if token.type in ("heading_open", "hr", "table_open"):
            count, between = count + 1, False
        elif not between:
            count, between = count + 1, True
    return _Outline(max(1, count), tables)


def check_tables(text: str) -> None:
    """Of a stream's Markdown. Raises SlackError("invalid_attachments")."""
    if "|" in text:
        _check_tables([_outline(text)], others=0)


def _check_tables(outlines: Sequence[_Outline], *, others: int) -> None:
    """One table a message, and not a huge one. Raises SlackError("invalid_attachments")."""
    tables = [table for outline in outlines for table in outline.tables]
    if any(
        rows > TABLE_ROWS or columns > TABLE_COLUMNS or characters > TABLE_CHARACTERS
        for rows, columns, characters in tables
    ):
        raise SlackError("invalid_attachments", ["table is too large"])
    if len(tables) + others > 1:
        raise SlackError("invalid_attachments", ["only_one_table_allowed"])


def _weight(block: Block) -> int:
    """The characters that count towards the sum: every text in the block, not its keys."""
    total = 0
    stack: list[Any] = [block]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            total += sum(
                len(value) for key, value in item.items() if key == "text" and isinstance(value, str)
            )
            stack.extend(value for value in item.values() if isinstance(value, (dict, list)))
        elif isinstance(item, list):
            stack.extend(item)
    return total


def check_block(block: object, at: str, faults: list[str]) -> None:
    """Adds to `faults` what Slack would object to, each with a pointer from `at`."""
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        faults.append(f"must be a block with a type [json-pointer:{at}]")
        return
    block_id = block.get("block_id")
    if block_id is not None and (not isinstance(block_id, str) or len(block_id) > 255):
        faults.append(f"must be a string of at most 255 characters [json-pointer:{at}/block_id]")
    rule = _RULES.get(block["type"])
    if rule is None:
        faults.append(f"unsupported type: {block['type']} [json-pointer:{at}/type]")
    else:
        rule(block, at, faults)


def _text(value: object, at: str, most: int, faults: list[str]) -> None:
    if not isinstance(value, str):
        faults.append(f"must be a string [json-pointer:{at}]")
    elif not value:
        faults.append(f"must be more than 0 characters [json-pointer:{at}]")
    elif len(value) > most:
        faults.append(f"must be less than {most + 1} characters [json-pointer:{at}]")


def _text_object(value: object, at: str, most: int, faults: list[str], *, kinds: Sequence[str]) -> None:
    if not isinstance(value, dict):
        faults.append(f"missing required field: text [json-pointer:{at}]")
        return
    if value.get("type") not in kinds:
        faults.append(f"must be of type {' or '.join(kinds)} [json-pointer:{at}/type]")
    _text(value.get("text"), f"{at}/text", most, faults)


_ANY = ("plain_text", "mrkdwn")
_PLAIN = ("plain_text",)


def _check_section(block: Block, at: str, faults: list[str]) -> None:
    fields = block.get("fields")
    if "text" not in block and not fields:
        faults.append(f"missing required field: text [json-pointer:{at}]")
    if "text" in block:
        _text_object(block["text"], f"{at}/text", 3_000, faults, kinds=_ANY)
    if fields is not None:
        for number, one in enumerate(_elements(block, "fields", 10, at, faults)):
            _text_object(one, f"{at}/fields/{number}", 2_000, faults, kinds=_ANY)
    if "accessory" in block:
        _check_element(block["accessory"], f"{at}/accessory", faults)


def _check_header(block: Block, at: str, faults: list[str]) -> None:
    _text_object(block.get("text"), f"{at}/text", 150, faults, kinds=_PLAIN)


def _check_markdown(block: Block, at: str, faults: list[str]) -> None:
    text = block.get("text")
    # Length is judged over the whole message, with another code.
    _text(text, f"{at}/text", 10**9, faults)


def _check_context(block: Block, at: str, faults: list[str]) -> None:
    for number, one in enumerate(_elements(block, "elements", 10, at, faults)):
        where = f"{at}/elements/{number}"
        if isinstance(one, dict) and one.get("type") == "image":
            _text(one.get("alt_text"), f"{where}/alt_text", 2_000, faults)
        else:
            _text_object(one, where, 3_000, faults, kinds=_ANY)


def _check_actions(block: Block, at: str, faults: list[str]) -> None:
    _check_pressable(block, 25, _ELEMENTS - _CONTEXT_ACTIONS, at, faults)


def _check_context_actions(block: Block, at: str, faults: list[str]) -> None:
    _check_pressable(block, 5, _CONTEXT_ACTIONS, at, faults)


def _check_pressable(block: Block, most: int, kinds: Collection[str], at: str, faults: list[str]) -> None:
    elements = _elements(block, "elements", most, at, faults)
    for number, one in enumerate(elements):
        _check_element(one, f"{at}/elements/{number}", faults, kinds=kinds)
    actions = [one.get("action_id") for one in elements if isinstance(one, dict) and one.get("action_id")]
    if len(actions) != len(set(map(str, actions))):
        faults.append(f"`action_id` must be unique in a block [json-pointer:{at}/elements]")


def _elements(block: Block, name: str, most: int, at: str, faults: list[str]) -> list[Any]:
    elements = block.get(name)
    if not isinstance(elements, list) or not elements:
        faults.append(f"missing required field: {name} [json-pointer:{at}]")
        return []
    if len(elements) > most:
        faults.append(f"no more than {most} items allowed [json-pointer:{at}/{name}]")
    return elements


def _check_element(
    element: object, at: str, faults: list[str], *, kinds: Collection[str] | None = None
) -> None:
    if not isinstance(element, dict) or str(element.get("type")) not in (kinds or _ELEMENTS):
        faults.append(f"unsupported type [json-pointer:{at}/type]")
        return
    action_id = element.get("action_id")
    if action_id is not None:
        _text(action_id, f"{at}/action_id", 255, faults)
    if element["type"] == "button":
        _text_object(element.get("text"), f"{at}/text", 75, faults, kinds=_PLAIN)
        if element.get("style") not in (None, "primary", "danger"):
            faults.append(f"must be primary or danger [json-pointer:{at}/style]")
        if "value" in element:
            _text(element["value"], f"{at}/value", 2_000, faults)
        if "confirm" in element:
            _check_confirm(element["confirm"], f"{at}/confirm", faults)
    elif element["type"] == "feedback_buttons":
        for side in ("positive_button", "negative_button"):
            button = element.get(side)
            if not isinstance(button, dict):
                faults.append(f"missing required field: {side} [json-pointer:{at}]")
            else:
                _text_object(button.get("text"), f"{at}/{side}/text", 75, faults, kinds=_PLAIN)
    elif element["type"] == "icon_button":
        _text(element.get("icon"), f"{at}/icon", 100, faults)
        _text_object(element.get("text"), f"{at}/text", 75, faults, kinds=_PLAIN)


def _check_confirm(dialog: object, at: str, faults: list[str]) -> None:
    if not isinstance(dialog, dict):
        faults.append(f"must be an object [json-pointer:{at}]")
        return
    for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        _text_object(dialog.get(name), f"{at}/{name}", most, faults, kinds=_PLAIN)


_ELEMENTS = frozenset(
    [
        "button",
        "checkboxes",
        "datepicker",
        "datetimepicker",
        "timepicker",
        "multi_static_select",
        "multi_users_select",
        "multi_conversations_select",
        "multi_channels_select",
        "multi_external_select",
        "overflow",
        "radio_buttons",
        "static_select",
        "users_select",
        "conversations_select",
        "channels_select",
        "external_select",
        "workflow_button",
        "image",
        "feedback_buttons",
        "icon_button",
        "email_text_input",
        "number_input",
        "plain_text_input",
        "rich_text_input",
        "url_text_input",
        "file_input",
    ]
)


# docs.slack.dev, context actions block: these two, which stand in no other block.
_CONTEXT_ACTIONS = frozenset(["feedback_buttons", "icon_button"])


def _check_table(block: Block, at: str, faults: list[str]) -> None:
    rows = _elements(block, "rows", TABLE_ROWS, at, faults)
    if any(not isinstance(row, list) or len(row) > TABLE_COLUMNS for row in rows):
        faults.append(f"no more than {TABLE_COLUMNS} cells in a row [json-pointer:{at}/rows]")


def _check_image(block: Block, at: str, faults: list[str]) -> None:
    _text(block.get("alt_text"), f"{at}/alt_text", 2_000, faults)
    if not block.get("image_url") and not block.get("slack_file"):
        faults.append(f"missing required field: image_url [json-pointer:{at}]")


def _check_rich_text(block: Block, at: str, faults: list[str]) -> None:
    if not isinstance(block.get("elements"), list):
        faults.append(f"missing required field: elements [json-pointer:{at}]")


def _check_input(block: Block, at: str, faults: list[str]) -> None:
    _text_object(block.get("label"), f"{at}/label", 2_000, faults, kinds=_PLAIN)
    _check_element(block.get("element"), f"{at}/element", faults)


def _anything(_block: Block, _at: str, _faults: list[str]) -> None:
    """Blocks whose inside the sandbox does not judge."""


_RULES: dict[str, Callable[[Block, str, list[str]], None]] = {
    "section": _check_section,
    "header": _check_header,
    "markdown": _check_markdown,
    "context": _check_context,
    "actions": _check_actions,
    "context_actions": _check_context_actions,
    "table": _check_table,
    "image": _check_image,
    "rich_text": _check_rich_text,
    "input": _check_input,
    "divider": _anything,
    "file": _anything,
    "video": _anything,
    "plan": _anything,
    "task_card": _anything,
}

# ---------------------------------------------------------------------------------------------------- plain text


def pieces(text: str) -> list[str]:
    """A posted `text`, as Slack cuts it: up to 4,040 characters stay one message, more become several of 4,000."""
    text = text[:MOST_TEXT_KEPT]
    if len(text) <= MOST_TEXT_UNSPLIT:
        return [text]
    return [text[at : at + SPLIT] for at in range(0, len(text), SPLIT)]
