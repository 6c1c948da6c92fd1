"""Orders, buttons and menus, with the real client against the sandbox: what the person sees alone, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.discord import handles
from adapters.discord.platform import DiscordPlatform
from bot.ports import (
    Button,
    Chosen,
    Control,
    Field,
    Group,
    Panel,
    Person,
    Place,
    Pressed,
    Sent,
    Submitted,
)
from tests.adapters.discord_forms import (
    FEEDBACK,
    SETTINGS,
    happened,
    ordered,
    public,
    rated,
    wanted,
    whispered,
)
from tests.adapters.discord_stage import CALLBACK, FOLLOW_UP, ORIGINAL, POST, WITHIN, Stage, content, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody opens a form; the pause in which somebody might is short."""
    monkeypatch.setattr("adapters.discord.handles.HOLD_SECONDS", 0.05)


# ------------------------------------------------------------------------------------------------------------- orders


@pytest.mark.parametrize(
    ("locale", "said"), [("en-GB", "an older version of me"), ("de", "eine ältere Fassung von mir")]
)
async def test_a_command_that_is_no_longer_known_is_answered_in_its_givers_language(
    stage: Stage, locale: str, said: str
) -> None:
    """Discord's clients offer a command for a while after it was taken away."""
    stage.server.state.users[stage.ada] = replace(stage.server.state.person("Ada"), locale=locale)
    stage.server.state.commands["1"] = {"id": "1", "type": 1, "name": "old", "description": "Old"}
    await stage.server.command(stage.ada, stage.general, "old", "")
    await happened(stage, "answered")
    [told] = whispered(stage)
    assert said in told["text"]


async def test_an_order_is_answered_to_its_giver_alone(stage: Stage) -> None:
    """Thinking that only they see, then filled in; a second word is a second message."""
    order = await ordered(stage, "usage")
    assert (order.verb, order.person, order.locale) == ("usage", Person(stage.ada, "Ada"), "en-US")
    assert await stage.platform.whisper(order.place, order.person, "Nothing was spent.")
    assert await stage.platform.whisper(order.place, order.person, "Really.")
    assert [m["text"] for m in whispered(stage)] == ["Nothing was spent.", "Really."]
    assert public(stage) == []
    assert (len(stage.calls(ORIGINAL)), len(stage.calls(FOLLOW_UP))) == (1, 1)


async def test_a_long_word_is_several_messages_and_the_buttons_stand_under_the_last(stage: Stage) -> None:
    """The help is longer than a message of Discord's in some languages."""
    order = await ordered(stage, "help")
    text = "\n".join(f"line {n} " + "x" * 90 for n in range(30))
    buttons = tuple(Button(f"b{n}", f"Button {n}", "primary" if n else "danger") for n in range(7))
    assert await stage.platform.whisper(order.place, order.person, text, buttons)
    first, second = whispered(stage)
    assert f"{first['text']}\n{second['text']}" == text
    assert first["controls"] == []
    assert [(one["label"], one["style"]) for one in second["controls"]] == [
        ("Button 0", "danger"),
        *((f"Button {n}", "primary") for n in range(1, 7)),
    ]


async def test_without_an_interaction_there_is_no_way_to_whisper(stage: Stage) -> None:
    """Discord shows nothing to one person alone but by what they have just used."""
    incoming = await stage.ask()
    assert not await stage.platform.whisper(incoming.place, incoming.person, "psst")
    assert not await stage.platform.open(incoming.place, incoming.person, SETTINGS)
    assert stage.by_the_bot(stage.general) == []


async def test_a_token_that_has_ended_is_no_way_either(stage: Stage) -> None:
    """Fault 22: the core says it in the channel, or not."""
    order = await ordered(stage)
    await happened(stage, "deferred")
    stage.clock.set_duration("discord.interaction_token", 0.0)
    assert not await stage.platform.whisper(order.place, order.person, "too late")


async def test_a_whisper_waits_for_a_budget_that_opens_soon(stage: Stage) -> None:
    """A lost word would leave its giver thinking for fifteen minutes."""
    order = await ordered(stage)
    stage.server.faults.fault(ORIGINAL, status=429, retry_after=0.2)
    assert await stage.platform.whisper(order.place, order.person, "there")
    assert [m["text"] for m in whispered(stage)] == ["there"]


async def test_a_whisper_outlasts_a_servers_fault(stage: Stage) -> None:
    """Filling in may be done twice, so it is tried again whether or not it was applied."""
    order = await ordered(stage)
    stage.server.faults.fault(ORIGINAL, status=502)
    stage.server.faults.fault(ORIGINAL, drop="after")
    assert await stage.platform.whisper(order.place, order.person, "there")
    assert [m["text"] for m in whispered(stage)] == ["there"]


# ------------------------------------------------------------------------------------------------------------ buttons


async def asked_alone(stage: Stage) -> Chosen:
    """The person presses the button under a question that only they see."""
    order = await ordered(stage, "forget")
    button = Button("forget:yes", "Forget me", "danger")
    assert await stage.platform.whisper(order.place, order.person, "Sure?", (button,))
    [question] = whispered(stage)
    await stage.server.press(stage.ada, stage.general, question["id"], "Forget me")
    return await stage.next(Chosen)


async def test_a_whispers_button_is_chosen_and_its_question_becomes_the_answer(stage: Stage) -> None:
    """It cannot be pressed twice, and one message is enough for one matter."""
    chosen = await asked_alone(stage)
    assert (chosen.button, chosen.person.id) == ("forget:yes", stage.ada)
    assert await stage.platform.whisper(chosen.place, chosen.person, "Done.")
    assert await stage.platform.whisper(chosen.place, chosen.person, "And more.")
    first, second = whispered(stage)
    assert (first["text"], first["controls"], second["text"]) == ("Done.", [], "And more.")


@pytest.mark.usefixtures("hurried")
async def test_a_choice_that_takes_long_is_acknowledged_and_still_becomes_the_answer(stage: Stage) -> None:
    """Discord would say that the interaction failed."""
    chosen = await asked_alone(stage)
    await happened(stage, "acknowledged")
    assert await stage.platform.whisper(chosen.place, chosen.person, "Done.")
    assert [(m["text"], m["controls"]) for m in whispered(stage)] == [("Done.", [])]


async def test_a_thumb_down_opens_a_form_and_its_comment_comes_back(stage: Stage) -> None:
    """The answer itself stays as it is."""
    pressed = await rated(stage)
    assert (pressed.control, pressed.reply) == (Control.BAD, "r1")
    assert await stage.platform.open(pressed.place, pressed.person, FEEDBACK)
    [form] = stage.server.modals(stage.ada)
    assert form["title"] == "What was wrong?"
    await stage.server.submit(stage.ada, {"comment": "too long"})
    submitted = await stage.next(Submitted)
    assert (submitted.panel, submitted.values) == ("feedback:r1", {"comment": ("too long",)})
    assert await stage.platform.whisper(submitted.place, submitted.person, "Thank you.")
    assert [m["text"] for m in whispered(stage)] == ["Thank you."]
    assert [m["text"] for m in public(stage)] == ["one"]
    assert len(stage.calls(CALLBACK)) == 2, "nothing was deferred that could be answered"


async def test_a_thumb_up_is_thanked_for_alone(stage: Stage) -> None:
    """At once, without a form."""
    pressed = await rated(stage, Control.GOOD)
    assert await stage.platform.whisper(pressed.place, pressed.person, "Thank you.")
    assert [m["text"] for m in whispered(stage)] == ["Thank you."]
    assert [m["text"] for m in public(stage)] == ["one"]


@pytest.mark.usefixtures("hurried")
async def test_a_form_that_comes_too_late_is_not_opened(stage: Stage) -> None:
    """Fault 22: deferred in time, so the press did not fail; the form has to be asked for anew."""
    pressed = await rated(stage)
    await happened(stage, "acknowledged")
    assert not await stage.platform.open(pressed.place, pressed.person, FEEDBACK)
    assert stage.server.modals(stage.ada) == []
    assert await stage.platform.whisper(pressed.place, pressed.person, "Too late.")
    assert not stage.record.entries("interaction", what="failed")


async def test_a_form_is_held_for_two_seconds_and_no_longer(stage: Stage) -> None:
    """Of the documented three."""
    await rated(stage)
    await happened(stage, "acknowledged")
    [acked] = stage.record.entries("acked")
    assert handles.HOLD_SECONDS <= acked["after"] < 3.0


@pytest.mark.parametrize("control", [Control.REGENERATE, Control.CONTINUE, Control.DELETE, Control.FILE])
async def test_other_buttons_are_acknowledged_at_once(stage: Stage, control: Control) -> None:
    """And their word comes beside the answer, which they do not touch."""
    incoming = await stage.ask()
    posted = await stage.platform.post(incoming.place, content("one", controls=(control,)), key="k1")
    assert isinstance(posted, Sent)
    await stage.server.press(stage.linus, stage.general, posted.ref.message, control.value.capitalize())
    pressed = await stage.next(Pressed)
    assert (pressed.control, pressed.person.id) == (control, stage.linus)
    await happened(stage, "acknowledged")
    [acked] = stage.record.entries("acked")
    assert acked["after"] < 1.0
    assert await stage.platform.whisper(pressed.place, pressed.person, "Not yours.")
    assert [(m["text"], m["ephemeral_for"]) for m in whispered(stage)] == [("Not yours.", stage.linus)]
    assert [m["text"] for m in public(stage)] == ["one"]


async def test_buttons_are_told_apart_by_their_labels_in_rows_of_five(stage: Stage) -> None:
    """In the asker's language; without a label, by what they are."""
    incoming = await stage.ask()
    every = tuple(Control)
    labels = ("Halt", "", "Weiter", "👍", "👎", "Datei")
    posted = await stage.platform.post(
        incoming.place, content("one", controls=every, labels=labels), key="k1"
    )
    assert isinstance(posted, Sent)
    shown = [one["label"] for one in stage.shown(posted.ref)["controls"]]
    assert shown == ["Halt", "Regenerate", "Weiter", "👍", "👎", "Datei", "Delete"]


# -------------------------------------------------------------------------------------------------------------- menus


async def test_ask_about_this_opens_a_form_and_the_answer_stands_under_the_message(stage: Stage) -> None:
    """The question is shown in front of the answer; of the form nothing is left over."""
    want = await wanted(stage)
    assert (want.what, want.about.text, want.about.person.name) == ("ask", "the deploy failed", "Linus")
    question = Field("question", "Your question", "paragraph", required=True, limit=3000)
    panel = Panel("ask:t1", "Ask Claude", (Group("ask", "", (question,)),), "Ask")
    assert await stage.platform.open(want.place, want.person, panel)
    await stage.server.submit(stage.ada, {"question": "why?"})
    submitted = await stage.next(Submitted)
    assert submitted.values == {"question": ("why?",)}
    place = Place(
        "discord",
        want.place.workspace,
        want.place.channel,
        reply_to=want.place.reply_to,
        route=submitted.place.route,
    )
    announced = stage.platform.profile.dialect.asks("why?", by="Ada asks about this:")
    ref = await stage.post(place, announced, key="k1", reply="")
    answer = await stage.post(place, "Because.", key="k2", reply="r2")
    assert [m["text"] for m in public(stage)] == ["**Ada asks about this:** why?", "Because."]
    assert stage.shown(ref)["reply_to"] == want.about.message.message
    assert not stage.shown(answer)["reply_to"], "right under its question an arrow would be noise"
    assert stage.record.entries("shown", message=ref.message)[0]["pings"] == [], "its author asked nothing"
    await stage.record.wait(lambda _: not whispered(stage), within=WITHIN)


async def test_a_question_that_is_turned_down_is_told_to_its_asker_alone(stage: Stage) -> None:
    """The summary's thinking becomes the sentence."""
    want = await wanted(stage, "Summarize thread")
    assert want.what == "summarize"
    assert await stage.platform.whisper(want.place, want.person, "Not here.")
    assert [(m["text"], m["ephemeral_for"]) for m in whispered(stage)] == [("Not here.", stage.ada)]
    assert public(stage) == []


async def test_a_summary_is_a_reply_in_the_channel_and_its_thinking_goes(stage: Stage) -> None:
    """And the rest of the pages follow it."""
    want = await wanted(stage, "Summarize thread")
    await happened(stage, "deferred")
    assert [m["loading"] for m in whispered(stage)] == [True]
    ref = await stage.post(want.place, "Summary for Ada:", key="k1")
    assert stage.shown(ref)["reply_to"] == want.about.message.message
    await stage.record.wait(lambda _: not whispered(stage), within=WITHIN)
    assert await stage.platform.edit(want.place, ref, content("Summary for Ada: all is well.")) == Sent(ref)
    assert [m["text"] for m in public(stage)] == ["Summary for Ada: all is well."]


@pytest.mark.parametrize("name", ["Ask Claude about this", "Summarize thread"])
async def test_where_the_bot_may_not_post_a_menus_answer_comes_by_the_menu(stage: Stage, name: str) -> None:
    """As a command's does."""
    await stage.server.revoke(stage.general, "send_messages")
    want = await wanted(stage, name)
    ref = await stage.post(want.place, "one", key="k1")
    assert await stage.platform.edit(want.place, ref, content("one!")) == Sent(ref)
    await stage.post(want.place, "two", key="k2")
    assert [m["text"] for m in public(stage)] == ["one!", "two"]
    assert not stage.calls(POST)


@pytest.mark.usefixtures("hurried")
async def test_a_menu_that_nothing_comes_of_in_time_is_thinking_for_its_person_alone(stage: Stage) -> None:
    """Then told, in the same place."""
    want = await wanted(stage)
    await happened(stage, "deferred")
    assert not await stage.platform.open(want.place, want.person, FEEDBACK)
    assert await stage.platform.whisper(want.place, want.person, "That form is too old by now.")
    assert [m["text"] for m in whispered(stage)] == ["That form is too old by now."]


# ------------------------------------------------------------------------------------------------- replays and losses


async def test_a_press_that_is_delivered_twice_is_one_press(stage: Stage) -> None:
    """Fault 15, and it is acknowledged once."""
    stage.server.gateway.twice("INTERACTION_CREATE")
    await rated(stage)
    await stage.server.disconnect(4000)
    assert (await stage.ask("after")).text == "after"


async def test_a_form_whose_opening_was_lost_is_tried_again(stage: Stage) -> None:
    """A server's fault within the three seconds."""
    pressed = await rated(stage)
    stage.server.faults.fault(CALLBACK, status=502)
    stage.server.faults.fault(CALLBACK, drop="after")
    assert await stage.platform.open(pressed.place, pressed.person, FEEDBACK)
    assert len(stage.server.modals(stage.ada)) == 1


async def test_a_press_that_discord_has_given_up_opens_nothing(stage: Stage) -> None:
    """10062: Discord has told the person; the core is told that there is no way."""
    pressed = await rated(stage)
    stage.server.faults.fault(CALLBACK, error="10062")
    assert not await stage.platform.open(pressed.place, pressed.person, FEEDBACK)
    assert not await stage.platform.whisper(pressed.place, pressed.person, "psst")


async def test_buttons_and_forms_work_after_a_restart(stage: Stage) -> None:
    """Their ids carry all that is needed: the reply, the form."""
    pressed = await rated(stage)
    assert await stage.platform.open(pressed.place, pressed.person, FEEDBACK)
    await stage.platform.close()
    stage.platform = DiscordPlatform(token=stage.server.bot_token, api_url=stage.server.api_url)
    try:
        await stage.connect()
        await stage.server.submit(stage.ada, {"comment": "too long"})
        submitted = await stage.next(Submitted)
        assert (submitted.panel, submitted.values) == ("feedback:r1", {"comment": ("too long",)})
        await stage.server.press(stage.ada, stage.general, pressed.message.message, "Good")
        again = await stage.next(Pressed)
        assert (again.control, again.reply, again.message) == (Control.GOOD, "r1", pressed.message)
        await stage.server.react(stage.ada, stage.general, pressed.message.message, "🛑")
        assert (await stage.next(Pressed)).control is Control.STOP
    finally:
        await stage.platform.close()


async def test_closing_while_something_is_held_leaves_nothing_behind() -> None:
    """The stage looks for tasks that are left."""
    async with staged() as stage:
        await rated(stage)
        await asyncio.sleep(0)
