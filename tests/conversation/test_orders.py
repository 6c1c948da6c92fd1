"""Commands, words, forms and the message menu, on virtual time: what the person who acted was told, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot import sentences
from bot.claude.events import Done, Spent, Usage
from bot.ports import Attachment, Chosen, File, Line, Ordered, Person, Place, Ref, Standing, Submitted, Wanted
from tests.conversation.stage import ADA, GRACE, Chat, Stage, asked, growing, staged

pytestmark = pytest.mark.looptime

PLACE = Place("fake", "T1", "C1", thread="1700.1", route="command")
MANAGER = {"U1": Standing(manager=True)}


def order(stage: Stage, verb: str, *, person: Person = ADA, key: str = "o1", **more: Any) -> None:
    event = Ordered(key, verb, "", person, more.pop("place", PLACE), "thread:C1:1700.1", **more)
    stage.conversations.take(stage.channel, event)


def choose(stage: Stage, button: str, *, person: Person = ADA) -> None:
    stage.conversations.take(stage.channel, Chosen(f"c:{button}", button, person, PLACE))


def submit(stage: Stage, panel: str, *, person: Person = ADA, **values: str) -> None:
    filled = {name: (value,) for name, value in values.items()}
    stage.conversations.take(stage.channel, Submitted(f"s:{panel}", panel, filled, person, PLACE))


async def test_help_is_for_the_one_who_asks_for_it() -> None:
    async with staged() as stage:
        order(stage, "help")
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.HELP]
        assert stage.chat.texts() == []


async def test_a_second_delivery_of_a_command_is_ignored() -> None:
    async with staged() as stage:
        for _ in range(3):
            order(stage, "help")
        await stage.quiet()
        assert len(stage.chat.said_beside("told")) == 1


async def test_an_unknown_order_is_told_what_there_is() -> None:
    async with staged() as stage:
        order(stage, "dance")
        await stage.quiet()
        [told] = stage.chat.said_beside("told")
        assert told.startswith(sentences.UNKNOWN_ORDER)
        assert sentences.HELP in told


@pytest.mark.parametrize("how", ["mention", "direct"])
async def test_every_order_has_a_word(how: str) -> None:
    """Slack takes no custom commands inside threads."""
    async with staged(chat=Chat(standings=MANAGER)) as stage:
        for word in ("help", "Usage", "settings", "new", "forget me", "stop"):
            stage.ask(word, how=how)
            await stage.quiet()
        told = stage.chat.said_beside("told")
        assert stage.claude.asked == []
        assert told[0] == sentences.HELP
        assert told[1].startswith("- You: ")
        assert told[2:] == [
            sentences.SETTINGS_WHERE,
            sentences.NEW_CONVERSATION,
            sentences.FORGET_QUESTION,
            sentences.NOTHING_TO_STOP,
        ]


async def test_the_command_stops_ones_own_answers_in_the_channel() -> None:
    async with staged(*growing("word " * 100, seconds=20)) as stage:
        stage.ask("One?", thread="1")
        stage.ask("Two?", thread="2", person=GRACE)
        await asyncio.sleep(4)
        order(stage, "stop", place=Place("fake", "T1", "C1", route="command"))
        await asyncio.sleep(1)
        assert stage.claude.open == 1
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.STOPPED_PRIVATELY]


async def test_new_begins_a_new_conversation() -> None:
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        order(stage, "new")
        await stage.quiet()
        stage.ask("And then?")
        await stage.quiet()
        assert asked(stage)[-1] == "u: Ada: And then?"


async def test_forgetting_is_asked_back_first() -> None:
    async with staged() as stage:
        order(stage, "forget")
        await stage.quiet()
        assert stage.store.forgotten == []
        [button] = stage.chat.buttons
        choose(stage, button.id)
        await stage.quiet()
        assert stage.store.forgotten == ["U1"]
        assert stage.chat.said_beside("told")[-1] == sentences.FORGOTTEN


# ------------------------------------------------------------------------------------------------ settings


async def test_a_manager_sets_up_a_channel_without_reading_anything() -> None:
    async with staged(chat=Chat(standings=MANAGER)) as stage:
        order(stage, "settings")
        await stage.quiet()
        assert [button.label for button in stage.chat.buttons] == [
            sentences.SETTINGS_CHANNEL,
            sentences.SETTINGS_WORKSPACE,
        ]
        choose(stage, stage.chat.buttons[0].id)
        await stage.quiet()
        [panel] = stage.chat.panels
        submit(stage, panel.id, model="claude-opus-5", footer="on")
        await stage.quiet()
        assert stage.chat.said_beside("told")[-1] == sentences.SETTINGS_SAVED
        assert stage.store.preferences.set["fake", "T1", "C1"] == {"model": "claude-opus-5", "footer": True}
        stage.ask("Why?")
        await stage.quiet()
        assert stage.claude.asked[0].ask.model == "claude-opus-5"


@pytest.mark.parametrize("step", ["order", "choose", "submit"])
async def test_settings_are_for_managers_at_every_step(step: str) -> None:
    async with staged(chat=Chat(standings={"U2": Standing(moderator=True)})) as stage:
        if step == "order":
            order(stage, "settings", person=GRACE)
        elif step == "choose":
            choose(stage, "settings:channel", person=GRACE)
        else:
            submit(stage, "settings:channel:C1", person=GRACE, model="claude-opus-5")
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.SETTINGS_FOR_MANAGERS]
        assert stage.store.preferences.set == {}
        assert stage.chat.panels == []


async def test_a_mistake_in_a_form_is_a_sentence_and_the_rest_is_kept() -> None:
    async with staged(chat=Chat(standings=MANAGER)) as stage:
        submit(stage, "settings:channel:C1", requests_a_minute="many", footer="on")
        await stage.quiet()
        [told] = stage.chat.said_beside("told")
        assert told.endswith(sentences.SETTINGS_REST_SAVED)
        assert len(told.splitlines()) == 2
        assert stage.store.preferences.set["fake", "T1", "C1"] == {"footer": True}


# ------------------------------------------------------------------------------------------------ the message menu

ABOUT = Line(
    Ref("C1", "5"), GRACE, "The build is **red**.", files=(Attachment("F1", "log.txt", "text/plain", 5),)
)


def want(stage: Stage, what: Any = "ask", *, key: str = "w1") -> None:
    place = Place("fake", "T1", "C1", thread="5", route="menu")
    stage.conversations.take(stage.channel, Wanted(key, what, ABOUT, ADA, place, "thread:C1:5"))


async def test_a_question_about_a_message_is_shown_with_its_asker_and_knows_the_message() -> None:
    chat = Chat(files={"F1": File("log.txt", "text/plain", b"error")})
    async with staged("Because.", Done("end_turn"), chat=chat) as stage:
        want(stage)
        await stage.quiet()
        [panel] = stage.chat.panels
        submit(stage, panel.id, question="What happened?")
        await stage.quiet()
        assert stage.chat.thread("5") == ["**Ada asks about this:** What happened?", "Because."]
        [told] = asked(stage)
        assert "> The build is **red**." in told
        assert "What happened?" in told


async def test_a_form_is_good_once_for_its_own_person() -> None:
    async with staged() as stage:
        want(stage)
        await stage.quiet()
        [panel] = stage.chat.panels
        submit(stage, panel.id, person=GRACE, question="Mine?")
        submit(stage, "ask:unknown", question="Old?")
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.FORM_TOO_OLD] * 2
        assert stage.claude.asked == []


async def test_a_form_that_comes_too_late_is_told() -> None:
    async with staged(chat=Chat(opens=False)) as stage:
        want(stage)
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.FORM_TOO_OLD]


async def test_who_may_not_ask_is_told_so_in_place_of_the_form() -> None:
    """Nobody writes a question to be told then that it may not be asked."""
    async with staged(chat=Chat(standings={"U1": Standing(guest=True)})) as stage:
        want(stage)
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.NOT_FOR_GUESTS]
        assert stage.chat.panels == []


async def test_who_has_spent_the_days_dollars_is_told_so_in_place_of_the_form() -> None:
    async with staged(Spent(Usage(1000, 1000)), "Yes.", Done("end_turn"), chat=Chat()) as stage:
        stage.ask("First?")
        await stage.quiet()
        stage.store.preferences.set["fake", "T1", "C1"] = {"person_daily": 1}
        want(stage)
        await stage.quiet()
        [told] = stage.chat.said_beside("told")
        assert told.startswith("Your limit of")
        assert stage.chat.panels == []


async def test_who_has_asked_too_often_is_told_so_in_place_of_the_form_and_it_is_no_question() -> None:
    """How often goes before how much, as in every other way; a form that did not open is not counted."""
    async with staged(Spent(Usage(1000, 1000)), "Yes.", Done("end_turn"), chat=Chat()) as stage:
        stage.ask("First?")
        await stage.quiet()
        stage.store.preferences.set["fake", "T1", "C1"] = {"requests_a_minute": 1, "person_daily": 1}
        for number in range(3):
            want(stage, key=f"w{number}")
            await stage.quiet()
        assert all(told.startswith("That is as many") for told in stage.chat.said_beside("told"))
        assert stage.chat.panels == []
        stage.store.preferences.set.clear()
        await asyncio.sleep(60)
        want(stage, key="w4")
        await stage.quiet()
        [panel] = stage.chat.panels
        stage.store.preferences.set["fake", "T1", "C1"] = {"requests_a_minute": 1}
        submit(stage, panel.id, question="Second?")
        await stage.quiet()
        assert len(stage.claude.asked) == 2


async def test_where_it_takes_too_long_to_know_the_form_opens_and_the_question_is_refused() -> None:
    """A form has to open within three seconds of the press; and its law holds all the same."""
    chat = Chat(standings={"U1": Standing(guest=True)}, standing_takes=1.5)
    async with staged(chat=chat) as stage:
        want(stage)
        await stage.quiet()
        [panel] = stage.chat.panels
        assert stage.chat.said_beside("told") == []
        submit(stage, panel.id, question="What happened?")
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.NOT_FOR_GUESTS]
        assert stage.claude.asked == []


async def test_nobody_is_kept_from_a_form_by_what_is_not_known() -> None:
    """Somebody whose groups come too late may be listed by one of them."""
    chat = Chat(standings={"U1": Standing(groups=frozenset({"S1"}))}, standing_takes=1.5)
    async with staged(chat=chat) as stage:
        stage.store.preferences.set["fake", "T1", "C1"] = {"who_asks": "listed", "allowed_groups": ("S1",)}
        want(stage)
        await stage.quiet()
        [panel] = stage.chat.panels
        submit(stage, panel.id, question="What happened?")
        await stage.quiet()
        assert stage.chat.said_beside("told") == []
        assert len(stage.claude.asked) == 1


async def test_a_thread_is_summarised_with_what_stood_in_it() -> None:
    before = [Line(Ref("C1", "1"), GRACE, "The build is red."), Line(Ref("C1", "2"), ADA, "Fixed.")]
    async with staged("All is well.", Done("end_turn"), chat=Chat(before=before)) as stage:
        want(stage, "summarize")
        await stage.quiet()
        assert stage.chat.thread("5")[-1] == "All is well."
        [told] = asked(stage)
        assert "Grace: The build is red." in told
        assert sentences.SUMMARIZE_QUESTION in told
