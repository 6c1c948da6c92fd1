"""Forms on the sandbox's Slack: what Slack takes for one, and what a person can send."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.forms import checked_errors, checked_view, filled
from sandbox.slack.refusals import MisusedError, SlackError


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def options(*names: str) -> list[dict[str, Any]]:
    return [{"text": plain(name), "value": name.lower()} for name in names]


def field(name: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": name,
        "label": plain(name),
        "element": {"action_id": "v", **element},
        **more,
    }


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("Title"), "submit": plain("Send"), "blocks": list(blocks), **more}


TEXT = {"type": "plain_text_input"}
COLOURS = {"type": "static_select", "options": options("Red", "Green")}
TOOLS = {"type": "multi_static_select", "options": options("A", "B", "C"), "initial_options": options("A")}


def test_a_form_of_every_field_is_taken() -> None:
    form = modal(
        {"type": "header", "text": plain("Header")},
        field("text", {**TEXT, "initial_value": "x", "max_length": 5}),
        field("colour", {**COLOURS, "initial_option": options("Red")[0]}),
        field("tools", TOOLS, hint=plain("any"), optional=True),
        field("people", {"type": "multi_users_select", "initial_users": ["U1"]}),
    )
    assert checked_view(form, "modal") is form


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        (modal(field("a", TEXT), submit=None), "/view/submit"),
        (modal(title=plain("x" * 25)), "/view/title"),
        (modal(callback_id="x" * 256), "/view/callback_id"),
        (modal(private_metadata="x" * 3_001), "/view/private_metadata"),
        (modal(*[{"type": "divider"}] * 101), "/view/blocks"),
        (modal(field("a", TEXT), field("a", TEXT)), "/view/blocks"),
        (modal({"type": "markdown", "text": "**no**"}), "/view/blocks/0/type"),
        (modal({"type": "header", "text": plain("x" * 151)}), "/view/blocks/0/text"),
        (modal(field("a", {**TEXT, "max_length": 3_001})), "/element/max_length"),
        (modal(field("a", {**TEXT, "max_length": 2, "initial_value": "xxx"})), "/element/initial_value"),
        (modal(field("a", {**COLOURS, "options": []})), "/element"),
        (modal(field("a", {**COLOURS, "options": options(*map(str, range(101)))})), "/element/options"),
        (modal(field("a", {**COLOURS, "options": [{"text": plain("x"), "value": ""}]})), "/options/0"),
        (modal(field("a", {**COLOURS, "options": [{"text": plain("x" * 76), "value": "x"}]})), "/options/0"),
        (modal(field("a", {**COLOURS, "initial_option": options("Blue")[0]})), "/element"),
        (modal(field("a", {**TOOLS, "initial_options": []})), "/initial_options"),
        (modal(field("a", {"type": "plain_text_input", "action_id": ""})), "/element"),
        (modal(field("a", {"type": "multi_users_select", "initial_users": ["B1"]})), "/initial_users"),
    ],
)
def test_what_slack_would_refuse_is_refused(form: dict[str, Any], pointer: str) -> None:
    """With a pointer to what is wrong."""
    with pytest.raises(SlackError) as refused:
        checked_view(form, "modal")
    assert refused.value.code == "invalid_arguments"
    assert pointer in str(refused.value.as_json())


FORM = modal(
    field("text", {**TEXT, "max_length": 5, "initial_value": "old"}, optional=True),
    field("colour", {**COLOURS, "initial_option": options("Red")[0]}),
    field("tools", TOOLS, optional=True),
    field("people", {"type": "multi_users_select"}, optional=True),
)


def test_what_nobody_touches_stays_as_it_was() -> None:
    assert filled(FORM, {}) == {
        "text": {"v": {"type": "plain_text_input", "value": "old"}},
        "colour": {"v": {"type": "static_select", "selected_option": options("Red")[0]}},
        "tools": {"v": {"type": "multi_static_select", "selected_options": options("A")}},
        "people": {"v": {"type": "multi_users_select", "selected_users": []}},
    }


def test_what_was_typed_into_a_form_that_stayed_open_stands_there_still() -> None:
    """Whoever mends one field need not fill in the others again, nor lose what they emptied."""
    before = filled(FORM, {"text": "", "colour": "Green"})
    after = filled(FORM, {"tools": ["C"]}, before)
    assert after["text"]["v"]["value"] is None
    assert after["colour"]["v"]["selected_option"] == options("Green")[0]
    assert after["tools"]["v"]["selected_options"] == options("C")


def test_mistakes_are_told_of_fields_that_the_form_has() -> None:
    assert checked_errors(FORM, {"text": "Too short.", "tools": "None."}) == {
        "text": "Too short.",
        "tools": "None.",
    }


@pytest.mark.parametrize(
    "errors", [None, {}, [], "text", {"unknown": "x"}, {"text": ""}, {"text": None}, {"text": "x", "": "y"}]
)
def test_mistakes_that_a_client_could_show_nowhere_are_trouble(errors: object) -> None:
    with pytest.raises(SlackError, match="invalid_response"):
        checked_errors(FORM, errors)


def test_a_person_fills_in_what_they_read() -> None:
    """Options by their words, or by their values; an emptied text is none."""
    state = filled(FORM, {"text": "", "colour": "Green", "tools": ["B", "c"], "people": ["U1", "U2"]})
    assert state == {
        "text": {"v": {"type": "plain_text_input", "value": None}},
        "colour": {"v": {"type": "static_select", "selected_option": options("Green")[0]}},
        "tools": {"v": {"type": "multi_static_select", "selected_options": options("B", "C")}},
        "people": {"v": {"type": "multi_users_select", "selected_users": ["U1", "U2"]}},
    }


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"unknown": "x"}, "no field"),
        ({"text": "too long"}, "at most 5"),
        ({"colour": "Blue"}, "to choose"),
        ({"colour": []}, "has to be filled in"),
    ],
)
def test_a_person_cannot_send_what_the_form_does_not_let_them(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MisusedError, match=sentence):
        filled(FORM, values)
