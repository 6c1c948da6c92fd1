"""What we send: nobody pinged, nothing unfurled, every field said each time."""

from __future__ import annotations

import pytest

from adapters.discord import outbound
from adapters.discord.outbound import control_of
from bot.ports import Content, Control


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
