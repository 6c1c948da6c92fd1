"""What one person alone sees: sentences with their buttons, and forms, on the sandbox's Slack."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from bot.ports import (
    Button,
    Chosen,
    Content,
    Control,
    Denied,
    Field,
    Group,
    Incoming,
    Option,
    Ordered,
    Panel,
    Person,
    Pressed,
    Sent,
    Submitted,
    Wanted,
)
from tests.adapters.slack_stage import ADA, GENERAL, GRACE, Workspace

FORGET = (Button("forget:yes", "Forget me", "danger"), Button("forget:no", "Keep"))
ASK = Panel(
    "ask",
    "Ask Claude",
    (Group("q", "", (Field("question", "Your question", "paragraph", required=True),)),),
    "Ask",
)
SETTINGS = Panel(
    "settings",
    "Settings",
    (
        Group(
            "answers",
            "Answers",
            (
                Field("model", "Model", "choice", ("opus",), (Option("", "Default"), Option("opus", "Claude Opus"))),
                Field("persona", "Persona", "text", ("A pirate",), limit=100),
                Field("tools", "Tools", "choices", ("a", "b"), (Option("a", "A"), Option("b", "B"), Option("c", "C"))),
            ),
        ),
        Group(
            "who",
            "Who may ask",
            (Field("people", "People", "people", (GRACE,)), Field("roles", "Groups", "roles", ("S0EDITORS",))),
        ),
    ),
    "Save",
    intro="For everybody in this channel.",
)  # fmt: skip


async def ordered(slack: Workspace, text: str = "settings", channel: str = GENERAL) -> Ordered:
    slack.server.deliver_twice()
    await slack.server.command(ADA, channel, "claude", text)
    return await slack.next(Ordered)


# ---------------------------------------------------------------------------------------------------- commands


async def test_an_order_is_no_question(slack: Workspace) -> None:
    """/claude and a verb; anything else is asked."""
    found = await ordered(slack, "forget me")
    assert (found.verb, found.argument, found.person.id) == ("forget", "me", ADA)
    await slack.server.command(ADA, GENERAL, "claude", "why is the sky blue?")
    assert (await slack.next(Incoming)).text == "why is the sky blue?"


async def test_a_command_without_a_question_is_handed_on_to_be_answered(slack: Workspace) -> None:
    """By one sentence of the core's, in the asker's language."""
    await slack.server.command(ADA, GENERAL, "ask", "   ")
    incoming = await slack.next(Incoming)
    assert (incoming.text, incoming.announce) == ("", "")
    assert await slack.platform.whisper(incoming.place, incoming.person, "Ask me **something**.")
    assert (await slack.seen(ephemeral_for=ADA))["text"] == "Ask me **something**."


# ---------------------------------------------------------------------------------------------------- whispers


@pytest.mark.parametrize(
    ("channel", "code"), [("C0LOBBY", "not_in_channel"), ("G0SECRET", "channel_not_found")]
)
async def test_where_the_bot_is_no_member_the_asker_hears_so(
    slack: Workspace, channel: str, code: str
) -> None:
    """A command works everywhere, a post does not; only the response_url reaches the asker."""
    await slack.server.command(ADA, channel, "ask", "why?")
    incoming = await slack.next(Incoming)
    assert await slack.post(incoming.place, "because") == Denied(code)
    assert await slack.platform.whisper(incoming.place, incoming.person, "Invite me: <@everyone> & co")
    assert (await slack.seen(ephemeral_for=ADA))["text"] == "Invite me: &lt;@everyone> & co"


async def test_who_mentioned_the_bot_is_told_in_the_thread(slack: Workspace) -> None:
    """By chat.postEphemeral; nobody else sees it, and no log does."""
    incoming = await slack.ask()
    assert await slack.platform.whisper(incoming.place, incoming.person, "Not now.")
    told = await slack.seen(ephemeral_for=ADA)
    assert (told["text"], told["thread"]) == ("Not now.", incoming.place.thread)
    slack.server.revoke()
    assert not await slack.platform.whisper(incoming.place, incoming.person, "Not now.")


async def test_a_pressed_whisper_says_which_button(slack: Workspace) -> None:
    """In its thread, also where Slack does not tell it; and nothing that stands there is replaced."""
    incoming = await slack.ask()
    assert await slack.platform.whisper(incoming.place, incoming.person, "Sure?", FORGET)
    told = await slack.seen(ephemeral_for=ADA)
    assert told["controls"] == ["Forget me", "Keep"]
    slack.server.deliver_twice()
    await slack.server.press(ADA, GENERAL, told["message"], "Forget me")
    chosen = await slack.next(Chosen)
    assert (chosen.button, chosen.person.id) == ("forget:yes", ADA)
    assert (chosen.place.channel, chosen.place.thread) == (GENERAL, incoming.place.thread)
    assert await slack.platform.whisper(chosen.place, chosen.person, "Done.")
    done = await slack.seen(ephemeral_for=ADA, text="Done.")
    assert done["message"] != told["message"]
    assert done["thread"] == incoming.place.thread


async def test_buttons_work_after_a_restart(slack: Workspace) -> None:
    """Of a whisper and of an answer: what they need travels in them."""
    incoming = await slack.ask()
    assert await slack.platform.whisper(incoming.place, incoming.person, "Sure?", FORGET)
    told = await slack.seen(ephemeral_for=ADA)
    content = Content("because", (Control.REGENERATE, Control.DELETE), "r9", ("Regenerate", "Delete"))
    sent = await slack.platform.post(incoming.place, content, key="k")
    assert isinstance(sent, Sent)
    await slack.restart()
    await slack.server.press(ADA, GENERAL, told["message"], "Keep")
    assert (await slack.next(Chosen)).button == "forget:no"
    await slack.server.press(GRACE, GENERAL, sent.ref.message, "Regenerate")
    pressed = await slack.next(Pressed)
    assert (pressed.control, pressed.reply, pressed.message) == (Control.REGENERATE, "r9", sent.ref)
    assert pressed.place.thread == incoming.place.thread


async def test_a_route_is_worn_out_after_five_answers(slack: Workspace) -> None:
    """Then, and where it does not answer, the bot's own call tells the person."""
    place = (await ordered(slack)).place
    for number in range(7):
        assert await slack.platform.whisper(place, Person(ADA), f"word {number}")
    assert len(slack.calls("response_url")) == 5
    assert len(slack.calls("chat.postEphemeral")) == 2
    assert [m["text"] for m in slack.server.messages(GENERAL) if m["ephemeral_for"]] == [
        f"word {n}" for n in range(7)
    ]


async def test_words_that_slack_makes_no_blocks_of_are_told_plainly(slack: Workspace) -> None:
    """Two tables in one message are refused, also in one that one person sees."""
    incoming = await slack.ask()
    tables = "| a |\n|---|\n| 1 |\n\nand\n\n| b |\n|---|\n| 2 |"
    assert await slack.platform.whisper(incoming.place, incoming.person, tables, FORGET)
    told = await slack.seen(ephemeral_for=ADA)
    assert "| 2 |" in told["text"]
    assert told["controls"] == ["Forget me", "Keep"]


async def test_such_words_reach_the_asker_where_the_bot_is_no_member_too(slack: Workspace) -> None:
    """There only the response_url does."""
    order = await ordered(slack, channel="C0LOBBY")
    tables = "| a |\n|---|\n| 1 |\n\nand\n\n| b |\n|---|\n| 2 |"
    assert await slack.platform.whisper(order.place, order.person, tables)
    assert "| 2 |" in (await slack.seen(ephemeral_for=ADA))["text"]


async def test_a_long_word_is_cut_and_told(slack: Workspace) -> None:
    incoming = await slack.ask()
    assert await slack.platform.whisper(incoming.place, incoming.person, "x" * 30_000)
    assert len((await slack.seen(ephemeral_for=ADA))["text"]) > 10_000


# ---------------------------------------------------------------------------------------------------- forms


async def opened(slack: Workspace) -> dict[str, Any]:
    """The modal that Ada sees."""
    await slack.record.wait(lambda _: slack.server.views())
    [view] = slack.server.views()
    assert view["person"] == ADA
    return view


async def test_a_form_opens_with_what_is_set_and_brings_what_was_changed(slack: Workspace) -> None:
    """One modal with every group; each field comes back, emptied ones too."""
    order = await ordered(slack)
    assert await slack.platform.open(order.place, order.person, SETTINGS)
    view = await opened(slack)
    assert [block["type"] for block in view["body"]["blocks"]] == [
        "section", "divider", "header", "input", "input", "input", "divider", "header", "input", "input",
    ]  # fmt: skip
    labels = [block["label"]["text"] for block in view["body"]["blocks"] if block["type"] == "input"]
    assert labels == ["Model", "Persona", "Tools", "People", "Groups"]
    slack.server.deliver_twice()
    await slack.server.fill(ADA, view["id"], {"model": "Default", "persona": "", "tools": ["C"]})
    sent = await slack.next(Submitted)
    assert (sent.panel, sent.person.id) == ("settings", ADA)
    assert sent.values == {
        "model": ("",),
        "persona": (),
        "tools": ("c",),
        "people": (GRACE,),
        "roles": ("S0EDITORS",),
    }
    assert (sent.place.channel, sent.place.workspace) == (order.place.channel, order.place.workspace)
    await slack.record.wait(lambda _: not slack.server.views())  # it closes when it has been acknowledged
    assert await slack.platform.whisper(sent.place, sent.person, "Saved.")
    assert (await slack.seen(ephemeral_for=ADA))["text"] == "Saved."
    # The order's own address is used up first: it reaches people where the bot is no member.
    assert slack.calls("chat.postEphemeral") == []


async def test_a_form_that_was_left_as_it_is_changes_nothing(slack: Workspace) -> None:
    order = await ordered(slack)
    assert await slack.platform.open(order.place, order.person, SETTINGS)
    await slack.server.fill(ADA, (await opened(slack))["id"], {})
    sent = await slack.next(Submitted)
    assert sent.values["model"] == ("opus",)
    assert sent.values["persona"] == ("A pirate",)
    assert sent.values["tools"] == ("a", "b")


async def test_a_form_survives_a_restart(slack: Workspace) -> None:
    """Where it was opened travels in it."""
    order = await ordered(slack)
    assert await slack.platform.open(order.place, order.person, ASK)
    view = await opened(slack)
    await slack.restart()
    await slack.server.fill(ADA, view["id"], {"question": "why?"})
    sent = await slack.next(Submitted)
    assert (sent.values, sent.place.channel) == ({"question": ("why?",)}, GENERAL)
    assert await slack.platform.whisper(sent.place, sent.person, "Thank you.")


async def test_a_form_opens_once_and_in_time(slack: Workspace) -> None:
    """A trigger is good for three seconds and for one form: too late is said, and nothing is called."""
    order = await ordered(slack)
    assert await slack.platform.open(order.place, order.person, ASK)
    assert not await slack.platform.open(order.place, order.person, ASK)
    asked = await slack.ask()
    assert not await slack.platform.open(asked.place, asked.person, ASK)
    assert len(slack.calls("views.open")) == 1
    slack.clock.set_duration("slack.trigger", 0.0)
    late = await ordered(slack)
    assert not await slack.platform.open(late.place, late.person, ASK)


async def test_user_groups_that_cannot_be_had_are_not_asked_for(slack: Workspace) -> None:
    """The rest of the form opens; what was set stays to be seen."""
    slack.server.scopes.discard("usergroups:read")
    order = await ordered(slack)
    assert await slack.platform.open(order.place, order.person, SETTINGS)
    view = await opened(slack)
    [roles] = [b["element"] for b in view["body"]["blocks"] if b.get("block_id") == "roles"]
    assert [option["text"]["text"] for option in roles["options"]] == ["S0EDITORS"]


async def test_slow_user_groups_do_not_cost_the_form(slack: Workspace) -> None:
    """It has three seconds; the groups have one of them."""
    slack.server.faults.fault("usergroups.list", delay=30)
    order = await ordered(slack)
    async with asyncio.timeout(2.5):
        assert await slack.platform.open(order.place, order.person, SETTINGS)
    assert await opened(slack)


# ---------------------------------------------------------------------------------------------------- shortcuts


async def test_a_message_shortcut_opens_a_form_and_the_answer_its_thread(slack: Workspace) -> None:
    """The message with its files is what the question is about."""
    said = await slack.server.say(GRACE, GENERAL, "look at <this>", files=[("notes.txt", b"hello")])
    await slack.next(Incoming)
    slack.server.deliver_twice()
    await slack.server.shortcut(ADA, "ask_message", GENERAL, said)
    wanted = await slack.next(Wanted)
    assert (wanted.what, wanted.about.text, wanted.about.person.id) == ("ask", "look at <this>", GRACE)
    assert [file.name for file in wanted.about.files] == ["notes.txt"]
    assert wanted.place.thread == said
    assert await slack.platform.open(wanted.place, wanted.person, ASK)
    await slack.server.fill(ADA, (await opened(slack))["id"], {"question": "what is this?"})
    sent = await slack.next(Submitted)
    assert sent.place.thread == said
    assert isinstance(await slack.post(sent.place, "It is a file."), Sent)


async def test_a_thread_is_summarized_where_the_bot_is_no_member(slack: Workspace) -> None:
    """It cannot post there, but it can say so."""
    said = await slack.server.say(ADA, "C0LOBBY", "let us meet")
    await slack.server.shortcut(ADA, "summarize_thread", "C0LOBBY", said)
    wanted = await slack.next(Wanted)
    assert (wanted.what, wanted.place.thread) == ("summarize", said)
    assert await slack.post(wanted.place, "because") == Denied("not_in_channel")
    assert await slack.platform.whisper(wanted.place, wanted.person, "Invite me.")
    assert (await slack.seen(ephemeral_for=ADA))["thread"] == said


async def test_no_log_holds_what_was_filled_in_or_where_to_answer(
    slack: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """At any level, also when it fails."""
    caplog.set_level(logging.DEBUG)
    order = await ordered(slack)
    assert await slack.platform.open(order.place, order.person, ASK)
    await slack.server.fill(ADA, (await opened(slack))["id"], {"question": "SECRET"})
    sent = await slack.next(Submitted)
    await slack.platform.whisper(sent.place, sent.person, "SECRET")
    slack.server.faults.fault("chat.postEphemeral", status=500)
    for _ in range(6):
        await slack.platform.whisper(sent.place, sent.person, "SECRET")
    said = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "SECRET" not in said
    assert "/commands/" not in said
    assert repr(sent.place.route) not in said
