"""Typing, Discord's status: a courtesy, shown where a new message is to come, and shed first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.ports import Control, Edited, Pressed, Ref, Sent
from tests.adapters.discord_stage import TYPING, Stage, content, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


async def test_typing_is_seen_counted_and_never_in_the_edit_budget(stage: Stage) -> None:
    """A status spends its own bucket, and several at once are one call."""
    incoming = await stage.ask()
    await asyncio.gather(*(stage.platform.status(incoming.place, "thinking") for _ in range(5)))
    assert len(stage.calls(TYPING)) == 1
    assert stage.record.entries("status", channel=stage.general)
    keys = {
        b.key for op in ("post", "edit") for b in stage.platform.buckets(op, incoming.place, Ref("1", "2"))
    }
    assert len([key for key in stage.meter.spendings if key not in keys]) == 1
    await stage.platform.status(incoming.place, "")
    assert len(stage.calls(TYPING)) == 1


async def test_no_typing_where_the_answer_comes_in_a_message_that_is_there(stage: Stage) -> None:
    """Fault 28: only a new message ends it, and an answer that is had anew makes none."""
    first = await stage.ask()
    answer = await stage.platform.post(first.place, content("one", controls=(Control.REGENERATE,)), key="k1")
    assert isinstance(answer, Sent)
    await stage.ask("and you?")
    await stage.platform.status(first.place, "thinking")
    assert not stage.calls(TYPING)


@pytest.mark.parametrize(
    ("again", "typed"), [(Control.REGENERATE, 0), (Control.CONTINUE, 1)], ids=["regenerate", "continue"]
)
async def test_typing_in_a_direct_message_is_for_new_answers(
    stage: Stage, again: Control, typed: int
) -> None:
    """Fault 28: there a question is told from its answer by what was done last."""
    asked = await stage.ask(channel=stage.direct)
    answer = await stage.platform.post(asked.place, content("one", controls=(again,)), key="k1")
    assert isinstance(answer, Sent)
    await stage.server.press(stage.ada, stage.direct, answer.ref.message, again.value.capitalize())
    await stage.next(Pressed)
    await stage.platform.status(asked.place, "thinking")
    assert len(stage.calls(TYPING)) == typed
    asked = await stage.ask("and now?", channel=stage.direct)
    await stage.platform.status(asked.place, "thinking")
    assert len(stage.calls(TYPING)) == 1


@pytest.mark.parametrize("answered", [False, True])
async def test_no_typing_for_a_direct_question_that_was_changed(stage: Stage, *, answered: bool) -> None:
    """Its answer changes in place; one that nobody has answered yet is still answered in a new message."""
    asked = await stage.ask(channel=stage.direct)
    assert asked.message is not None
    if answered:
        await stage.post(asked.place)
    await stage.server.change(stage.ada, stage.direct, asked.message.message, "why not?")
    await stage.next(Edited)
    await stage.platform.status(asked.place, "thinking")
    assert len(stage.calls(TYPING)) == (0 if answered else 1)


async def test_a_status_that_is_refused_is_left_out(stage: Stage) -> None:
    """Cosmetic calls are shed first."""
    incoming = await stage.ask()
    stage.server.faults.fault(TYPING, status=429, retry_after=60.0)
    await stage.platform.status(incoming.place, "thinking")
    await stage.platform.status(incoming.place, "thinking")
    assert len(stage.calls(TYPING)) == 1
    assert len(stage.meter.refusals) == 1
