"""Presses, shortcuts and forms that were sent off, as literal tables."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import interactions
from adapters.slack.payloads import Identity, Malformed
from bot.ports import Attachment, Chosen, Control, Line, Person, Place, Pressed, Ref, Submitted, Wanted

ME = Identity("T1", "UBOT", "BBOT")
NAMES = {"U1": "Ada Lovelace", "U2": "Grace"}
ADA = Person("U1", "Ada Lovelace")


def name_of(user: str) -> str:
    return NAMES.get(user, "")


# ---------------------------------------------------------------------------------------------------- presses

PRESS: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "name": "ada"},
    "team": {"id": "T1"},
    "channel": {"id": "C1", "name": "general"},
    "container": {"message_ts": "1.2", "channel_id": "C1", "thread_ts": "1.0"},
    "message": {"ts": "1.2", "thread_ts": "1.0", "user": "UBOT", "bot_id": "BBOT"},
    "trigger_id": "1.2.abc",
    "actions": [{"action_id": "inkstream:stop", "value": "r7", "type": "button"}],
}


def press(**more: Any) -> Pressed | Chosen | None:
    return interactions.press({**PRESS, **more}, ME, name_of)


@pytest.mark.parametrize("control", list(Control))
def test_a_pressed_button_names_its_reply(control: Control) -> None:
    """The value is the reply's id, so that it works after a restart; the place is where it grows."""
    pressed = press(actions=[{"action_id": f"inkstream:{control}", "value": "r7", "type": "button"}])
    assert pressed == Pressed(control, "r7", ADA, Place("slack", "T1", "C1", thread="1.0"), Ref("C1", "1.2"))


@pytest.mark.parametrize(("value", "control"), [("good:r7", Control.GOOD), ("bad:r7", Control.BAD)])
def test_slacks_own_thumbs_name_it_too(value: str, control: Control) -> None:
    pressed = press(actions=[{"action_id": "inkstream:feedback", "value": value, "type": "feedback_buttons"}])
    assert isinstance(pressed, Pressed)
    assert (pressed.control, pressed.reply) == (control, "r7")


@pytest.mark.parametrize("action", ["other", "", "inkstream:unknown", "inkstream:feedback"])
def test_somebody_elses_button_is_nothing(action: str) -> None:
    """An older version's button, another block, a select in a form: acknowledged and ignored."""
    assert press(actions=[{"action_id": action, "value": "r7"}]) is None
    assert (
        press(actions=[{"action_id": action, "value": "r7"}], channel=None, message=None, container=None)
        is None
    )


def test_a_button_of_a_whisper_is_a_choice() -> None:
    """Slack sends no message with it, and its thread not always: the block id tells it."""
    action = {"action_id": "inkstream:button:forget", "block_id": "inkstream:in:1.0", "value": "forget"}
    container = {"message_ts": "5.0", "channel_id": "C1", "is_ephemeral": True}
    chosen = press(message=None, container=container, actions=[action])
    assert isinstance(chosen, Chosen)
    assert (chosen.button, chosen.person) == ("forget", ADA)
    assert chosen.place == Place("slack", "T1", "C1", thread="1.0")
    told = press(
        message=None, container={**container, "thread_ts": "1.0"}, actions=[action | {"block_id": "x"}]
    )
    assert isinstance(told, Chosen)
    assert told.place == chosen.place


def test_each_choice_has_a_key_and_its_deliveries_share_it() -> None:
    def key(**more: Any) -> str:
        action = {"action_id": "inkstream:button:a", "value": "a"}
        chosen = press(actions=[action], **more)
        assert isinstance(chosen, Chosen)
        return chosen.key

    assert key() == key()
    assert key() != key(trigger_id="3.4.def")
    assert key() != key(user={"id": "U2"})


def test_a_press_in_a_direct_message_stays_private() -> None:
    pressed = press(channel={"id": "D1", "name": "directmessage"})
    assert isinstance(pressed, Pressed)
    assert pressed.place.private


@pytest.mark.parametrize("actions", [None, [], [None], "x", [{"action_id": "inkstream:stop"}], [{"action_id": "inkstream:button:x"}]])  # fmt: skip
def test_a_malformed_press_is_malformed(actions: Any) -> None:
    with pytest.raises(Malformed):
        press(actions=actions)


@pytest.mark.parametrize("missing", [{"user": None}, {"user": {}}, {"channel": None, "container": None}, {"channel": None, "container": {}, "message": {}}])  # fmt: skip
def test_a_press_by_nobody_or_nowhere_is_malformed(missing: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match=r"^[a-z_]+$"):
        press(**missing)


# ---------------------------------------------------------------------------------------------------- shortcuts

SHORTCUT: dict[str, Any] = {
    "type": "message_action",
    "callback_id": "ask_message",
    "trigger_id": "1.2.abc",
    "user": {"id": "U1", "name": "ada"},
    "team": {"id": "T1"},
    "channel": {"id": "C1", "name": "general"},
    "message_ts": "1.2",
    "message": {
        "type": "message",
        "user": "U2",
        "ts": "1.2",
        "text": "see <https://a.b>",
        "files": [{"id": "F1", "name": "a.txt", "mimetype": "text/plain", "size": 3, "url_private": "https://files.slack.com/a"}],
    },
}  # fmt: skip


def shortcut(**more: Any) -> Wanted | None:
    return interactions.shortcut({**SHORTCUT, **more}, ME, name_of)


def test_a_message_shortcut_is_about_its_message() -> None:
    """With its words and files; the answer opens a thread under it."""
    wanted = shortcut()
    assert isinstance(wanted, Wanted)
    files = (Attachment("F1", "a.txt", "text/plain", 3, "https://files.slack.com/a"),)
    assert wanted.about == Line(Ref("C1", "1.2"), Person("U2", "Grace"), "see https://a.b", files=files)
    assert (wanted.what, wanted.person) == ("ask", ADA)
    assert (wanted.place, wanted.scope) == (Place("slack", "T1", "C1", thread="1.2"), "thread:C1:1.2")


def test_a_thread_is_summarized_where_it_stands() -> None:
    """A reply's thread is the thread; in a DM people talk at top level."""
    message = {**SHORTCUT["message"], "thread_ts": "1.0"}
    wanted = shortcut(callback_id="summarize_thread", message=message)
    assert isinstance(wanted, Wanted)
    assert (wanted.what, wanted.place.thread, wanted.scope) == ("summarize", "1.0", "thread:C1:1.0")
    direct = shortcut(channel={"id": "D1", "name": "directmessage"})
    assert isinstance(direct, Wanted)
    assert (direct.place, direct.scope) == (Place("slack", "T1", "D1", private=True), "direct:D1")


def test_a_message_without_words_can_be_asked_about_too() -> None:
    wanted = shortcut(message={"user": "U2", "ts": "1.2"})
    assert isinstance(wanted, Wanted)
    assert wanted.about == Line(Ref("C1", "1.2"), Person("U2"), "")


@pytest.mark.parametrize("more", [{"callback_id": "other"}, {"type": "shortcut"}, {"callback_id": None}])
def test_somebody_elses_shortcut_is_nothing(more: dict[str, Any]) -> None:
    assert shortcut(**more) is None


@pytest.mark.parametrize(
    "more",
    [
        {"message": None},
        {"message": {}, "message_ts": None},
        {"channel": None},
        {"channel": {}},
        {"user": None},
    ],
)
def test_a_malformed_shortcut_is_malformed(more: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match=r"^[a-z_]+$"):
        shortcut(**more)


# ---------------------------------------------------------------------------------------------------- forms

KEPT = {"team": "T1", "channel": "C1", "thread": "1.0", "private": False, "route": "abc"}
FORM: dict[str, Any] = {
    "type": "view_submission",
    "user": {"id": "U1", "name": "ada"},
    "team": {"id": "T1"},
    "trigger_id": "1.2.abc",
    "view": {
        "id": "V1",
        "hash": "h1",
        "callback_id": "inkstream:panel:settings:C1",
        "private_metadata": json.dumps(KEPT),
        "state": {
            "values": {
                "question": {"value": {"type": "plain_text_input", "value": "why?"}},
                "nothing": {"value": {"type": "plain_text_input", "value": None}},
                "model": {"value": {"type": "static_select", "selected_option": {"value": "=opus"}}},
                "none": {"value": {"type": "static_select", "selected_option": None}},
                "plain": {"value": {"type": "static_select", "selected_option": {"value": "="}}},
                "tools": {"value": {"type": "multi_static_select", "selected_options": [{"value": "=a"}, {"value": "=b"}]}},
                "people": {"value": {"type": "multi_users_select", "selected_users": ["U1", "U2"]}},
                "nobody": {"value": {"type": "multi_users_select", "selected_users": []}},
            }
        },
    },
}  # fmt: skip


def test_a_form_brings_what_was_filled_in_and_where_it_was_opened() -> None:
    """Every field that it had: an empty one as well, or nothing could be taken away."""
    sent = interactions.submission(FORM, name_of)
    assert isinstance(sent, Submitted)
    assert (sent.panel, sent.person) == ("settings:C1", ADA)
    assert sent.place == Place("slack", "T1", "C1", thread="1.0", route="abc")
    assert sent.values == {
        "question": ("why?",),
        "nothing": (),
        "model": ("opus",),
        "none": (),
        "plain": ("",),
        "tools": ("a", "b"),
        "people": ("U1", "U2"),
        "nobody": (),
    }


def test_somebody_elses_form_is_nothing() -> None:
    assert (
        interactions.submission({**FORM, "view": {**FORM["view"], "callback_id": "other"}}, name_of) is None
    )


@pytest.mark.parametrize("kept", [None, "", "x", "[]", "7", '"C1"'])
def test_a_form_that_forgot_its_place_is_malformed(kept: Any) -> None:
    with pytest.raises(Malformed, match="private_metadata"):
        interactions.submission({**FORM, "view": {**FORM["view"], "private_metadata": kept}}, name_of)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("aU1.<é", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("aU1.<é", max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from([PRESS, SHORTCUT, FORM]), st.data())
def test_no_payload_is_fatal(payload: dict[str, Any], data: st.DataObject) -> None:
    """Whatever stands in a field, and in a field of a field: an event, nothing, or Malformed."""
    field = data.draw(st.sampled_from(sorted(payload)))
    odd = dict(payload)
    if isinstance(odd[field], dict) and data.draw(st.booleans()):
        inner = data.draw(st.sampled_from(sorted(odd[field])))
        odd[field] = {**odd[field], inner: data.draw(JSON)}
    else:
        odd[field] = data.draw(JSON)
    for reads in (press_of, shortcut_of, form_of):
        with suppress(Malformed):
            reads(odd)


def press_of(body: dict[str, Any]) -> object:
    return interactions.press(body, ME, name_of)


def shortcut_of(body: dict[str, Any]) -> object:
    return interactions.shortcut(body, ME, name_of)


def form_of(body: dict[str, Any]) -> object:
    return interactions.submission(body, name_of)
