"""Slack's agent surface, on the sandbox: each direct message begins a conversation, and that has a title."""

from __future__ import annotations

import asyncio

from bot.ports import Incoming, Sent
from sandbox.record import Record
from tests.adapters.slack_stage import ADA, GENERAL, Workspace

SET_TITLE = "assistant.threads.setTitle"


async def connect(slack: Workspace, *, agent: bool) -> None:
    slack.make(agent=agent)
    await slack.platform.connect(slack.meter)
    slack._events = slack.platform.events().__aiter__()


async def told(slack: Workspace, text: str, thread: str = "") -> Incoming:
    await slack.server.say(ADA, slack.server.direct(ADA), text, thread=thread)
    return await slack.next(Incoming)


def titled(record: Record) -> list[object]:
    return list(record.entries("call", "slack", method=SET_TITLE))


async def test_a_direct_message_begins_a_conversation_with_a_title(closed: Workspace) -> None:
    """Its first words; what is said later in it changes nothing."""
    await connect(closed, agent=True)
    asked = await told(closed, "why is\nthe sky " + "very " * 30 + "blue?")
    assert asked.place.thread
    assert isinstance(await closed.post(asked.place, "because"), Sent)
    await closed.record.wait(titled)
    [title] = closed.server._surfaces.titles.values()
    assert title.startswith("why is the sky very")
    assert title.endswith("…")
    assert len(title) <= 60
    followed = await told(closed, "and at night?", thread=asked.place.thread)
    assert (followed.scope, followed.threaded) == (asked.scope, True)
    other = await told(closed, "something else")
    assert other.scope != asked.scope
    await closed.record.wait(lambda record: len(titled(record)) == 2)


async def test_a_workspace_without_titles_is_not_asked_again(closed: Workspace) -> None:
    closed.server.faults.fault(SET_TITLE, error="not_agent_app")
    await connect(closed, agent=True)
    await told(closed, "one")
    await closed.record.wait(titled)
    await asyncio.gather(*closed.platform._there.asides._errands)
    await told(closed, "two")
    assert len(titled(closed.record)) == 1


async def test_an_ordinary_app_gives_no_titles(closed: Workspace) -> None:
    """Nor does an agent in channels."""
    await connect(closed, agent=False)
    assert (await told(closed, "one")).place.thread == ""
    await closed.platform.close()
    await connect(closed, agent=True)
    await closed.server.say(ADA, GENERAL, f"{closed.server.mention} why?")
    await closed.next(Incoming)
    assert titled(closed.record) == []
