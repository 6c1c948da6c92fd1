"""Slack's agent surface on the page, in a real browser: prompts, conversations with a title and a state, and its stop."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Locator, expect

from tests.page import test_browser
from tests.page.test_browser import Desk, browser, desk, window

__all__ = ["browser", "desk", "window"]  # the fixtures of the page's other tests
pytestmark = test_browser.pytestmark

PROMPTS = [
    {"title": "Explain something", "message": "Explain it to me"},
    {"title": "Help me write", "message": "Write it with me"},
]


async def call(desk: Desk, method: str, **fields: Any) -> Any:
    """What an agent says to Slack."""
    slack = desk.world.slack
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with desk.session.post(slack.api_url + method, json=fields, headers=headers) as answer:
        told = await answer.json()
    assert told["ok"], told
    return told


async def at_the_tab(desk: Desk) -> Locator:
    """Ada, who looks at her direct messages with the agent."""
    desk.world.slack.declare_agent(PROMPTS)
    page = await desk.open()
    slack = page.locator("#slack")
    await slack.get_by_role("navigation").get_by_role("button", name="claude").click()
    return slack


async def test_a_prompt_is_pressed_and_begins_a_conversation(desk: Desk) -> None:
    """Slack tells the app that the tab was opened; a prompt is sent as one's own message."""
    slack = await at_the_tab(desk)
    opened = await desk.world.record.wait(
        lambda record: record.entries("event", "slack", event="app_home_opened"), within=5
    )
    assert len(opened) == 1
    await expect(slack.get_by_role("group", name="Suggested prompts").get_by_role("button")).to_have_text(
        ["Explain something", "Help me write"]
    )
    await slack.get_by_role("button", name="Help me write").click()
    await expect(slack.get_by_role("article")).to_contain_text("Write it with me")
    [said] = desk.world.slack.messages(desk.world.slack.direct("U0ADA"))
    assert (said["author"], said["text"]) == ("U0ADA", "Write it with me")


async def test_a_conversation_has_a_title_a_state_and_slacks_own_stop(desk: Desk) -> None:
    """It stands in the list; while the agent works, one can stop it, and the agent hears of that."""
    slack = await at_the_tab(desk)
    direct = desk.world.slack.direct("U0ADA")
    root = await desk.world.slack.say("U0ADA", direct, "question")
    said = {"channel_id": direct, "thread_ts": root}
    await call(desk, "agents.sessions.setStatus", status="processing", **said)
    listed = slack.get_by_role("navigation").get_by_role("button", name=re.compile(r"\(working\)$"))
    await expect(listed).to_contain_text("New conversation")
    await call(desk, "assistant.threads.setTitle", title="About questions " * 12, **said)
    await listed.click()
    thread = slack.get_by_role("region", name="Thread")
    await expect(thread.get_by_role("heading")).to_contain_text("About questions")
    for scheme in ("light", "dark"):
        await thread.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        contrasts = await thread.page.evaluate(test_browser.CONTRASTS)
        assert [low for low in contrasts if low[0] < test_browser.AA] == []
    stop = thread.get_by_role("group", name="The agent is working").get_by_role("button", name="Stop")
    room, box = await slack.bounding_box(), await stop.bounding_box()
    assert room is not None
    assert box is not None
    assert box["x"] + box["width"] <= room["x"] + room["width"], "however long the title is"
    await stop.click()
    [event] = await desk.world.record.wait(
        lambda record: record.entries("event", "slack", event="agent_session_stopped"), within=5
    )
    assert event["channel"] == direct
    await call(desk, "agents.sessions.setStatus", status="active", **said)
    await expect(stop).to_be_hidden()
    await expect(listed).to_be_hidden()
    await expect(
        slack.get_by_role("navigation").get_by_role("button", name="About questions")
    ).to_be_visible()


async def test_prompts_of_a_conversation_stand_in_it(desk: Desk) -> None:
    """setSuggestedPrompts with a thread; others keep the tab's."""
    slack = await at_the_tab(desk)
    direct = desk.world.slack.direct("U0ADA")
    root = await desk.world.slack.say("U0ADA", direct, "question")
    said = {"channel_id": direct, "thread_ts": root}
    await call(desk, "agents.sessions.setStatus", status="active", title="Its title", **said)
    more = [{"title": "Go on", "message": "More of it"}]
    await call(desk, "assistant.threads.setSuggestedPrompts", prompts=more, **said)
    await slack.get_by_role("navigation").get_by_role("button", name="Its title").click()
    thread = slack.get_by_role("region", name="Thread")
    await thread.get_by_role("button", name="Go on").click()
    await expect(thread.get_by_role("article").last).to_contain_text("More of it")
    assert desk.world.slack.messages(direct)[-1]["thread"] == root


async def test_an_ordinary_app_has_none_of_it(desk: Desk) -> None:
    page = await desk.open()
    slack = page.locator("#slack")
    await slack.get_by_role("navigation").get_by_role("button", name="claude").click()
    await expect(slack.get_by_text("Say something to claude.")).to_be_visible()
    await expect(slack.get_by_role("group", name="Suggested prompts")).to_be_hidden()
