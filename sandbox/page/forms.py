"""The forms that people have before them, alike on both platforms. Law: a form is shown as the server holds it, no more.

A form: {"platform", "id", "person", "title", "submit", "close", "fields", "errors"}. A field that asks has an `id`, and
a `kind`: "line", "lines" (typed), "choice", "choices", "people" (picked); one that tells has "title", "words" or "rule".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.page.markdown import slack_html

Form = dict[str, Any]

_SELECTS = {
    "static_select": "choice",
    "radio_buttons": "choice",
    "multi_static_select": "choices",
    "checkboxes": "choices",
    "multi_users_select": "people",
}


def slack_forms(
    views: Iterable[Mapping[str, Any]], errors: Mapping[str, Mapping[str, str]], names: Mapping[str, str]
) -> list[Form]:
    """Of each person the modal on top; `errors`: view -> block -> what is wrong."""
    top = {view["person"]: view for view in views if view["body"]["type"] == "modal"}
    return [
        {
            "platform": "slack",
            "id": view["id"],
            "person": person,
            "title": _text(view["body"].get("title")),
            "submit": _text(view["body"].get("submit")),
            "close": _text(view["body"].get("close")) or "Cancel",
            "fields": [field for block in view["body"]["blocks"] for field in _fields(block, names)],
            "errors": dict(errors.get(view["id"], {})),
        }
        for person, view in top.items()
    ]


def _fields(block: Mapping[str, Any], names: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    kind = block["type"]
    if kind == "divider":
        yield {"kind": "rule"}
    elif kind == "header":
        yield {"kind": "title", "text": _text(block["text"])}
    elif kind in ("section", "context"):
        parts = [block.get("text"), *(block.get("fields") or ()), *(block.get("elements") or ())]
        words = "\n".join(_text(part) for part in parts if part)
        yield {"kind": "words", "html": slack_html(words, "slack-mrkdwn", names=names)}
    elif kind == "input":
        yield {
            "id": str(block["block_id"]),
            "label": _text(block["label"]),
            "hint": _text(block.get("hint")),
            "optional": bool(block.get("optional")),
            **_element(block["element"]),
        }


def _element(element: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(element["type"])
    if kind not in _SELECTS:
        return {
            "kind": "lines" if element.get("multiline") else "line",
            "values": [value] if (value := element.get("initial_value")) else [],
            "most": element.get("max_length") or 3_000,
            "placeholder": _text(element.get("placeholder")),
        }
    one = element.get("initial_option")
    chosen = [one] if one else element.get("initial_options") or []
    return {
        "kind": _SELECTS[kind],
        "values": list(element.get("initial_users") or ()) or [option["value"] for option in chosen],
        "options": [
            {"value": option["value"], "label": _text(option["text"])}
            for option in element.get("options") or ()
        ],
    }


def discord_forms(
    people: Iterable[Mapping[str, Any]], modals: Callable[[str], Iterable[Mapping[str, Any]]]
) -> list[Form]:
    """Of each person the form that was opened last."""
    found = []
    for person in people:
        opened = list(modals(str(person["id"])))
        if opened:
            found.append(_modal(str(person["id"]), opened[-1]))
    return found


def _modal(person: str, modal: Mapping[str, Any]) -> Form:
    return {
        "platform": "discord",
        "id": modal["id"],
        "person": person,
        "title": modal["title"],
        "submit": "Submit",
        "close": "Cancel",
        "fields": [
            {
                "id": field["custom_id"],
                "label": field["label"] or "",
                "hint": "",
                "optional": not field.get("required", True),
                "kind": "lines" if field.get("style") == 2 else "line",
                "values": [field["value"]] if field.get("value") else [],
                "most": field.get("max_length") or 4_000,
                "placeholder": field.get("placeholder") or "",
            }
            for field in modal["fields"]
        ],
        "errors": {},
    }


def _text(text: Mapping[str, Any] | None) -> str:
    return str(text.get("text") or "") if text else ""
