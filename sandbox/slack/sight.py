"""What a viewer sees of blocks, and what can be pressed. Law: only blocks that check_blocks has passed come here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.slack.blocks import Block


@dataclass(frozen=True, slots=True)
class Control:
    """Something under a message that a person can press."""

    id: str
    label: str
    style: str
    block_id: str
    action: Mapping[str, Any]  # what `actions[0]` of the payload holds
    confirm: Mapping[str, str] | None = None  # the dialog that Slack's client shows first

    def as_json(self) -> dict[str, Any]:
        asks = {} if self.confirm is None else {"confirm": dict(self.confirm)}
        return {"id": self.id, "label": self.label, "style": self.style, **asks}


def seen(text: str, blocks: Sequence[Block] | None) -> str:
    """The source of what a viewer sees: the blocks where there are any, else the text."""
    if not blocks:
        return text
    parts = [part for part in (_seen(block) for block in blocks) if part]
    return (
        "\n\n".join(parts)
        if parts or any(b["type"] in ("actions", "context_actions") for b in blocks)
        else text
    )


def markup(blocks: Sequence[Block] | None) -> str:
    """The markup of `seen`: slack-markdown where the message has a markdown block, else slack-mrkdwn."""
    return "slack-markdown" if any(block["type"] == "markdown" for block in blocks or ()) else "slack-mrkdwn"


def _seen(block: Block) -> str:
    kind = block["type"]
    if kind == "markdown":
        return str(block["text"])
    if kind in ("section", "header"):
        texts = [block["text"]["text"]] if "text" in block else []
        return "\n".join([*texts, *(str(one["text"]) for one in block.get("fields") or ())])
    if kind == "context":
        return " ".join(str(one.get("text") or one.get("alt_text") or "") for one in block["elements"])
    if kind == "divider":
        return "---"
    if kind == "image":
        return str(block["alt_text"])
    if kind == "rich_text":
        return _plain(block)
    if kind == "table":
        return "\n".join("| " + " | ".join(_plain(cell) for cell in row) + " |" for row in block["rows"])
    return ""


def _plain(item: object) -> str:
    if isinstance(item, list):
        return "".join(map(_plain, item))
    if not isinstance(item, dict):
        return ""
    kind = item.get("type")
    if kind == "user":
        return f"<@{item.get('user_id', '')}>"
    if kind == "broadcast":
        return f"<!{item.get('range', '')}>"
    if kind == "link":
        return str(item.get("text") or item.get("url") or "")
    if isinstance(item.get("text"), str):
        return str(item["text"])
    return _plain(item.get("elements", []))


def controls(blocks: Sequence[Block] | None) -> list[Control]:
    """What can be pressed, in order. The id is the action id, made unique by the block's where two are alike."""
    found: list[Control] = []
    for block in blocks or ():
        elements = (
            list(block.get("elements") or ()) if block["type"] in ("actions", "context_actions") else []
        )
        if isinstance(block.get("accessory"), dict):
            elements.append(block["accessory"])
        for element in elements:
            for control in _pressable(element, str(block.get("block_id", ""))):
                twin = any(other.id == control.id for other in found)
                name = f"{control.block_id}/{control.id}" if twin else control.id
                found.append(replace(control, id=name))
    return found


def _pressable(element: Block, block_id: str) -> Iterator[Control]:
    action_id = str(element.get("action_id") or "")
    action = {"action_id": action_id, "block_id": block_id, "type": element["type"]}
    if element["type"] == "button":
        action |= {"text": element["text"]} | ({"value": element["value"]} if "value" in element else {})
        label, style = str(element["text"]["text"]), str(element.get("style", ""))
        yield Control(action_id, label, style, block_id, action, _dialog(element.get("confirm")))
    elif element["type"] == "icon_button":
        action |= {"icon": element["icon"]} | ({"value": element["value"]} if "value" in element else {})
        yield Control(action_id, str(element["text"]["text"]), "", block_id, action)
    elif element["type"] == "feedback_buttons":
        for side in ("positive_button", "negative_button"):
            button = element[side]
            label, value = str(button["text"]["text"]), str(button.get("value", ""))
            name = f"{action_id}={value}"
            yield Control(name, label, "", block_id, {**action, "value": value, "text": button["text"]})


def _dialog(confirm: Any) -> dict[str, str] | None:
    """{"title", "text", "confirm", "deny", "style"} of a confirmation dialog."""
    if confirm is None:
        return None
    words = {name: str(confirm[name]["text"]) for name in ("title", "text", "confirm", "deny")}
    return {**words, "style": str(confirm.get("style") or "primary")}
