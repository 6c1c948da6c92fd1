"""The Gateway connection through whatever breaks it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import discord
import pytest
from discord.gateway import ReconnectWebSocket

from adapters.discord import client as client_module
from adapters.discord import gateway as gateway_module
from adapters.discord.client import GOODBYE_SECONDS, Socket, intents
from bot.ports import ConnectError, Incoming
from sandbox.discord.gateway import MESSAGE_CONTENT
from sandbox.discord.sessions import Session
from tests.adapters.discord_stage import WITHIN, Stage, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord wants 5 s between IDENTIFYs; the sandbox does not insist."""
    monkeypatch.setattr(gateway_module, "IDENTIFY_APART_SECONDS", 0.0)


async def sessions(stage: Stage, event: str, count: int) -> None:
    await stage.record.wait(lambda r: len(r.entries("event", event=event)) >= count, within=WITHIN)


async def until(stage: Stage, *, ready: bool) -> None:
    """Until health says so."""
    async with asyncio.timeout(WITHIN):
        while stage.platform.health().ready is not ready:  # noqa: ASYNC110  # health is asked; it announces nothing
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("code", [None, 1000, 1001, 4000, 4001, 4002, 4003, 4005, 4007, 4008, 4009])
async def test_a_broken_connection_is_resumed_and_nothing_said_meanwhile_is_lost(
    stage: Stage, code: int | None
) -> None:
    """A question asked while the connection was away is answered."""
    await stage.server.disconnect(code)
    incoming = await stage.ask("while you were away")
    assert incoming.text == "while you were away"
    await until(stage, ready=True)
    assert len(stage.gateway("READY")) == 1


async def test_op_7_is_obeyed_by_a_resume(stage: Stage) -> None:
    """Discord's own restarts are no event."""
    stage.server.gateway.reconnect()
    await sessions(stage, "RESUMED", 1)
    assert (await stage.ask("after")).text == "after"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("code", [4004, 4010, 4011, 4012, 4013])
async def test_what_only_a_person_can_mend_is_told_and_tried_again_when_it_is_mended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Slowly: each try is an IDENTIFY of the thousand a day."""
    monkeypatch.setattr(gateway_module, "HOPELESS_SECONDS", 0.2)
    await stage.server.disconnect(code)
    await until(stage, ready=False)
    assert f"({code})" in " ".join(stage.platform.health().notes)
    await until(stage, ready=True)
    assert stage.platform.health().notes == ()
    assert len(stage.gateway("READY")) == 2


@pytest.mark.usefixtures("impatient")
async def test_an_invalid_session_is_begun_anew_at_the_address_that_the_api_names(stage: Stage) -> None:
    """discord.py would go to Discord's own address here."""
    stage.server.gateway.invalidate()
    await sessions(stage, "READY", 2)
    await until(stage, ready=True)
    assert (await stage.ask("after")).text == "after"


async def test_an_invalid_session_that_may_be_resumed_is(stage: Stage) -> None:
    """Op 9 with true: nothing is lost, and no IDENTIFY of the day is spent."""
    stage.server.gateway.invalidate(resumable=True)
    assert (await stage.ask("meanwhile")).text == "meanwhile"
    await sessions(stage, "RESUMED", 1)
    assert len(stage.gateway("READY")) == 1


async def test_a_session_is_resumed_also_where_that_is_said_without_a_word(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord documents no field of RESUMED; a server that says `"d": null` costs no session and no pause."""
    own = stage.server.gateway._own

    def bare(session: Session, event: str, data: Any) -> None:
        nothing: Any = None
        own(session, event, nothing if event == "RESUMED" else data)

    monkeypatch.setattr(stage.server.gateway, "_own", bare)
    for number in range(1, 5):
        await stage.server.disconnect(4000)
        assert (await stage.ask(f"meanwhile {number}")).text == f"meanwhile {number}"
        await sessions(stage, "RESUMED", number)
        await until(stage, ready=True)
    assert len(stage.gateway("READY")) == 1


def opened(socket: Any) -> Socket:
    """On aiohttp's, of which no more is called than this has."""
    made = Socket(socket, loop=asyncio.get_running_loop())
    made.shard_id = None
    return made


@pytest.mark.looptime
@pytest.mark.parametrize(("said", "resume"), [((7, None), True), ((9, True), True), ((9, False), False)])
async def test_who_sends_us_away_and_says_no_goodbye_is_left_soon(
    said: tuple[int, Any], resume: bool
) -> None:
    """What happens in half a minute of waiting for it would be heard half a minute late."""

    class Mute:
        async def close(self, **_: Any) -> None:
            await asyncio.sleep(30)

    loop = asyncio.get_running_loop()
    socket = opened(Mute())
    begun = loop.time()
    with pytest.raises(ReconnectWebSocket) as sent_away:
        await socket.received_message(json.dumps({"op": said[0], "d": said[1]}))
    assert sent_away.value.resume is resume
    assert loop.time() - begun <= GOODBYE_SECONDS


async def test_what_else_cannot_be_read_is_not_taken_for_a_resumed() -> None:
    """It is told as before: the connection is begun anew."""
    with pytest.raises(TypeError):
        await opened(None).received_message('{"op": 10, "d": null}')


@pytest.mark.usefixtures("impatient")
async def test_a_session_that_is_never_given_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket stands, heartbeats are answered, and no READY comes."""
    monkeypatch.setattr(gateway_module, "READY_SECONDS", 0.3)
    async with staged(connect=False) as stage:
        stage.server.gateway.lose("READY")
        await stage.connect()
        assert stage.platform.health().ready
        assert (await stage.ask("after")).text == "after"


async def test_a_connection_on_which_nothing_comes_any_more_is_left_and_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half a network: what we send goes nowhere, and nobody closes."""
    monkeypatch.setattr(client_module, "SILENCE_SECONDS", 0.5)
    async with staged(connect=False) as stage:
        stage.clock.set_duration("discord.heartbeat", 0.2)
        await stage.connect()
        stage.server.gateway.mute_acks = 1_000_000
        await sessions(stage, "RESUMED", 1)
        stage.server.gateway.mute_acks = 0
        await until(stage, ready=True)
        assert (await stage.ask("after")).text == "after"


@pytest.mark.usefixtures("impatient")
async def test_a_login_that_fails_after_an_intent_was_taken_away_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Months after the start: the toggle is switched off, and just then the API is away."""
    monkeypatch.setattr(gateway_module, "STARTUP_SECONDS", 0.5)
    monkeypatch.setattr(gateway_module, "HOPELESS_SECONDS", 0.1)
    stage.server.faults.fault("GET /users/@me", delay=1.0)
    stage.server.gateway.allowed_intents &= ~MESSAGE_CONTENT
    await stage.server.disconnect(4014)
    await sessions(stage, "READY", 2)
    await until(stage, ready=True)
    assert (await stage.ask("after")).text == "after"


@pytest.mark.usefixtures("impatient")
async def test_a_session_that_was_forgotten_is_begun_anew(stage: Stage) -> None:
    """A RESUME that comes too late ends in an IDENTIFY."""
    stage.server.gateway.refuse_resumes = 1
    await stage.server.disconnect(4000)
    await sessions(stage, "READY", 2)
    assert (await stage.ask("after")).text == "after"


def bot_gateway(stage: Stage, *, remaining: int = 1000, reset_after: int = 0) -> str:
    """An answer of GET /gateway/bot."""
    limit = {"total": 1000, "remaining": remaining, "reset_after": reset_after, "max_concurrency": 1}
    return json.dumps({"url": stage.server.gateway_url, "shards": 1, "session_start_limit": limit})


async def test_an_address_to_resume_at_that_is_no_use_is_left_for_the_one_that_the_api_names() -> None:
    """A proxy or a compatible server may tell an address that only itself can reach."""
    async with staged(connect=False) as stage:
        stage.server.gateway.url = "ws://127.0.0.1:9/"
        stage.server.faults.fault("GET /gateway/bot", times=9, status=200, body=bot_gateway(stage))
        await stage.connect()
        await stage.server.disconnect(4000)
        assert (await stage.ask("while you were away")).text == "while you were away"
        assert len(stage.gateway("READY")) == 1


async def test_the_last_sessions_of_the_day_are_not_spent_at_once() -> None:
    """Spending them all resets the bot's token."""
    async with staged(connect=False) as stage:
        body = bot_gateway(stage, remaining=2, reset_after=1200)
        stage.server.faults.fault("GET /gateway/bot", status=200, body=body)
        await stage.connect()
        [asked], [ready] = stage.calls("GET /gateway/bot"), stage.gateway("READY")
        assert ready.at - asked.at >= 0.6


async def test_health_tells_when_the_gateway_is_away_and_when_it_is_back(stage: Stage) -> None:
    """Ready means connected, and a sentence says what is missing."""
    assert stage.platform.health().ready
    stage.server.bot_token, token = "another", stage.server.bot_token
    await stage.server.disconnect(4000)
    await until(stage, ready=False)
    assert "Gateway" in stage.platform.health().notes[0]
    stage.server.bot_token = token


@pytest.mark.usefixtures("impatient")
async def test_without_the_content_intent_mentions_and_direct_messages_and_commands_still_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Refused with 4014: connected again without it, one warning, and health says how to switch it on."""
    async with staged(connect=False) as stage:
        stage.server.gateway.allowed_intents &= ~MESSAGE_CONTENT
        with caplog.at_level(logging.WARNING):
            await stage.connect()
        assert stage.platform.health().ready
        assert "Message Content" in stage.platform.health().notes[0]
        assert (
            len([r for r in caplog.records if r.name.startswith("adapters") and r.levelno == logging.WARNING])
            == 1
        )
        assert (await stage.ask("a mention")).text == "a mention"
        await stage.server.say(stage.ada, stage.direct, "direct")
        assert (await stage.next(Incoming)).text == "direct"
        assert (await stage.command("a command")).text == "a command"


@pytest.mark.parametrize("content", [True, False])
async def test_no_more_is_asked_for_than_is_used(content: bool) -> None:
    """Guilds, messages, direct messages, and their content."""
    used = (0, 9, 10, 12, 13)  # guilds, messages and reactions there, the same in direct conversations
    assert intents(content=content).value == sum(1 << bit for bit in used) | (content << 15)


async def test_a_gateway_that_refuses_the_token_is_told_in_a_sentence() -> None:
    """4004 after a login that went well."""
    async with staged(connect=False) as stage:
        stage.server.gateway.token = "another"
        with pytest.raises(ConnectError, match="4004"):
            await stage.connect()


async def test_an_address_where_nobody_listens_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is tried for a while first: the other side may be starting, too."""
    monkeypatch.setattr(gateway_module, "STARTUP_SECONDS", 0.8)
    async with staged(connect=False) as stage:
        await stage.server.stop()
        with pytest.raises(ConnectError, match="cannot be reached at http://127"):
            await stage.connect()


async def test_a_payload_that_cannot_be_read_costs_one_line_without_its_text(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection lives on: the same session, and the next question is heard."""
    secret = "words that people wrote"
    malformed: list[tuple[str, Any]] = [
        ("MESSAGE_CREATE", {"content": secret}),
        ("MESSAGE_CREATE", {"author": {"id": "1"}, "content": secret, "mentions": 5}),
        ("MESSAGE_CREATE", [secret]),
        ("INTERACTION_CREATE", {"id": "1", "data": secret}),
        ("INTERACTION_CREATE", None),
        ("MESSAGE_DELETE", {"channel_id": secret}),
        ("GUILD_CREATE", {"name": secret}),
        ("CHANNEL_UPDATE", {"id": secret}),
        ("SOMETHING_NEW", {"text": secret}),
    ]
    with caplog.at_level(logging.DEBUG):
        for event, data in malformed:
            stage.server.gateway.dispatch(event, data)
        assert (await stage.ask("after")).text == "after"
    assert len([r for r in caplog.records if "could not be read" in r.getMessage()]) == len(malformed) - 1
    assert secret not in caplog.text
    assert len(stage.gateway("READY")) == 1


async def test_a_server_that_closes_each_connection_is_not_stormed(stage: Stage) -> None:
    """The pauses grow: in the first second a few attempts, not hundreds."""
    for _ in range(3):
        resumed = len(stage.gateway("RESUMED"))
        await stage.server.disconnect(4000)
        await sessions(stage, "RESUMED", resumed + 1)
    entries = stage.gateway("RESUMED")
    gaps = [b.at - a.at for a, b in pairwise(entries)]
    assert gaps[-1] > gaps[0] > 0.4


async def test_words_and_tokens_stay_out_of_logs_at_every_level(caplog: pytest.LogCaptureFixture) -> None:
    """discord.py's DEBUG lines hold whole payloads, so they are not let through."""
    with caplog.at_level(logging.DEBUG):
        async with staged() as stage:
            incoming = await stage.ask("a secret question")
            ref = await stage.post(incoming.place, "a secret answer")
            command = await stage.command("a secret command")
            await stage.post(command.place, "another secret answer", key="k2", reply="r2")
            await stage.server.delete(stage.ada, ref.channel, ref.message)
            tokens = [one.token for one in stage.server.interactions._by_id.values()]
            secrets = ["secret", stage.server.bot_token, *tokens]
    for word in secrets:
        assert word not in caplog.text


async def test_an_ordinary_start_warns_of_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """discord.py misses its voice libraries, which nobody wants: an operator's first lines are not about that."""
    monkeypatch.setattr(discord.VoiceClient, "warn_nacl", True)
    monkeypatch.setattr(discord.VoiceClient, "warn_dave", True)
    with caplog.at_level(logging.WARNING):
        async with staged():
            pass
    assert caplog.records == []
