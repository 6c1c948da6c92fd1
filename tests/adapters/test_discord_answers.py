"""Answers that are not what Discord documents: a verb gives data all the same, and what can be shown is shown."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.discord.rest import _json
from bot.ports import File, Person, Place, Ref, Refused, Sent, Standing, Unavailable
from tests.adapters.discord_stage import ORIGINAL, PATCH, POST, TYPING, Stage, content, staged

LISTED = "GET /channels/{c}/messages"
MEMBER = "GET /guilds/{g}/members/{u}"
USER = "GET /users/{u}"

BODIES = [
    "",
    "<html>",
    '{"id":',
    "null",
    "5",
    '"words"',
    "[]",
    "[null, 5, [], {}]",
    '[{"id": 5, "author": "somebody", "content": 7, "nonce": []}]',
    '{"id": [], "author": 5, "flags": "none", "user": "somebody", "roles": 3, "username": {}}',
    '{"id": "9", "flags": "none", "user": [], "roles": [null]}',
    "[" * 100_000,
]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


@pytest.mark.parametrize("body", BODIES, ids=[str(n) for n in range(len(BODIES))])
async def test_no_body_makes_a_verb_raise(stage: Stage, body: str) -> None:
    """Law: what went wrong comes back as data."""
    platform = stage.platform
    asked, command = await stage.ask(), await stage.command()
    for method in (
        LISTED,
        MEMBER,
        USER,
        POST,
        PATCH,
        ORIGINAL,
        TYPING,
        "GET /webhooks/{a}/{t}/messages/@original",
    ):
        stage.server.faults.fault(method, times=2, status=200, body=body)
    posted = await platform.post(asked.place, content("one"), key="k1")
    assert isinstance(posted, Sent | Unavailable)
    assert await platform.edit(asked.place, Ref(stage.general, "1"), content("two")) == Sent(
        Ref(stage.general, "1")
    )
    found = await platform.find(replace(asked.place, channel=stage.random), "another")
    assert found is None or isinstance(found, Unavailable)
    assert isinstance(await platform.post(command.place, content("one"), key="k2"), Sent | Unavailable)
    await platform.find(command.place, "k2")
    assert isinstance(await platform.standing(asked.place, Person("77")), Standing)
    assert isinstance(await platform.name(Person("78")), str)
    threaded = replace(asked, scope=f"thread:{stage.general}", threaded=True)
    assert len(await platform.history(threaded, limit=5)) <= 5
    await platform.status(Place("discord", asked.place.workspace, stage.random), "thinking")


def test_json_that_is_nested_beyond_measure_is_none() -> None:
    """Some proxy's idea of an answer must not end a task."""
    assert _json(b"[" * 1_000_000) is None
    assert _json(b"\xff\xfe") is None


async def test_a_page_of_the_edge_ends_all_calls_whichever_call_met_it(stage: Stage) -> None:
    """Also one beside the outbox, whose own refusal nobody waits for."""
    asked = await stage.ask()
    stage.server.faults.fault(TYPING, status=403, body="<html>Access denied</html>")
    await stage.platform.status(asked.place, "thinking")
    refused = await stage.platform.post(asked.place, content("one"), key="k1")
    assert isinstance(refused, Refused)
    assert not stage.calls(POST)


async def test_a_page_is_no_word_on_whether_a_post_exists(stage: Stage) -> None:
    """The edge answers for a channel that it has not looked at; only Discord's own 403 says that nothing can be read."""
    asked = await stage.ask()
    stage.server.gateway.lose("MESSAGE_CREATE")
    stage.server.faults.fault(POST, drop="after")
    await stage.platform.post(asked.place, content("one"), key="k1")
    stage.server.faults.fault(LISTED, status=404, body="<html>Not found</html>")
    assert isinstance(await stage.platform.find(asked.place, "k1"), Unavailable)
    stage.server.faults.fault(LISTED, status=403, body="<html>Access denied</html>")
    assert isinstance(await stage.platform.find(asked.place, "k1"), Unavailable)


async def test_what_takes_no_arrow_is_answered_without_one(stage: Stage) -> None:
    """A menu opens on announcements as well, and to those Discord takes no reply; other questions keep theirs."""
    wrong = {"message_reference": {"_errors": [{"code": "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE"}]}}
    body = json.dumps({"code": 50035, "message": "Invalid Form Body", "errors": wrong})
    asked, other = await stage.ask(), await stage.ask("and this?")
    stage.server.faults.fault(POST, status=400, body=body)
    assert await stage.platform.post(asked.place, content("one"), key="k1") == Unavailable(
        "400/50035", applied=False
    )
    first = await stage.post(asked.place)
    second = await stage.post(other.place, key="k2", reply="r2")
    assert stage.shown(first)["reply_to"] == ""
    assert stage.shown(second)["reply_to"] == other.place.reply_to
    stage.server.faults.fault(POST, status=400, body=body)
    file = File("answer.md", "text/markdown", b"# one")
    assert isinstance(await stage.platform.upload(other.place, file, ""), Sent)
