"""Views: what Slack takes for one, and what a person can fill in. Law: a form that Slack would refuse is refused, with a
pointer to what is wrong, and a person can send only what the form lets them.

Figures: docs.slack.dev reference/views and reference/block-kit: a view has up to 100 blocks, a title, submit and close
of up to 24 characters; an option's text has 75 and its value 150; a select has up to 100 options; a text input 3,000.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.slack import blocks as kit
from sandbox.slack.refusals import MisusedError, SlackError

MOST_BLOCKS = 100
MOST_OPTIONS = 100
MOST_PRIVATE_METADATA = 3_000
MOST_CALLBACK = 255
MOST_TEXT = 3_000
MESSAGES_ONLY = frozenset({"markdown", "context_actions", "table", "task_card", "plan"})
"""Blocks that docs.slack.dev lists for messages and for no other surface."""

Element = Mapping[str, Any]


# ------------------------------------------------------------------------------------------------ what Slack takes


def checked_view(view: object, kind: str) -> dict[str, Any]:
    """Raises SlackError("invalid_arguments") with what is wrong."""
    if not isinstance(view, dict) or view.get("type") != kind:
        raise SlackError("invalid_arguments", [f"must be of type {kind} [json-pointer:/view/type]"])
    wrong: list[str] = []
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        wrong.append("missing required field: blocks [json-pointer:/view]")
        blocks = []
    elif len(blocks) > MOST_BLOCKS:
        wrong.append(f"no more than {MOST_BLOCKS} items allowed [json-pointer:/view/blocks]")
    for name, most in (("private_metadata", MOST_PRIVATE_METADATA), ("callback_id", MOST_CALLBACK)):
        if len(str(view.get(name) or "")) > most:
            wrong.append(f"must be less than {most + 1} characters [json-pointer:/view/{name}]")
    for name in ("title", "submit", "close") if kind == "modal" else ():
        label = view.get(name)
        needed = name == "title" or (name == "submit" and any(one.get("type") == "input" for one in blocks))
        if label is None and not needed:
            continue
        if not isinstance(label, dict) or not 1 <= len(str(label.get("text") or "")) <= 24:
            wrong.append(f"must be 1 to 24 characters [json-pointer:/view/{name}]")
    for number, block in enumerate(blocks):
        _check_block(block, f"/view/blocks/{number}", wrong)
    ids = [str(block["block_id"]) for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        wrong.append("`block_id` must be unique [json-pointer:/view/blocks]")
    if wrong:
        raise SlackError("invalid_arguments", wrong)
    return view


def _check_block(block: dict[str, Any], at: str, wrong: list[str]) -> None:
    if block.get("type") in MESSAGES_ONLY:
        wrong.append(f"unsupported type: {block['type']} [json-pointer:{at}/type]")
        return
    kit.check_block(block, at, wrong)
    element = block.get("element")
    if block.get("type") == "input" and isinstance(element, dict):
        _check_element(element, f"{at}/element", wrong)


def _check_element(element: Element, at: str, wrong: list[str]) -> None:
    if not element.get("action_id"):
        wrong.append(f"missing required field: action_id [json-pointer:{at}]")
    kind = str(element.get("type"))
    if kind == "plain_text_input":
        most = element.get("max_length", MOST_TEXT)
        if not isinstance(most, int) or not 1 <= most <= MOST_TEXT:
            wrong.append(f"must be 1 to {MOST_TEXT} [json-pointer:{at}/max_length]")
        elif len(str(element.get("initial_value") or "")) > most:
            wrong.append(f"must be less than {most + 1} characters [json-pointer:{at}/initial_value]")
    elif kind in ("static_select", "multi_static_select", "radio_buttons", "checkboxes"):
        _check_options(element, at, wrong)
    elif kind == "multi_users_select" and not all(
        str(one).startswith(("U", "W")) for one in element.get("initial_users") or ()
    ):
        wrong.append(f"invalid user id [json-pointer:{at}/initial_users]")  # guessed: ids are looked up


def _check_options(element: Element, at: str, wrong: list[str]) -> None:
    options = element.get("options")
    if not isinstance(options, list) or not options:
        wrong.append(f"missing required field: options [json-pointer:{at}]")
        return
    if len(options) > MOST_OPTIONS:
        wrong.append(f"no more than {MOST_OPTIONS} items allowed [json-pointer:{at}/options]")
    for number, option in enumerate(options):
        text = option.get("text") if isinstance(option, dict) else None
        words = str(text.get("text") or "") if isinstance(text, dict) else ""
        value = str(option.get("value") or "") if isinstance(option, dict) else ""
        if not 1 <= len(words) <= 75 or not 1 <= len(value) <= 150:
            wrong.append(f"text of 1 to 75, value of 1 to 150 [json-pointer:{at}/options/{number}]")
    initial = element.get("initial_option")
    chosen = [initial] if initial is not None else element.get("initial_options", [])
    if not isinstance(chosen, list) or any(one not in options for one in chosen):
        wrong.append(f"initial options must be among the options [json-pointer:{at}]")
    elif "initial_options" in element and not chosen:
        wrong.append(f"no fewer than 1 item allowed [json-pointer:{at}/initial_options]")


def checked_errors(view: Mapping[str, Any], errors: object) -> dict[str, str]:
    """What an acknowledgement may say of a modal's fields (docs.slack.dev, surfaces/modals, "Displaying errors": the keys
    are the block ids of inputs). Raises SlackError where a client would say that it had trouble connecting.
    """
    inputs = {str(block.get("block_id")) for block in view["blocks"] if block["type"] == "input"}
    told = errors if isinstance(errors, dict) else {}
    if not told or not all(name in inputs and isinstance(one, str) and one for name, one in told.items()):
        raise SlackError("invalid_response")
    return dict(told)


# ------------------------------------------------------------------------------------------------ filling in


def filled(
    view: Mapping[str, Any],
    values: Mapping[str, str | Sequence[str]],
    stands: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`state.values` when a person has filled in `values` (by block id) and left the rest as it was: as it `stands` in a
    form that was sent off and has stayed open.

    Options are named by what a person reads, or by their value. Raises MisusedError where the form would not let them.
    """
    inputs = {str(block.get("block_id")): block for block in view["blocks"] if block["type"] == "input"}
    for name in values:
        if name not in inputs:
            raise MisusedError(f"the form has no field {name!r}; there are: {', '.join(inputs) or 'none'}")
    state: dict[str, Any] = {}
    for name, block in inputs.items():
        element = block["element"]
        action = str(element["action_id"])
        left = (stands or {}).get(name, {}).get(action) or _initial(element)
        told = _told(element, values[name]) if name in values else left
        empty = not any(value for key, value in told.items() if key != "type")
        if empty and not block.get("optional"):
            raise MisusedError(f"the field {name!r} has to be filled in")
        state[name] = {action: told}
    return state


def _initial(element: Element) -> dict[str, Any]:
    kind = str(element["type"])
    if kind in ("static_select", "radio_buttons"):
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in ("multi_static_select", "checkboxes"):
        return {"type": kind, "selected_options": list(element.get("initial_options") or ())}
    if kind == "multi_users_select":
        return {"type": kind, "selected_users": list(element.get("initial_users") or ())}
    return {"type": kind, "value": element.get("initial_value")}


def _told(element: Element, given: str | Sequence[str]) -> dict[str, Any]:
    kind = str(element["type"])
    several = [given] if isinstance(given, str) else list(given)
    if kind in ("static_select", "radio_buttons"):
        return {"type": kind, "selected_option": _option(element, several[0]) if several else None}
    if kind in ("multi_static_select", "checkboxes"):
        return {"type": kind, "selected_options": [_option(element, one) for one in several]}
    if kind == "multi_users_select":
        return {"type": kind, "selected_users": several}
    text = "".join(several)
    most = int(element.get("max_length", MOST_TEXT))
    if len(text) > most:
        raise MisusedError(f"a person can type at most {most} characters there")
    return {"type": kind, "value": text or None}


def _option(element: Element, name: str) -> dict[str, Any]:
    for option in element["options"]:
        if name in (option["text"]["text"], option["value"]):
            return dict(option)
    offered = ", ".join(str(option["text"]["text"]) for option in element["options"])
    raise MisusedError(f"there is no {name!r} to choose; there are: {offered}")
