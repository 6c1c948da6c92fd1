"""Ways of asking x rules: no way goes around a rule. On virtual time, judged by whether Claude was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot import sentences
from bot.claude.events import Done, Spent, Usage
from bot.ports import (
    Control,
    Edited,
    Line,
    Person,
    Place,
    Pressed,
    Ref,
    Standing,
    Submitted,
    Wanted,
)
from tests.conversation.stage import ADA, GRACE, Chat, Stage, staged

pytestmark = pytest.mark.looptime

QUESTION = Ref("C1", "900")
PLACE = Place("fake", "T1", "C1", thread="1700.1", route="acted")
ABOUT = Line(Ref("C1", "5"), GRACE, "The build is red.")


async def mention(stage: Stage) -> None:
    stage.ask("Why?", thread="other")


async def command(stage: Stage) -> None:
    stage.ask("Why?", thread="other", how="command")


async def follow_up(stage: Stage) -> None:
    stage.ask("And then?", how="overheard")


async def always_on(stage: Stage) -> None:
    changes = stage.store.preferences.set.setdefault(("fake", "T1", "C1"), {})
    changes["always_on"] = True
    stage.ask("Anybody?", thread="other", how="overheard")


async def shortcut(stage: Stage) -> None:
    stage.conversations.take(stage.channel, Wanted("w1", "ask", ABOUT, ADA, PLACE, "thread:C1:5"))
    await asyncio.sleep(1)
    if not stage.chat.panels:
        assert stage.chat.said_beside("told"), "a sentence in place of the form"
        return
    send_off(stage, stage.chat.panels[-1].id)


async def form_from_before(stage: Stage) -> None:
    """It was opened when the rule did not hold yet."""
    send_off(stage, "ask:before", about=ABOUT)


def send_off(stage: Stage, panel: str, **more: Any) -> None:
    values = {"question": ("Why?",)}
    stage.conversations.take(stage.channel, Submitted("s1", panel, values, ADA, PLACE, **more))


async def summary(stage: Stage) -> None:
    stage.conversations.take(stage.channel, Wanted("w1", "summarize", ABOUT, ADA, PLACE, "thread:C1:5"))


async def edit(stage: Stage) -> None:
    stage.conversations.take(stage.channel, Edited(QUESTION, ADA, PLACE, "Why not?"))


async def regenerate(stage: Stage) -> None:
    press(stage, Control.REGENERATE)


async def go_on(stage: Stage) -> None:
    press(stage, Control.CONTINUE)


def press(stage: Stage, control: Control) -> None:
    reply = next(iter(stage.store.rows))
    stage.conversations.take(stage.channel, Pressed(control, reply, ADA, PLACE, Ref("C1", "1")))


WAYS = [mention, command, follow_up, always_on, shortcut, form_from_before, summary, edit, regenerate, go_on]


def standing(**what: Any) -> Callable[[Stage], None]:
    def rule(stage: Stage) -> None:
        stage.chat.standings["U1"] = Standing(**what)

    return rule


def setting(scope: str = "C1", **changes: Any) -> Callable[[Stage], None]:
    def rule(stage: Stage) -> None:
        stage.store.preferences.set.setdefault(("fake", "T1", scope), {}).update(changes)

    return rule


def nothing(_stage: Stage) -> None:
    """No rule: the way leads to Claude."""


def in_group(stage: Stage) -> None:
    standing(groups=frozenset({"S1"}))(stage)
    setting(denied_groups=("S1",))(stage)


def allowed_and_denied(stage: Stage) -> None:
    setting("", allowed_people=("U1",), denied_people=("U1",))(stage)


RULES: dict[str, tuple[Callable[[Stage], None], bool]] = {
    "no rule": (nothing, True),
    "guest": (standing(guest=True), False),
    "outsider": (standing(outsider=True), False),
    "denied here": (setting(denied_people=("U1",)), False),
    "denied everywhere": (setting("", denied_people=("U1",)), False),
    "denied by group": (in_group, False),
    "denied beats allowed": (allowed_and_denied, False),
    "not listed": (setting(who_asks="listed", allowed_people=("U2",)), False),
    "listed": (setting(who_asks="listed", allowed_people=("U1",)), True),
    "switched off here": (setting(answers_here=False), False),
    "too many a minute": (setting(requests_a_minute=1), False),
    "person's money": (setting(person_daily=1), False),
    "channel's money": (setting(channel_daily=1), False),
    "everybody's money": (setting("", workspace_daily=1), False),
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("rule", RULES)
async def test_no_way_of_asking_goes_around_a_rule(rule: str, way: Callable[[Stage], Any]) -> None:
    """Before the rule holds, Ada has asked a question that cost something, so that every way has what it needs."""
    apply, allowed = RULES[rule]
    async with staged("Half of it", Spent(Usage(1000, 1000)), Done("max_tokens"), chat=Chat()) as stage:
        stage.ask("First?", message=QUESTION)
        await stage.quiet()
        before = stage.chat.texts()
        apply(stage)
        await way(stage)
        await stage.quiet()
        assert (len(stage.claude.asked) == 2) == allowed, stage.chat.texts()
        if not allowed:
            assert stage.chat.texts()[: len(before)] == before, "what was there stays"
        assert stage.left() == {}


@pytest.mark.parametrize("allowed", [True, False])
async def test_direct_messages_can_be_switched_off(allowed: bool) -> None:
    async with staged() as stage:
        stage.store.preferences.set["fake", "T1", ""] = {"direct_messages": allowed}
        place = Place("fake", "T1", "D1", private=True)
        stage.ask("Why?", how="direct", place=place, scope="direct:D1")
        await stage.quiet()
        assert (len(stage.claude.asked) == 1) == allowed


async def test_a_workspace_that_the_house_does_not_serve_is_told_so() -> None:
    async with staged(INKSTREAM_WORKSPACES="T9") as stage:
        stage.ask("Why?")
        await stage.quiet()
        assert stage.claude.asked == []
        assert stage.chat.said_beside("told") == [sentences.NOT_IN_THIS_WORKSPACE]


async def test_bots_talk_to_us_only_where_they_are_listed_and_not_for_ever() -> None:
    """Fault 17: two bots that answer each other."""
    robot = Person("B1", "Robot")
    async with staged() as stage:
        stage.ask("Hello!", person=robot, bot=True)
        await stage.quiet()
        assert stage.claude.asked == []
        assert stage.chat.texts() == [], "the text of a refusal is loop fuel"
        stage.store.preferences.set["fake", "T1", "C1"] = {"bots": ("B1",), "bots_in_a_row": 3}
        for number in range(10):
            stage.ask(f"Hello {number}!", person=robot, bot=True)
            await stage.quiet()
        assert len(stage.claude.asked) == 3
        stage.ask("What goes on here?")
        await stage.quiet()
        stage.ask("Hello again!", person=robot, bot=True)
        await stage.quiet()
        assert len(stage.claude.asked) == 5


async def test_fifty_questions_at_once_overshoot_a_limit_by_one_reply_at_most() -> None:
    cost = Usage(1000, 1000)
    async with staged("Yes.", Spent(cost), Done("end_turn")) as stage:
        stage.ask("How much is one?")
        await stage.quiet()
        one = stage.store.ledger.spent[0][1].micros
        stage.store.ledger.spent.clear()
        stage.store.preferences.set["fake", "T1", ""] = {"workspace_daily": 3 * one}
        for number in range(50):
            stage.ask(f"Number {number}?", thread=str(number), person=Person(f"U{number}", "Somebody"))
        await stage.quiet()
        spent = sum(entry.micros for _, entry in stage.store.ledger.spent)
        assert 0 < spent <= 3 * one + one
        assert not stage.store.ledger.reserved
        told = stage.chat.said_beside("told")
        assert len(told) + len(stage.store.ledger.spent) == 50
        assert all("limit" in text for text in told)


async def test_a_denied_follow_up_is_passed_over_in_silence() -> None:
    async with staged() as stage:
        stage.ask("First?")
        await stage.quiet()
        stage.store.preferences.set["fake", "T1", "C1"] = {"denied_people": ("U2",)}
        stage.ask("And me?", how="overheard", person=GRACE)
        await stage.quiet()
        assert stage.chat.texts() == ["Yes."]
        assert stage.chat.said_beside("told") == []
