"""What one person alone sees: sentences with their buttons, and forms, on the sandbox's Slack."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
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
    Ref,
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
    assert (incoming.text, incoming.unseen) == ("", "")
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
    """In its thread, also where Slack does not tell it; what is said then takes the place of the question, once."""
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
    assert (done["message"], done["controls"]) == (told["message"], [])
    assert done["thread"] == incoming.place.thread
    assert await slack.platform.whisper(chosen.place, chosen.person, "And more.")
    more = await slack.seen(ephemeral_for=ADA, text="And more.")
    assert (more["verb"], more["thread"]) == ("post", incoming.place.thread)


async def test_a_private_question_stands_until_its_form_is_sent_off(slack: Workspace) -> None:
    """Who cancels the form can press again; what became of it takes the question's place, also after a restart."""
    incoming = await slack.ask()
    assert await slack.platform.whisper(incoming.place, incoming.person, "Sure?", FORGET)
    told = await slack.seen(ephemeral_for=ADA)
    await slack.restart()
    await slack.server.press(ADA, GENERAL, told["message"], "Keep")
    chosen = await slack.next(Chosen)
    assert await slack.platform.open(chosen.place, chosen.person, ASK)
    view = await opened(slack)
    assert (await slack.seen(message=told["message"]))["controls"] == ["Forget me", "Keep"]
    await slack.server.fill(ADA, view["id"], {"question": "why?"})
    sent = await slack.next(Submitted)
    assert await slack.platform.whisper(sent.place, sent.person, "Thank you.")
    done = await slack.seen(message=told["message"])
    assert (done["text"], done["controls"]) == ("Thank you.", [])


async def test_a_press_under_an_answer_never_replaces_the_answer(slack: Workspace) -> None:
    """Slack hands out an address for that with each press."""
    place, ref = await slack.posted("because")
    await slack.platform.edit(place, ref, Content("because", (Control.GOOD,), "r9", ("Good",)))
    await slack.server.press(ADA, GENERAL, ref.message, "Good")
    pressed = await slack.next(Pressed)
    assert await slack.platform.whisper(pressed.place, pressed.person, "Thank you.")
    thanks = await slack.seen(ephemeral_for=ADA)
    assert (thanks["text"], thanks["verb"]) == ("Thank you.", "post")
    assert slack.shown(ref) == "because"


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


def too_dull(panel: str, values: Mapping[str, tuple[str, ...]], language: str) -> Mapping[str, str]:
    """A check such as the core gives: of what travels with the form alone."""
    dull = {"settings": "persona", "ask": "question"}[panel]
    return {dull: f"Too dull ({language})."} if "dull" in " ".join(values.get(dull, ())) else {}


async def test_a_mistake_stands_at_its_field_and_the_form_stays_open(slack: Workspace) -> None:
    """Nothing of the form is taken until all of it is right; what was filled in stays; also after a restart."""
    await slack.restart(check=too_dull)
    order = await ordered(slack)
    assert await slack.platform.open(order.place, order.person, replace(SETTINGS, language="de"))
    view = await opened(slack)
    await slack.restart(check=too_dull)
    slack.server.deliver_twice()
    await slack.server.fill(ADA, view["id"], {"persona": "dull", "tools": ["C"]})
    [told] = await slack.record.wait(lambda record: record.entries("view", "slack", verb="errors"))
    assert (told["view"], told["body"]) == (view["id"], {"persona": "Too dull (de)."})
    assert [one["id"] for one in slack.server.views()] == [view["id"]]
    await slack.server.fill(ADA, view["id"], {"persona": "A poet"})
    sent = await slack.next(Submitted)
    assert (sent.values["persona"], sent.values["tools"]) == (("A poet",), ("c",))
    await slack.record.wait(lambda _: not slack.server.views())


async def test_a_check_that_breaks_takes_the_form(slack: Workspace) -> None:
    """It is better read by the core than lost."""

    def broken(panel: str, values: Mapping[str, tuple[str, ...]], language: str) -> Mapping[str, str]:
        raise ZeroDivisionError

    await slack.restart(check=broken)
    order = await ordered(slack)
    assert await slack.platform.open(order.place, order.person, ASK)
    await slack.server.fill(ADA, (await opened(slack))["id"], {"question": "why?"})
    assert (await slack.next(Submitted)).values == {"question": ("why?",)}
    await slack.record.wait(lambda _: not slack.server.views())


async def test_a_form_about_a_message_brings_its_words_back_after_a_restart(slack: Workspace) -> None:
    """Where it stands, who wrote it, and as much of it as there is room for."""
    words = "Größe & <Maß> \U0001f40d " * 200
    said = await slack.server.say(GRACE, GENERAL, words)
    await slack.next(Incoming)
    await slack.server.shortcut(ADA, "ask_message", GENERAL, said)
    wanted = await slack.next(Wanted)
    assert await slack.platform.open(wanted.place, wanted.person, replace(ASK, about=wanted.about))
    view = await opened(slack)
    await slack.restart()
    await slack.server.fill(ADA, view["id"], {"question": "what is this?"})
    sent = await slack.next(Submitted)
    assert sent.about is not None
    assert (sent.about.message, sent.about.person.id) == (Ref(GENERAL, said), GRACE)
    assert wanted.about.text.startswith(sent.about.text)
    assert len(sent.about.text) > 1_000  # of signs that take two bytes, four, or six when escaped
    assert (sent.place.thread, sent.scope) == (said, wanted.scope)


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
