"""Slack's agent surface, on the sandbox: each direct message begins a conversation, with a title and a state."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from adapters.slack.openings import PROMPTS
from bot import sentences
from bot.ports import Content, Control, Deleted, Incoming, Ordered, Place, Pressed, Sent
from bot.translations import say
from sandbox.record import Record
from tests.adapters.slack_stage import ADA, GENERAL, Workspace

SET_TITLE = "assistant.threads.setTitle"
SET_STATUS = "agents.sessions.setStatus"


async def connect(slack: Workspace, *, agent: bool) -> None:
    if agent:
        slack.server.declare_agent()
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
    title = closed.server.sessions(ADA)[0]["title"]
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


# ------------------------------------------------------------------------------------------------ the older surface


SUGGEST = "assistant.threads.setSuggestedPrompts"
STARTED, CHANGED = "assistant_thread_started", "assistant_thread_context_changed"


async def open_chat(slack: Workspace) -> str:
    """Ada opens a new chat with an app of the older surface: Slack makes its root, and says so. The thread."""
    direct = slack.server.direct(ADA)
    root = await slack.platform._there.client.chat_postMessage(channel=direct, text="New chat")
    thread = {
        "user_id": ADA,
        "context": {"channel_id": GENERAL},
        "channel_id": direct,
        "thread_ts": root["ts"],
    }
    slack.server.subscriptions |= {STARTED, CHANGED}
    for kind in (STARTED, CHANGED, STARTED):
        event = {"type": kind, "assistant_thread": thread, "event_ts": "1.1"}
        slack.server._delivery.publish(event, None)
    await slack.record.wait(lambda record: len(record.entries("acked", "slack", event=STARTED)) == 2)
    return str(root["ts"])


@pytest.mark.parametrize("agent", [True, False])
async def test_a_chat_of_the_older_surface_has_prompts_and_a_title_by_its_first_words(
    closed: Workspace, *, agent: bool
) -> None:
    """In the language of who has opened it; what is delivered twice is done once, and none of it is a message."""
    closed.server.set_person(ADA, locale="de-DE")
    await connect(closed, agent=agent)
    closed.server.declare_agent()
    thread = await open_chat(closed)
    await closed.record.wait(lambda record: record.entries("prompts", "slack"))
    assert closed.server.prompts(ADA, thread) == [
        say("de", one)
        for one in (
            sentences.PROMPT_EXPLAIN,
            sentences.PROMPT_WRITE,
            sentences.PROMPT_THINK,
            sentences.PROMPT_HELP,
        )
    ]
    assert len(closed.calls(SUGGEST)) == 1
    asked = await told(closed, "why is the sky blue?", thread=thread)
    assert (asked.place.thread, asked.text) == (thread, "why is the sky blue?"), "the first event of all"
    await closed.record.wait(titled)
    assert [one["title"] for one in closed.server.sessions(ADA)] == ["why is the sky blue?"]
    await told(closed, "and at night?", thread=thread)
    await closed.post(asked.place, "because")
    assert len(titled(closed.record)) == 1


def test_both_surfaces_suggest_the_same() -> None:
    """New apps have their prompts from the manifest, which knows one language."""
    manifest = yaml.safe_load((Path(__file__).parents[2] / "deploy/slack-manifest-agent.yaml").read_text())
    suggested = manifest["features"]["agent_view"]["suggested_prompts"]
    assert [(one["title"], one["message"]) for one in suggested] == list(PROMPTS)


async def test_an_app_that_may_suggest_nothing_is_not_asked_again(closed: Workspace) -> None:
    await connect(closed, agent=False)
    await open_chat(closed)
    await closed.record.wait(lambda _: closed.calls(SUGGEST))
    await asyncio.gather(*closed.platform._there.openings._errands)
    await open_chat(closed)
    assert (await closed.ask("one")).text == "one"
    assert len(closed.calls(SUGGEST)) == 1


# ------------------------------------------------------------------------------------------------ states


def page(text: str, *controls: Control, reply: str = "r1") -> Content:
    return Content(text, controls, reply)


async def grow(slack: Workspace, place: Place, *, reply: str = "r1") -> Sent:
    sent = await slack.platform.post(place, page("so", Control.STOP, reply=reply), key=f"key-{reply}")
    assert isinstance(sent, Sent)
    return sent


async def state(slack: Workspace, place: Place, wanted: str) -> None:
    """Wait until Slack lists the conversation so."""

    def listed(record: Record) -> bool:
        told = record.entries("session", "slack", thread=place.thread)
        return bool(told) and told[-1]["status"] == wanted

    await slack.record.wait(listed, within=15)


def states(slack: Workspace, place: Place) -> list[str]:
    told = slack.record.entries("session", "slack", thread=place.thread)
    return [one["status"] for one in told if one["status"]]


async def test_a_conversation_is_processing_while_an_answer_grows_in_it(closed: Workspace) -> None:
    """Also where its Stop button moves on to a further page."""
    await connect(closed, agent=True)
    place = (await told(closed, "why?")).place
    first = await grow(closed, place)
    await state(closed, place, "processing")
    second = await closed.platform.post(place, page("and", Control.STOP), key="key-2")
    assert isinstance(second, Sent)
    await closed.platform.edit(place, first.ref, page("so, whole"))
    await closed.platform.edit(place, second.ref, page("and that is all", Control.REGENERATE))
    await state(closed, place, "active")
    assert states(closed, place) == ["processing", "active"]


async def test_a_refusal_delays_the_end_of_it_and_does_not_lose_it(closed: Workspace) -> None:
    await connect(closed, agent=True)
    place = (await told(closed, "why?")).place
    sent = await grow(closed, place)
    await state(closed, place, "processing")
    closed.server.faults.fault(SET_STATUS, status=429, retry_after=1)
    await closed.platform.edit(place, sent.ref, page("so it is", Control.REGENERATE))
    await state(closed, place, "active")


async def test_an_answer_that_is_deleted_is_worked_on_no_more(closed: Workspace) -> None:
    await connect(closed, agent=True)
    place = (await told(closed, "why?")).place
    sent = await grow(closed, place)
    await grow(closed, (await told(closed, "why else?")).place, reply="r2")
    await state(closed, place, "processing")
    await closed.server.delete(ADA, place.channel, sent.ref.message)
    await closed.next(Deleted)
    await state(closed, place, "active")


async def test_an_answer_that_a_restart_has_mended_is_worked_on_no_more(closed: Workspace) -> None:
    """Whatever the process before had told Slack: an hour is long for a stop button of nothing."""
    await connect(closed, agent=True)
    asked = await told(closed, "why?")
    place = replace(asked.place, route="")
    sent = await grow(closed, place)
    await state(closed, place, "processing")
    await closed.platform.close()
    await connect(closed, agent=True)
    await closed.platform.edit(place, sent.ref, page("interrupted", Control.CONTINUE))
    await state(closed, place, "active")


async def test_slacks_stop_button_means_the_answers_that_grow_in_its_thread(closed: Workspace) -> None:
    await connect(closed, agent=True)
    place = (await told(closed, "why?")).place
    other = (await told(closed, "why else?")).place
    sent = await grow(closed, place)
    await grow(closed, other, reply="r2")
    await state(closed, place, "processing")
    await closed.server.stop_session(ADA, place.channel, place.thread)
    pressed = await closed.next(Pressed)
    assert (pressed.control, pressed.reply, pressed.message) == (Control.STOP, "r1", sent.ref)


async def test_slacks_stop_button_means_the_thread_where_nothing_is_seen_yet(closed: Workspace) -> None:
    await connect(closed, agent=True)
    place = (await told(closed, "why?")).place
    await closed.platform.status(place, "is thinking")
    await state(closed, place, "processing")
    await closed.server.stop_session(ADA, place.channel, place.thread)
    ordered = await closed.next(Ordered)
    assert (ordered.verb, ordered.place.thread, ordered.person.id) == ("stop", place.thread, ADA)
    await closed.platform.status(place, "")
    await state(closed, place, "active")


async def test_slacks_stop_button_that_comes_too_late_stops_nothing_else(closed: Workspace) -> None:
    """Slack's own list was late; it is told once more."""
    await connect(closed, agent=True)
    place = (await told(closed, "why?")).place
    sent = await grow(closed, place)
    await state(closed, place, "processing")
    closed.server.faults.fault(SET_STATUS, status=429, retry_after=1)
    await closed.platform.edit(place, sent.ref, page("so it is", Control.REGENERATE))
    await closed.server.stop_session(ADA, place.channel, place.thread)
    assert (await told(closed, "something else")).text == "something else", "the next event"
    await state(closed, place, "active")


async def test_many_answers_at_once_leave_calls_for_their_ends(closed: Workspace) -> None:
    """Who has waited long for nothing but a button is no reason for a refusal."""
    closed.server.limits.change("slack.chat.postMessage", rate=100, burst=100)
    await connect(closed, agent=True)
    places = [(await told(closed, f"why {number}?")).place for number in range(8)]
    sent = [await grow(closed, place, reply=f"r{n}") for n, place in enumerate(places)]
    await state(closed, places[0], "processing")
    for place, one, number in zip(places, sent, range(8), strict=True):
        await closed.platform.edit(place, one.ref, page("whole", Control.REGENERATE, reply=f"r{number}"))
    for place in places:
        await state(closed, place, "active")
    assert closed.record.entries("refused", "slack", method=SET_STATUS) == []
