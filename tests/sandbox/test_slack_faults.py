"""Scripted faults: each happens to the calls it was meant for, and a viewer sees what really was applied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.faults import Fault, Faults
from sandbox.slack.server import SlackServer

GENERAL, RANDOM = "C0GENERAL", "C0RANDOM"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def post(
    http: aiohttp.ClientSession, slack: SlackServer, text: str, channel: str = GENERAL
) -> tuple[int, str, Any]:
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    said = {"channel": channel, "text": text}
    async with http.post(slack.api_url + "chat.postMessage", json=said, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers.get("Retry-After")


def texts(slack: SlackServer, channel: str = GENERAL) -> list[str]:
    return [message["text"] for message in slack.messages(channel)]


# -------------------------------------------------------------------------------------------------------- the queue


def test_a_fault_is_over_after_its_times() -> None:
    """Law: exactly the calls that were scripted."""
    faults = Faults()
    fault = faults.fault("chat.update", times=2, status=500)
    assert [faults.take("chat.update") for _ in range(3)] == [fault, fault, None]
    assert list(faults.pending) == []


def test_faults_are_served_in_order_to_the_calls_they_name() -> None:
    """By method (or a beginning of it) and by channel."""
    faults = Faults()
    faults.fault("chat.update", channel="C2", error="a")
    faults.fault("chat.*", error="b")
    faults.fault("*", error="c")
    assert [faults.take(method, channel) for method, channel in (("users.info", ""), ("users.info", ""))] == [
        Fault("*", error="c"),
        None,
    ]
    first, second = faults.take("chat.update", "C1"), faults.take("chat.update", "C2")
    assert first is not None
    assert second is not None
    assert (first.error, second.error) == ("b", "a")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"times": 0}, "at least once"), ({"drop": "sideways"}, "before"), ({"delay": -1.0}, "never negative")],
)
def test_a_script_without_sense_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    """Misuse answers with a sentence."""
    with pytest.raises(ValueError, match=sentence):
        Faults().fault("chat.update", **wrong)


def test_what_is_still_to_come_can_be_shown_and_forgotten() -> None:
    """For the page, and for the end of a test."""
    faults = Faults()
    faults.fault("chat.update", times=3, retry_after=5.0)
    assert faults.as_json()[0] | {"method": "chat.update", "status": 429, "times": 3} == faults.as_json()[0]
    faults.clear()
    assert faults.take("chat.update") is None


# -------------------------------------------------------------------------------------------------------- on the wire


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ({"error": "fatal_error"}, (200, '{"ok": false, "error": "fatal_error"}', None)),
        ({"status": 503}, (503, '{"ok": false, "error": "internal_error"}', None)),
        ({"status": 500, "body": "<html>"}, (500, "<html>", None)),
        ({"retry_after": 7.0}, (429, '{"ok": false, "error": "ratelimited"}', "7")),
        ({"status": 429, "body": ""}, (429, "", "1")),
    ],
)
async def test_a_scripted_answer_changes_nothing(
    slack: SlackServer, http: aiohttp.ClientSession, script: dict[str, Any], answer: tuple[int, str, Any]
) -> None:
    """Once as scripted, then as usual."""
    slack.faults.fault("chat.postMessage", **script)
    assert await post(http, slack, "one") == answer
    assert texts(slack) == []
    assert (await post(http, slack, "two"))[0] == 200
    assert texts(slack) == ["two"]


@pytest.mark.parametrize(("drop", "seen"), [("before", []), ("after", ["one"])])
async def test_a_lost_answer_may_or_may_not_have_been_applied(
    slack: SlackServer, http: aiohttp.ClientSession, drop: Any, seen: list[str]
) -> None:
    """The client cannot tell; the viewer can."""
    slack.faults.fault("chat.postMessage", drop=drop)
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(http, slack, "one")
    assert texts(slack) == seen


async def test_a_fault_of_one_channel_leaves_the_others(
    slack: SlackServer, http: aiohttp.ClientSession
) -> None:
    """Trouble in one place only."""
    slack.faults.fault("chat.postMessage", channel=RANDOM, error="fatal_error")
    assert '"ok": true' in (await post(http, slack, "one"))[1]
    assert '"ok": false' in (await post(http, slack, "one", RANDOM))[1]


async def test_a_slow_call_is_applied_late_even_if_the_client_has_gone(
    slack: SlackServer, http: aiohttp.ClientSession
) -> None:
    """A timeout on our side proves nothing: the older edit may land after the newer one."""
    slack.faults.fault("chat.postMessage", delay=60.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await post(http, slack, "slow")
    assert list(slack.faults.pending) == [], "it has arrived"
    await post(http, slack, "quick")
    slack.clock.rescale(1000.0)
    record = slack.record
    await record.wait(lambda r: r.entries("shown", text="slow"))
    assert texts(slack) == ["quick", "slow"]


async def test_an_answer_can_linger_after_its_call_was_applied(
    slack: SlackServer, http: aiohttp.ClientSession
) -> None:
    """The viewer sees it before the client knows."""
    slack.faults.fault("chat.postMessage", linger=1.0)
    async with asyncio.TaskGroup() as group:
        calling = group.create_task(post(http, slack, "one"))
        await slack.record.wait(lambda r: r.entries("shown", text="one"))
        assert not calling.done()
    assert calling.result()[0] == 200
