"""Slack's payloads and its way of writing text, as literal tables."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import events
from adapters.slack.events import Identity, Malformed
from bot.ports import Control, Deleted, Incoming, Person, Place, Pressed, Ref

ME = Identity("T1", "UBOT", "BBOT")
NAMES = {"U1": "Ada Lovelace", "U2": "Grace"}


def name_of(user: str) -> str:
    return NAMES.get(user, "")


def envelope(**event: Any) -> dict[str, Any]:
    defaults = {"user": "U1", "ts": "1766458026.240809", "channel": "C1", "text": "<@UBOT> why?"}
    return {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": "Ev1",
        "event": {**defaults, **event},
    }


def read(**event: Any) -> Any:
    return events.message(envelope(**event), ME, name_of)


# ---------------------------------------------------------------------------------------------------- messages


def test_a_mention_opens_a_thread_under_itself() -> None:
    """The answer goes in the thread of the question."""
    assert read(type="app_mention") == Incoming(
        key="slack:T1:C1:1766458026.240809",
        person=Person("U1", "Ada Lovelace"),
        text="why?",
        how="mention",
        place=Place("slack", "T1", "C1", thread="1766458026.240809"),
        scope="thread:C1:1766458026.240809",
        message=Ref("C1", "1766458026.240809"),
    )


def test_both_deliveries_of_a_mention_are_the_same_event() -> None:
    """`app_mention` and `message` of one message: whichever comes first, the core sees one key."""
    assert read(type="app_mention") == read(type="message", channel_type="channel")


@pytest.mark.parametrize(
    ("event", "how", "thread", "scope", "private"),
    [
        ({"type": "app_mention", "thread_ts": "1.0"}, "mention", "1.0", "thread:C1:1.0", False),
        ({"type": "message", "thread_ts": "1.0", "text": "and?"}, "overheard", "1.0", "thread:C1:1.0", False),
        (
            {"type": "message", "thread_ts": "1.0", "text": "x", "subtype": "thread_broadcast"},
            "overheard",
            "1.0",
            "thread:C1:1.0",
            False,
        ),
        ({"type": "message", "channel_type": "im", "channel": "D1", "text": "hi"}, "direct", "", "direct:D1", True),
        ({"type": "message", "channel": "D1", "text": "hi"}, "direct", "", "direct:D1", True),
        (
            {"type": "message", "channel_type": "im", "channel": "D1", "thread_ts": "1.0"},
            "direct",
            "1.0",
            "thread:D1:1.0",
            True,
        ),
        ({"type": "message", "subtype": "file_share"}, "mention", "1766458026.240809", "thread:C1:1766458026.240809", False),
        # A group's private channel is a channel like any other.
        ({"type": "message", "channel_type": "group", "channel": "G1"}, "mention", "1766458026.240809", "thread:G1:1766458026.240809", False),
        # The root of a thread, seen again.
        (
            {"type": "app_mention", "thread_ts": "1766458026.240809"},
            "mention",
            "1766458026.240809",
            "thread:C1:1766458026.240809",
            False,
        ),
    ],
)  # fmt: skip
def test_where_something_is_said_decides_where_the_answer_grows(
    event: dict[str, Any], how: str, thread: str, scope: str, private: bool
) -> None:
    """Scope and place by the kind of conversation."""
    incoming = read(**event)
    assert (incoming.how, incoming.place.thread, incoming.scope, incoming.place.private) == (
        how,
        thread,
        scope,
        private,
    )


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message", "text": "just talking"},  # nobody asked
        {"type": "message", "subtype": "message_changed", "hidden": True},
        {"type": "message", "subtype": "channel_join"},
        {"type": "message", "subtype": "bot_message"},
        {"type": "app_mention", "bot_id": "BOTHER"},  # another bot
        {"type": "message", "bot_id": "BBOT", "user": "UBOT"},  # ourselves
        {"type": "message", "user": "UBOT", "channel": "D1"},
        {"type": "message", "user": "USLACKBOT", "channel": "D1"},
        {"type": "app_mention", "bot_profile": {"id": "B2"}},
        {"type": "reaction_added"},
        {"type": "something_new"},
    ],
)
def test_what_is_not_said_to_the_bot_by_a_person_is_nothing(event: dict[str, Any]) -> None:
    """Bots, echoes, edits and chatter are never answered."""
    assert read(**event) is None


def test_a_deleted_message_is_told() -> None:
    """Also one of our own, which is why Bolt's filter of own events is off."""
    event = read(
        type="message",
        subtype="message_deleted",
        deleted_ts="1.5",
        previous_message={"user": "UBOT", "bot_id": "BBOT"},
    )
    assert event == Deleted(Ref("C1", "1.5"))


def test_a_root_that_becomes_a_tombstone_is_deleted_too() -> None:
    """What remains under it is a thread without its first message."""
    changed = {"subtype": "tombstone", "ts": "1.5", "text": "This message was deleted."}
    assert read(type="message", subtype="message_changed", message=changed) == Deleted(Ref("C1", "1.5"))
    assert read(type="message", subtype="message_changed", message={"ts": "1.5", "text": "x"}) is None


def test_a_hundred_kilobytes_pass() -> None:
    """How long is too long is the core's to say."""
    text = "x &amp; <@U2> " * 8_000
    assert read(type="app_mention", text=f"<@UBOT> {text}").text == ("x & @Grace " * 8_000).strip()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": None},
        {"event": []},
        {"event": "text"},
        {"event": {"type": "app_mention"}},
        {"event": {"type": "app_mention", "channel": "C1", "ts": 17.5, "user": "U1"}},
        {"event": {"type": "app_mention", "channel": "C1", "ts": "1.0", "user": {"id": "U1"}}},
        {"event": {"type": "message", "subtype": "message_deleted", "channel": "C1"}},
    ],
)
def test_a_malformed_event_says_which_field_and_nothing_else(body: dict[str, Any]) -> None:
    """What is logged of it is a field's name."""
    with pytest.raises(Malformed, match=r"^[a-z_]+$"):
        events.message(body, ME, name_of)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["type", "subtype", "channel", "ts", "user", "text", "thread_ts", "bot_id", "hidden", "deleted_ts", "channel_type"]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(["message", "app_mention", "C1", "1.0"]))
)
def test_no_payload_is_fatal(event: dict[str, Any]) -> None:
    """An event, nothing, or Malformed: never another exception."""
    try:
        result = events.message({"event": event}, ME, name_of)
    except Malformed:
        return
    assert result is None or isinstance(result, Incoming | Deleted)


# ---------------------------------------------------------------------------------------------------- commands, buttons

COMMAND = {
    "command": "/ask",
    "text": "why &lt;b&gt;?",
    "user_id": "U9",
    "user_name": "li*nus",
    "channel_id": "C1",
    "channel_name": "general",
    "team_id": "T1",
    "trigger_id": "1.2.abc",
    "response_url": "http://127.0.0.1/r",
}


def test_a_command_carries_the_question_to_announce() -> None:
    """Slack shows a typed command to nobody: the bot posts it in the asker's name, which is inert."""
    incoming = events.command(COMMAND, ME, name_of)
    assert incoming.announce == "**li\\*nus asks:** why &lt;b>?"
    assert (incoming.text, incoming.how) == ("why <b>?", "command")
    assert incoming.key.startswith("slack:command:")
    assert incoming.place == Place("slack", "T1", "C1")
    assert incoming.message is None


def test_a_command_pings_nobody() -> None:
    """Neither by its question nor by its asker's name; Slack itself escapes nothing in a command that is not asked to."""
    incoming = events.command({**COMMAND, "text": "<!channel> <@U2>", "user_name": "<!here>"}, ME, name_of)
    assert "<" not in incoming.announce


def test_each_command_is_a_conversation_of_its_own() -> None:
    """Two questions in one channel have nothing to do with each other."""
    first, second = (events.command({**COMMAND, "trigger_id": n}, ME, name_of) for n in ("1", "2"))
    assert first.scope != second.scope


def test_the_announced_question_is_short_and_the_asked_one_whole() -> None:
    """A 100 KB question shall not fill the channel."""
    question = "x" * 100_000
    incoming = events.command({**COMMAND, "text": question}, ME, name_of)
    assert incoming.text == question
    assert len(incoming.announce) < 3_100


def test_an_announced_block_keeps_its_own_lines() -> None:
    """A fence is only one at the beginning of a line."""
    incoming = events.command({**COMMAND, "text": "```\ncode\n```"}, ME, name_of)
    assert incoming.announce == "**li\\*nus asks:**\n\n```\ncode\n```"


def test_a_command_in_a_direct_message_stays_private() -> None:
    """Its channel is the DM."""
    incoming = events.command({**COMMAND, "channel_id": "D1", "channel_name": "directmessage"}, ME, name_of)
    assert incoming.place.private


PRESS = {
    "type": "block_actions",
    "user": {"id": "U1", "name": "ada"},
    "team": {"id": "T1"},
    "channel": {"id": "C1"},
    "container": {"message_ts": "1.2", "channel_id": "C1", "thread_ts": "1.0"},
    "message": {"ts": "1.2", "thread_ts": "1.0", "user": "UBOT", "bot_id": "BBOT"},
    "actions": [{"action_id": "inkstream:stop", "value": "r7", "type": "button"}],
}


def test_a_pressed_button_names_its_reply() -> None:
    """The value is the reply's id; the place is where it grows."""
    assert events.press(PRESS, ME, name_of) == Pressed(
        control=Control.STOP,
        reply="r7",
        person=Person("U1", "Ada Lovelace"),
        place=Place("slack", "T1", "C1", thread="1.0"),
        message=Ref("C1", "1.2"),
    )


def test_somebody_elses_button_is_nothing() -> None:
    """An older version's button, another block: acknowledged and ignored."""
    assert events.press({**PRESS, "actions": [{"action_id": "other", "value": "r7"}]}, ME, name_of) is None


@pytest.mark.parametrize("actions", [None, [], [None], "x", [{"action_id": "inkstream:stop"}]])
def test_a_malformed_press_is_malformed(actions: Any) -> None:
    with pytest.raises(Malformed):
        events.press({**PRESS, "actions": actions}, ME, name_of)
