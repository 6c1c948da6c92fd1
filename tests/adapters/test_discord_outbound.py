"""What we send: nobody pinged, nothing unfurled, every field said each time."""

from __future__ import annotations

import pytest

from adapters.discord import outbound
from adapters.discord.outbound import control_of
from bot.ports import Button, Content, Control


def test_a_first_page_points_at_the_question_and_can_be_repeated_safely() -> None:
    """The nonce makes a repeated post one message; a deleted question does not stop the answer."""
    body = outbound.create(Content("text", (Control.STOP,), "r1"), key="k1", reply_to="20", channel="10")
    assert body == {
        "content": "text",
        "allowed_mentions": {"parse": [], "replied_user": False},
        "flags": 4,
        "components": [
            {
                "type": 1,
                "components": [{"type": 2, "style": 2, "label": "Stop", "custom_id": "inkstream:stop:r1"}],
            }
        ],
        "nonce": "k1",
        "enforce_nonce": True,
        "message_reference": {"message_id": "20", "channel_id": "10", "fail_if_not_exists": False},
    }


def test_an_edit_says_that_nobody_is_pinged_and_which_buttons_there_are() -> None:
    """An edit that is silent about mentions is parsed anew with all of them; one silent about buttons keeps them."""
    assert outbound.edit(Content("text")) == {
        "content": "text",
        "allowed_mentions": {"parse": [], "replied_user": False},
        "flags": 4,
        "components": [],
    }


def test_a_whisper_is_for_one_person() -> None:
    """The ephemeral flag is what makes it so."""
    assert outbound.whisper("no")["flags"] & 64


@pytest.mark.parametrize("reply", ["r1", "with:colons", ""])
def test_a_button_is_read_back_as_it_was_written(reply: str) -> None:
    """Round trip of every control."""
    for control in Control:
        row = outbound.components(Content("x", (control,), reply))[0]
        assert control_of(row["components"][0]["custom_id"]) == (control, reply)


def test_an_answer_rings_for_whom_it_replies_to_if_that_is_said() -> None:
    """Once, when it is posted."""
    asked = outbound.create(Content("text"), reply_to="20", channel="10", ring=True)
    assert asked["allowed_mentions"] == {"parse": [], "replied_user": True}
    assert outbound.create(Content("text"))["allowed_mentions"] == outbound.NONE_PINGED
    assert outbound.NONE_PINGED == {"parse": [], "replied_user": False}


def test_one_person_is_named_and_nobody_else() -> None:
    """The mention stands in front; the allowance is for that one id."""
    body = outbound.create(Content("ready, <@5> @everyone", ping="7"))
    assert body["content"] == "<@7> ready, <@5> @everyone"
    assert body["allowed_mentions"] == {"parse": [], "replied_user": False, "users": ["7"]}


@pytest.mark.parametrize("content", [Content("x" * 1995, ping="1234567"), Content("x", ping="here")])
def test_a_ping_never_costs_the_text(content: Content) -> None:
    """Too long with it, or no id: said without."""
    body = outbound.edit(content)
    assert body["content"] == content.text
    assert body["allowed_mentions"] == outbound.NONE_PINGED


def test_buttons_stand_in_rows_of_five_under_their_labels() -> None:
    """80 characters are the most; without a label, what it is."""
    every = tuple(Control)
    rows = outbound.components(Content("x", every, "r1", ("Halt", "", "x" * 100)))
    assert [len(row["components"]) for row in rows] == [5, 2]
    labels = [one["label"] for row in rows for one in row["components"]]
    assert labels == ["Halt", "Regenerate", "x" * 80, "Good", "Bad", "File", "Delete"]


def test_the_buttons_of_a_whisper_are_read_back_as_they_were_written() -> None:
    """And at most 25 of them are shown."""
    buttons = [Button(f"settings:{n}", f"Label {n}", "danger") for n in range(30)]
    rows = outbound.whisper("where?", buttons)["components"]
    shown = [one for row in rows for one in row["components"]]
    assert [outbound.chosen(one["custom_id"]) for one in shown] == [f"settings:{n}" for n in range(25)]
    assert {one["style"] for one in shown} == {4}
    assert outbound.chosen("inkstream:stop:r1") is None
    assert outbound.control_of(shown[0]["custom_id"]) is None
