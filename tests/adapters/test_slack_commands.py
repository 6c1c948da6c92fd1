"""Slash commands: which of them order, which of them ask."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import commands
from adapters.slack.dialect import SlackDialect
from adapters.slack.payloads import Identity, Malformed
from bot.ports import Incoming, Ordered, Person, Place

ME = Identity("T1", "UBOT", "BBOT")
NAMES = {"U1": "Ada Lovelace", "U2": "Grace"}
TYPED = {
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


def name_of(user: str) -> str:
    return NAMES.get(user, "")


def typed(**more: Any) -> Incoming | Ordered:
    return commands.command({**TYPED, **more}, ME, name_of)


def announced(incoming: Incoming) -> str:
    """As the core posts it."""
    return SlackDialect().asks(incoming.text, by=f"{incoming.unseen} asks:")


def asked(**more: Any) -> Incoming:
    found = typed(**more)
    assert isinstance(found, Incoming), found
    return found


# ---------------------------------------------------------------------------------------------------- questions


def test_a_command_carries_the_question_to_announce() -> None:
    """Slack shows a typed command to nobody: the bot posts it in the asker's name, which is inert."""
    incoming = asked()
    assert announced(incoming) == "**li\\*nus asks:** why &lt;b>?"
    assert (incoming.text, incoming.how) == ("why <b>?", "command")
    assert incoming.key.startswith("slack:command:")
    assert incoming.place == Place("slack", "T1", "C1")
    assert incoming.message is None


def test_a_command_pings_nobody() -> None:
    """Neither by its question nor by its asker's name; Slack itself escapes nothing in a command that is not asked to."""
    incoming = asked(text="<!channel> <@U2>", user_name="<!here>")
    assert "<" not in announced(incoming)


def test_each_command_is_a_conversation_of_its_own() -> None:
    """Two questions in one channel have nothing to do with each other."""
    first, second = (asked(trigger_id=n) for n in ("1", "2"))
    assert first.scope != second.scope


def test_the_announced_question_is_short_and_the_asked_one_whole() -> None:
    """A 100 KB question shall not fill the channel."""
    question = "x" * 100_000
    incoming = asked(text=question)
    assert incoming.text == question
    assert len(announced(incoming)) < 3_100


def test_an_announced_block_keeps_its_own_lines() -> None:
    """A fence is only one at the beginning of a line."""
    assert announced(asked(text="```\ncode\n```")) == "**li\\*nus asks:**\n\n```\ncode\n```"


def test_a_command_in_a_direct_message_stays_private() -> None:
    """Its channel is the DM."""
    assert asked(channel_id="D1", channel_name="directmessage").place.private


def test_a_command_without_a_question_has_nothing_to_announce() -> None:
    """What to say to its asker is the core's."""
    incoming = asked(text="   ")
    assert (incoming.text, incoming.unseen) == ("", "")


# ---------------------------------------------------------------------------------------------------- orders

ORDERS = [
    ("", "help", ""),
    ("help", "help", ""),
    ("settings", "settings", ""),
    ("Settings channel", "settings", "channel"),
    ("usage", "usage", ""),
    ("usage today", "usage", "today"),
    ("new", "new", ""),
    ("STOP", "stop", ""),
    ("stop!", "stop", ""),
    ("forget me", "forget", "me"),
    ("  forget   me  ", "forget", "me"),
    ("forget", "forget", ""),
]
QUESTIONS = [
    "why is the sky blue",
    "stop the deploy",  # fault 26
    "new ideas for a party",
    "help me write a letter to my bank",
    "usage of semaphores in C",
    "settings of a good alarm clock",
    "newer",
    "stopping",
]


@pytest.mark.parametrize(("text", "verb", "argument"), ORDERS)
def test_an_order_is_an_order(text: str, verb: str, argument: str) -> None:
    """/claude and a verb; alone it asks for help."""
    found = typed(command="/claude", text=text, user_id="U1")
    assert isinstance(found, Ordered)
    assert (found.verb, found.argument) == (verb, argument)
    assert (found.person, found.place) == (Person("U1", "Ada Lovelace"), Place("slack", "T1", "C1"))


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_sentence_is_a_question(text: str) -> None:
    """Whatever it begins with: nobody's question is taken for an order, or lost."""
    found = typed(command="/claude", text=text)
    assert isinstance(found, Incoming)
    assert (found.text, found.how) == (text, "command")


@pytest.mark.parametrize("text", [text for text, *_ in ORDERS])
def test_ask_only_asks(text: str) -> None:
    assert isinstance(typed(command="/ask", text=text), Incoming)


def test_an_order_in_a_direct_message_is_about_its_conversation() -> None:
    """In a channel, where no command can be typed in a thread, it is about none."""
    here = typed(command="/claude", text="new", channel_id="D1", channel_name="directmessage")
    there = typed(command="/claude", text="new")
    assert isinstance(here, Ordered)
    assert isinstance(there, Ordered)
    assert (here.scope, there.scope) == ("direct:D1", "")


# ---------------------------------------------------------------------------------------------------- whatever comes


@pytest.mark.parametrize("field", ["user_id", "channel_id", "trigger_id"])
@pytest.mark.parametrize("value", [None, "", 7, {"id": "U1"}])
@pytest.mark.parametrize("text", ["why?", "stop"])
def test_a_malformed_command_says_which_field_and_nothing_else(field: str, value: Any, text: str) -> None:
    with pytest.raises(Malformed, match=f"^{field}$"):
        typed(command="/claude", text=text, **{field: value})


@given(st.text("stop newé<&>/!. ", max_size=60), st.sampled_from(["/ask", "/claude", "", "/x"]))
def test_any_text_is_an_order_or_a_question(text: str, command: str) -> None:
    found = typed(text=text, command=command)
    assert isinstance(found, Incoming | Ordered)
