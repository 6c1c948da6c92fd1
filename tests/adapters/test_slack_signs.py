"""Reactions on an answer, on the sandbox's Slack: they say what a button would, by anybody, at any time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.ports import Content, Control, Incoming, Pressed, Ref, Sent
from tests.adapters.slack_stage import ADA, GENERAL, GRACE, Workspace


async def react(slack: Workspace, ref: Ref, name: str, person: str = GRACE) -> None:
    await slack.server.react(person, ref.channel, ref.message, name)


@pytest.mark.parametrize(
    ("name", "control"),
    [("octagonal_sign", Control.STOP), ("+1", Control.GOOD), ("-1", Control.BAD)],
)
async def test_a_reaction_on_an_answer_is_a_press(slack: Workspace, name: str, control: Control) -> None:
    """By somebody else too: who may is the core's to say (fault 26)."""
    place, ref = await slack.posted()
    slack.server.deliver_twice()
    await react(slack, ref, name)
    pressed = await slack.next(Pressed)
    assert (pressed.control, pressed.reply, pressed.person.id) == (control, "", GRACE)
    # In its thread, which Slack does not tell: what is to be said to who reacted is said there.
    assert (pressed.message, pressed.place) == (ref, replace(place, reply_to=""))
    assert (await slack.ask("next")).text == "next"


async def test_a_reaction_works_after_a_restart(slack: Workspace) -> None:
    """It names the message; whose answer that is the core has stored."""
    _, ref = await slack.posted()
    await slack.restart()
    await react(slack, ref, "octagonal_sign")
    assert (await slack.next(Pressed)).message == ref


async def test_only_reactions_on_our_own_messages_say_something(slack: Workspace) -> None:
    """People stop each other by this sign as well."""
    question = await slack.ask()
    assert question.message is not None
    await react(slack, question.message, "octagonal_sign")
    _, ref = await slack.posted()
    await react(slack, ref, "eyes")
    await react(slack, ref, "tada")
    assert (await slack.ask("next")).text == "next"


async def test_a_reaction_that_is_taken_back_says_nothing_and_given_again_says_it_again(
    slack: Workspace,
) -> None:
    _, ref = await slack.posted()
    await react(slack, ref, "octagonal_sign")
    await slack.next(Pressed)
    await slack.server.react(GRACE, GENERAL, ref.message, "octagonal_sign", remove=True)
    await react(slack, ref, "octagonal_sign")
    await slack.next(Pressed)
    assert (await slack.ask("next")).text == "next"


async def test_slacks_own_stop_button_stops_the_message_that_it_stood_on(slack: Workspace) -> None:
    """Slack has ended the stream by then; the answer has to be ended too."""
    direct = slack.server.direct(ADA)
    said = await slack.server.say(ADA, direct, "hello")
    await slack.next(Incoming)
    answer = await slack.platform._there.client.chat_startStream(
        channel=direct, thread_ts=said, chunks=[{"type": "markdown_text", "text": "one"}]
    )
    await slack.server.stop_stream(ADA, direct, answer["ts"])
    pressed = await slack.next(Pressed)
    assert (pressed.control, pressed.message, pressed.person.id) == (
        Control.STOP,
        Ref(direct, answer["ts"]),
        ADA,
    )
    assert (pressed.place.thread, pressed.place.private) == (said, True)


async def test_the_one_who_asked_is_notified_and_nobody_else(slack: Workspace) -> None:
    """A mention in front of the text, in a post; whatever else stands in it stays inert."""
    place = (await slack.ask()).place
    said = f"Ready, <@{GRACE}> <!here>!"
    text = slack.platform.profile.dialect.render(said, (), 0, len(said))
    sent = await slack.platform.post(place, Content(text, ping=ADA), key="k")
    assert isinstance(sent, Sent)
    assert (await slack.seen(message=sent.ref.message))["pings"] == [f"<@{ADA}>"]
