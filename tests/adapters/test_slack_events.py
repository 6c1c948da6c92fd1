"""Slack's events, as literal tables: what is said, edited, deleted, and what a reaction says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import events
from adapters.slack.payloads import Identity, Malformed
from bot.ports import Attachment, Control, Deleted, Edited, Event, Incoming, Person, Place, Pressed, Ref

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
    """What comes of it; None for nothing."""
    found = events.read(envelope(**event), ME, name_of)
    assert len(found) <= 1
    return found[0] if found else None


# ---------------------------------------------------------------------------------------------------- messages


def test_a_mention_opens_a_thread_under_itself() -> None:
    """The answer goes in the thread of the question."""
    assert read(type="app_mention") == Incoming(
        key="slack:T1:C1:1766458026.240809",
        person=Person("U1", "Ada Lovelace"),
        text="why?",
        how="mention",
        place=Place("slack", "T1", "C1", thread="1766458026.240809", reply_to="1766458026.240809"),
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
        # Nobody asked: the core knows whether the channel is one in which it always answers.
        (
            {"type": "message", "text": "lunch?"},
            "overheard",
            "1766458026.240809",
            "thread:C1:1766458026.240809",
            False,
        ),
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
        {"type": "message", "text": "lunch?", "hidden": True},
        {"type": "message", "subtype": "channel_join"},
        {"type": "message", "subtype": "bot_message", "text": "not to us"},
        {"type": "message", "bot_id": "BOTHER", "text": "not to us"},
        {"type": "message", "bot_id": "BOTHER", "text": "in a thread", "thread_ts": "1.0"},
        {"type": "message", "bot_id": "BOTHER", "channel": "D1"},
        {"type": "app_mention", "bot_id": "BBOT", "user": "U1"},
        {"type": "app_mention", "user": "USLACKBOT"},
        {"type": "message", "bot_id": "BBOT", "user": "UBOT"},  # ourselves
        {"type": "message", "user": "UBOT", "channel": "D1"},
        {"type": "message", "user": "USLACKBOT", "channel": "D1"},
        {"type": "app_home_opened"},
        {"type": "something_new"},
    ],
)
def test_what_no_person_says_is_nothing(event: dict[str, Any]) -> None:
    """Bots, echoes, edits and chatter are never answered."""
    assert read(**event) is None


def test_an_agents_direct_message_begins_a_thread() -> None:
    """On Slack's agent surface each question is a conversation of its own, and its answer stands under it."""
    agent = Identity("T1", "UBOT", "BBOT", agent=True)
    for more, root, threaded in (
        ({}, "5.1", False),
        ({"thread_ts": "5.1"}, "5.1", False),
        ({"thread_ts": "1.0"}, "1.0", True),
    ):
        [asked] = events.read(envelope(type="message", channel="D1", ts="5.1", **more), agent, name_of)
        assert isinstance(asked, Incoming)
        assert (asked.place.thread, asked.scope, asked.threaded) == (root, f"thread:D1:{root}", threaded)


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


@pytest.mark.parametrize("kind", ["assistant_thread_started", "assistant_thread_context_changed"])
def test_a_chat_that_is_opened_is_no_message(kind: str) -> None:
    """Slack's older agent surface; nor are the root that Slack makes for it, and the root's new title."""
    thread = {"user_id": "U1", "channel_id": "D1", "thread_ts": "1.5", "context": {}}
    body = {"team_id": "T1", "event": {"type": kind, "assistant_thread": thread}}
    assert events.read(body, ME, name_of) == ()
    place = Place("slack", "T1", "D1", thread="1.5", private=True)
    expected = (place, Person("U1")) if kind == "assistant_thread_started" else None
    assert events.opened(body, ME) == expected
    root = {"subtype": "assistant_app_thread", "ts": "1.5", "text": "New chat", "bot_id": "BBOT"}
    assert read(type="message", channel="D1", **root) is None
    changed = {"message": {**root, "text": "Why?"}, "previous_message": root}
    assert read(type="message", channel="D1", subtype="message_changed", **changed) is None


@pytest.mark.parametrize(
    "thread", [None, [], {}, {"channel_id": 7}, {"channel_id": "D1", "thread_ts": "1.5"}]
)
def test_a_malformed_chat_says_which_field(thread: Any) -> None:
    with pytest.raises(Malformed, match=r"^[a-z_]+$"):
        events.opened({"event": {"type": "assistant_thread_started", "assistant_thread": thread}}, ME)


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
        {"event": {"type": "message", "subtype": "message_changed"}},
        {
            "event": {
                "type": "reaction_added",
                "reaction": "+1",
                "item_user": "UBOT",
                "item": {"type": "message"},
            }
        },
        {"event": {"type": "agent_session_stopped", "user": "U1"}},
        {"event": {"type": "agent_session_stopped", "channel": "D1", "user": "U1"}},
        {"event": {"type": "agent_session_stopped", "channel": "D1", "thread_ts": "1.0"}},
    ],
)
def test_a_malformed_event_says_which_field_and_nothing_else(body: dict[str, Any]) -> None:
    """What is logged of it is a field's name."""
    with pytest.raises(Malformed, match=r"^[a-z_]+$"):
        events.read(body, ME, name_of)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("aU1.<é", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("aU1.<é", max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ["type", "subtype", "channel", "ts", "user", "text", "thread_ts", "bot_id", "hidden", "deleted_ts", "channel_type", "message", "previous_message", "edited", "reaction", "item", "item_user", "streaming_message_ts", "files", "blocks", "bot_profile", "assistant_thread"]  # fmt: skip
WORDS = ["message", "app_mention", "reaction_added", "agent_session_stopped", "assistant_thread_started", "assistant_thread_context_changed", "message_changed", "C1", "1.0", "+1", "UBOT"]  # fmt: skip
VALUES = (
    JSON | st.sampled_from(WORDS) | st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(WORDS))
)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_no_payload_is_fatal(event: dict[str, Any]) -> None:
    """Events, or Malformed: never another exception."""
    try:
        found = events.read({"event": event}, ME, name_of)
        events.edit_key({"event": event})
        events.opened({"event": event}, ME)
    except Malformed:
        return
    assert all(isinstance(one, Event) for one in found)


# ---------------------------------------------------------------------------------------------------- bots, files


def test_a_bot_that_addresses_us_is_told_to_be_one() -> None:
    """Whether it is answered is the core's to say: two that answer each other never end."""
    asked = read(type="app_mention", bot_id="BOTHER", user="U5", bot_profile={"name": "deploys"})
    assert (asked.bot, asked.person) == (True, Person("U5", "deploys"))
    older = read(type="message", subtype="bot_message", bot_id="BOTHER", user=None, username="pager")
    assert (older.bot, older.person, older.how) == (True, Person("BOTHER", "pager"), "mention")
    assert not read(type="app_mention").bot


def test_files_come_along() -> None:
    """`file_share` is something said, with or without words (fault 23)."""
    shared = {
        "id": "F1",
        "name": "a.png",
        "mimetype": "image/png",
        "size": 7,
        "url_private_download": "https://files.slack.com/a",
    }
    said = read(
        type="message",
        subtype="file_share",
        text="",
        channel="D1",
        files=[shared, {"id": "F2", "mode": "tombstone"}],
    )
    assert said.files == (Attachment("F1", "a.png", "image/png", 7, "https://files.slack.com/a"),)
    only_named = {"id": "F3", "file_access": "check_file_info"}  # Slack Connect
    assert read(type="app_mention", files=[only_named]).files == (Attachment("F3", "F3", "", 0),)


@pytest.mark.parametrize(
    ("event", "threaded"),
    [
        ({"type": "app_mention"}, False),
        ({"type": "app_mention", "thread_ts": "1766458026.240809"}, False),
        ({"type": "app_mention", "thread_ts": "1.0"}, True),
        ({"type": "message", "thread_ts": "1.0", "text": "and?"}, True),
        ({"type": "message", "channel": "D1"}, False),
        ({"type": "message", "channel": "D1", "thread_ts": "1.0"}, True),
    ],
)
def test_only_what_stands_in_an_older_thread_has_a_history(event: dict[str, Any], threaded: bool) -> None:
    assert read(**event).threaded is threaded


# ---------------------------------------------------------------------------------------------------- edits

ASKED = {
    "user": "U1",
    "ts": "1.5",
    "text": "<@UBOT> why?",
    "blocks": [{"type": "rich_text", "block_id": "a1"}],
}
REWORDED = {**ASKED, "text": "<@UBOT> how?", "edited": {"user": "U1", "ts": "9.0"}}


def changed(after: Any, before: Any = ASKED, **more: Any) -> Any:
    return read(
        type="message",
        subtype="message_changed",
        hidden=True,
        user=None,
        text=None,
        ts="9.0",
        message=after,
        previous_message=before,
        **more,
    )


def test_a_reworded_message_is_an_edit() -> None:
    """With its new words, its place and its files."""
    edited = changed(REWORDED)
    assert isinstance(edited, Edited)
    assert (edited.message, edited.person) == (Ref("C1", "1.5"), Person("U1", "Ada Lovelace"))
    assert edited.place == Place("slack", "T1", "C1", thread="1.5", reply_to="1.5")
    assert edited.text == "how?"
    assert changed({**REWORDED, "thread_ts": "1.0"}).place.thread == "1.0"
    assert changed(REWORDED, channel="D1").place == Place("slack", "T1", "D1", reply_to="1.5", private=True)


@pytest.mark.parametrize(
    ("what", "after", "before"),
    [
        ("an unfurl", {**ASKED, "attachments": [{"from_url": "https://a.b"}]}, ASKED),
        ("an unfurl of an older edit", {**REWORDED, "attachments": [{}]}, REWORDED),
        ("a thread's counter", {**ASKED, "reply_count": 3, "latest_reply": "2.0"}, ASKED),
        ("a reaction, a pin", {**ASKED, "reactions": [], "pinned_to": ["C1"]}, ASKED),
        ("new block ids", {**ASKED, "blocks": [{"type": "rich_text", "block_id": "zz"}]}, ASKED),
        ("an edit of our own", {**REWORDED, "user": "UBOT", "bot_id": "BBOT"}, ASKED),
        ("an edit of our own without a user", {**REWORDED, "user": None, "bot_id": "BBOT"}, ASKED),
        ("another bot's edit", {**REWORDED, "bot_id": "BOTHER"}, ASKED),
        ("Slackbot's", {**REWORDED, "user": "USLACKBOT"}, ASKED),
        ("a hidden message", {**REWORDED, "hidden": True}, ASKED),
        ("a join", {**REWORDED, "subtype": "channel_join"}, ASKED),
        ("an older edit, and nothing of what was before", {**REWORDED, "edited": {"ts": "1.6"}}, None),
        ("nothing of what was before, and no edit", ASKED, None),
    ],
)
def test_what_nobody_reworded_is_no_edit(what: str, after: dict[str, Any], before: Any) -> None:
    """Taken for edits, they make a loop: fifty answers in eight seconds (fault 16)."""
    assert changed(after, before) is None, what


def test_an_edit_is_believed_where_only_its_time_is_told() -> None:
    """Slack tells what was before; a server like it may not."""
    assert isinstance(changed(REWORDED, None), Edited)


def test_a_change_of_the_blocks_alone_is_an_edit() -> None:
    """Text that became code reads otherwise, and its plain twin may be the same."""
    code = {**ASKED, "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_preformatted"}]}]}
    assert isinstance(changed(code), Edited)


def test_each_delivery_of_an_edit_has_the_same_key_and_each_edit_its_own() -> None:
    def key(**more: Any) -> str:
        return events.edit_key(envelope(message={**REWORDED, **more}))

    assert key() == key()
    assert key() != key(edited={"user": "U1", "ts": "10.0"})


# ---------------------------------------------------------------------------------------------------- signs

REACTION = {
    "type": "reaction_added",
    "user": "U1",
    "reaction": "octagonal_sign",
    "item_user": "UBOT",
    "item": {"type": "message", "channel": "C1", "ts": "1.2"},
}


@pytest.mark.parametrize(
    ("reaction", "control"),
    [
        ("octagonal_sign", Control.STOP),
        ("+1", Control.GOOD),
        ("thumbsup", Control.GOOD),
        ("+1::skin-tone-4", Control.GOOD),
        ("-1", Control.BAD),
        ("thumbsdown", Control.BAD),
    ],
)
def test_a_reaction_says_what_a_button_would(reaction: str, control: Control) -> None:
    """Slack does not tell the thread; the core knows whose message it is."""
    assert read(**{**REACTION, "reaction": reaction}) == Pressed(
        control, "", Person("U1", "Ada Lovelace"), Place("slack", "T1", "C1"), Ref("C1", "1.2")
    )


@pytest.mark.parametrize(
    "event",
    [
        {"reaction": "eyes"},
        {"reaction": ""},
        {"item_user": "U2"},  # somebody else's message
        {"item_user": None},
        {"user": "UBOT"},  # our own sign
        {"user": "USLACKBOT"},
        {"item": {"type": "file", "file": "F1"}},
        {"item": None},
        {"type": "reaction_removed"},
    ],
)
def test_other_reactions_say_nothing(event: dict[str, Any]) -> None:
    assert read(**{**REACTION, **event}) is None


def test_slacks_own_stop_button_stops_what_it_names() -> None:
    """Each stream; where Slack names none, what grows in the thread."""
    stopped = {"type": "agent_session_stopped", "channel": "D1", "thread_ts": "1.0", "user": "U1"}
    found = events.read(envelope(**stopped, streaming_message_ts=["1.1", "1.2", None]), ME, name_of)
    place = Place("slack", "T1", "D1", thread="1.0", private=True)
    assert found == tuple(
        Pressed(Control.STOP, "", Person("U1", "Ada Lovelace"), place, Ref("D1", ts)) for ts in ("1.1", "1.2")
    )
    nothings: list[Any] = [None, [], "1.1"]
    for nothing in nothings:
        [one] = events.read(envelope(**stopped, streaming_message_ts=nothing), ME, name_of)
        assert isinstance(one, Pressed)
        assert one.message == Ref("D1", "1.0")
