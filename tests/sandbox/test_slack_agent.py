"""The app as one of Slack's agents: sessions, titles, prompts and the stop button, by the SDK's own calls."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackServer

UNHEARD = "missing_agent_session_stopped_event_subscription"


def client(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)


async def refused(coroutine: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await coroutine
    return str(caught.value.response["error"])


async def test_an_app_that_is_no_agent_has_no_sessions(slack: SlackServer) -> None:
    """feature_disabled, not_agent_app."""
    direct, web = slack.direct("U0ADA"), client(slack)
    root = await slack.say("U0ADA", direct, "question")
    said = {"channel_id": direct, "thread_ts": root}
    assert await refused(web.agents_sessions_setStatus(status="processing", **said)) == "feature_disabled"
    assert await refused(web.agents_sessions_rename(title="t", **said)) == "feature_disabled"
    assert await refused(web.assistant_threads_setTitle(title="t", **said)) == "not_agent_app"
    assert slack.sessions("U0ADA") == []


async def test_a_session_is_created_by_its_status_and_renamed(slack: SlackServer) -> None:
    """A title counts where the session is new, and is held to 200 characters."""
    slack.declare_agent()
    direct, web = slack.direct("U0ADA"), client(slack)
    root = await slack.say("U0ADA", direct, "question")
    said = {"channel_id": direct, "thread_ts": root}
    assert await refused(web.agents_sessions_rename(title="t", **said)) == "session_not_found"
    long = web.agents_sessions_setStatus(status="processing", title="t" * 201, **said)
    assert await refused(long) == "invalid_arguments"
    assert await refused(web.agents_sessions_setStatus(status="busy", **said)) == "invalid_status"
    alone = web.agents_sessions_setStatus(status="active", channel_id=direct)
    assert await refused(alone) == "thread_ts_required"
    made = await web.agents_sessions_setStatus(status="processing", title="t" * 200, **said)
    assert (made["status"], made["title"]) == ("processing", "t" * 200)
    again = await web.agents_sessions_setStatus(status="active", title="other", **said)
    assert again["title"] == "t" * 200
    assert await refused(web.agents_sessions_rename(title="t" * 201, **said)) == "invalid_arguments"
    await web.agents_sessions_rename(title="Short", **said)
    assert slack.sessions("U0ADA") == [{"thread": root, "title": "Short", "status": "active"}]


async def test_the_stop_button_is_there_while_a_session_is_processing_and_heard_of(
    slack: SlackServer,
) -> None:
    """Without the subscription every status comes with a warning, and nobody can press."""
    slack.declare_agent()
    direct, web = slack.direct("U0ADA"), client(slack)
    root = await slack.say("U0ADA", direct, "question")
    said = {"channel_id": direct, "thread_ts": root}
    await web.agents_sessions_setStatus(status="processing", **said)
    await slack.stop_session("U0ADA", direct, root)
    await web.agents_sessions_setStatus(status="active", **said)
    with pytest.raises(LookupError):
        await slack.stop_session("U0ADA", direct, root)
    slack.subscriptions.discard("agent_session_stopped")
    warned = await web.agents_sessions_setStatus(status="processing", **said)
    assert warned["warning"] == UNHEARD
    with pytest.raises(LookupError):
        await slack.stop_session("U0ADA", direct, root)
