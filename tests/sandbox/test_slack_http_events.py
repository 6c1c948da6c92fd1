"""The sandbox's Slack over signed HTTP: the handshake, signatures that Bolt accepts, retries, response_url."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.server import SlackServer

GENERAL = "C0GENERAL"
Answer: TypeAlias = Callable[[web.Request, bytes], Awaitable[web.Response]]


async def fine(request: web.Request, body: bytes) -> web.Response:
    return web.Response()


class Listener:
    """The bot's address: checks every signature by hand, keeps what came, answers as told."""

    def __init__(self, signing_secret: str) -> None:
        self.signing_secret = signing_secret
        self.answer: Answer = fine
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.url = ""
        app = web.Application()
        app.router.add_post("/slack/events", self.handle)
        self.runner = web.AppRunner(app, access_log=None)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        stamp = request.headers["X-Slack-Request-Timestamp"]
        mark = hmac.new(
            self.signing_secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256
        ).hexdigest()
        assert request.headers["X-Slack-Signature"] == f"v0={mark}"
        assert abs(time.time() - int(stamp)) < 60
        if request.content_type == "application/json":
            said = json.loads(body)
            if said["type"] == "url_verification":
                return web.json_response({"challenge": said["challenge"]})
        self.came.append((dict(request.headers), body))
        return await self.answer(request, body)

    async def start(self) -> None:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/slack/events"


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    clock, limits = Clock(), Limits()
    limits.enforced = False
    server = SlackServer(clock, limits, Record(clock))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def listener(slack: SlackServer) -> AsyncIterator[Listener]:
    made = Listener(slack.signing_secret)
    await made.start()
    await slack.set_request_url(made.url)
    yield made
    await made.runner.cleanup()


# -------------------------------------------------------------------------------------------------------- handshake


async def test_an_address_that_does_not_know_the_secret_is_not_set(slack: SlackServer) -> None:
    """url_verification first; without the challenge, or with an error, Slack keeps the old setting."""
    for answer in (
        web.Response(text="hello"),
        web.Response(status=401),
        web.json_response({"challenge": "x"}),
    ):

        async def handle(request: web.Request, said: web.Response = answer) -> web.Response:
            return web.Response(text=said.text, status=said.status, content_type=said.content_type)

        app = web.Application()
        app.router.add_post("/", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with pytest.raises(ConnectionError):
            await slack.set_request_url(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        await runner.cleanup()
    with pytest.raises(ConnectionError, match="connection_failed"):
        await slack.set_request_url("http://127.0.0.1:1/")


async def test_an_event_tells_whether_somebody_of_another_company_is_in_the_channel(
    slack: SlackServer, listener: Listener
) -> None:
    """is_ext_shared_channel, of Slack Connect."""
    for channel in (GENERAL, "C0RANDOM"):
        await slack.say("U0ADA", channel, "hello")
    await slack.record.wait(lambda record: len(record.entries("acked")) == 2, within=5)
    told = {
        body["event"]["channel"]: body["is_ext_shared_channel"]
        for body in (json.loads(raw) for _, raw in listener.came)
    }
    assert told == {GENERAL: True, "C0RANDOM": False}


async def test_a_real_bolt_app_takes_the_signed_requests(slack: SlackServer) -> None:
    """Handshake, event, command and button through Bolt's own signature check."""
    bolt = AsyncApp(
        client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url),
        signing_secret=slack.signing_secret,
    )
    button: dict[str, Any] = {
        "type": "button",
        "action_id": "stop",
        "text": {"type": "plain_text", "text": "Stop"},
    }

    @bolt.event("app_mention")
    async def mentioned(event: dict[str, Any], client: AsyncWebClient) -> None:
        blocks: list[dict[str, Any]] = [
            {"type": "markdown", "text": "**hi**"},
            {"type": "actions", "elements": [button]},
        ]
        await client.chat_postMessage(channel=event["channel"], text="hi", blocks=blocks)

    @bolt.event("message")
    async def overheard() -> None: ...

    @bolt.command("/ask")
    async def asked(ack: Any) -> None:
        await ack("one moment")

    @bolt.action("stop")
    async def pressed(ack: Any, respond: Any) -> None:
        await ack()
        await respond("stopped", replace_original=True)

    async def handle(request: web.Request) -> web.Response:
        answer: web.Response = await to_aiohttp_response(
            await bolt.async_dispatch(await to_bolt_request(request))
        )
        return answer

    app = web.Application()
    app.router.add_post("/slack/events", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await slack.set_request_url(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    await slack.say("U0ADA", GENERAL, f"{slack.mention} hello")
    await slack.record.wait(lambda record: record.entries("shown", text="**hi**"))
    await slack.command("U0ADA", GENERAL, "ask", "x")
    await slack.record.wait(lambda record: record.entries("shown", text="one moment", ephemeral_for="U0ADA"))
    (posted,) = (message for message in slack.messages(GENERAL) if message["controls"])
    await slack.press("U0ADA", GENERAL, posted["id"], "stop")
    await slack.record.wait(lambda record: record.entries("shown", text="stopped", verb="edit"))
    await runner.cleanup()


# -------------------------------------------------------------------------------------------------------- retries


async def test_an_event_is_tried_again_with_slacks_headers(slack: SlackServer, listener: Listener) -> None:
    """The same body, x-slack-retry-num and -reason: an error first, then a timeout, then it is taken."""
    slack.clock.set_duration("slack.ack", 0.3)
    slack.clock.set_duration("slack.retry_2", 0.01)
    release = asyncio.Event()

    async def third_time_lucky(request: web.Request, body: bytes) -> web.Response:
        if len(listener.came) == 1:
            return web.Response(status=500)
        if len(listener.came) == 2:
            await release.wait()
        return web.Response()

    listener.answer = third_time_lucky
    await slack.say("U0ADA", GENERAL, "hello")
    await slack.record.wait(lambda record: record.entries("acked"))
    release.set()
    assert len({body for _, body in listener.came}) == 1
    retries = [(h.get("x-slack-retry-num"), h.get("x-slack-retry-reason")) for h, _ in listener.came]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_timeout")]


async def test_no_retry_is_respected(slack: SlackServer, listener: Listener) -> None:
    """X-Slack-No-Retry: 1 ends it."""

    async def never_again(request: web.Request, body: bytes) -> web.Response:
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    listener.answer = never_again
    await slack.say("U0ADA", GENERAL, "one")
    await slack.record.wait(lambda record: record.entries("unacked"))
    listener.answer = fine
    await slack.say("U0ADA", GENERAL, "two")
    await slack.record.wait(lambda record: record.entries("acked"))
    assert len(listener.came) == 2


async def test_a_listener_that_is_away_is_a_failed_connection(slack: SlackServer, listener: Listener) -> None:
    """connection_failed, and again; back on sockets afterwards."""
    await listener.runner.cleanup()
    await slack.say("U0ADA", GENERAL, "hello")
    await slack.record.wait(lambda record: record.entries("unacked", attempt=1))
    assert {entry["reason"] for entry in slack.record.entries("unacked")} == {"connection_failed"}
    await slack.set_request_url("")


# -------------------------------------------------------------------------------------------------------- commands


async def respond(url: str, said: Any, *, raw: bytes | None = None) -> tuple[int, str]:
    body = json.dumps(said).encode() if raw is None else raw
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status, await answer.text()


async def asked(slack: SlackServer, listener: Listener) -> str:
    """The response_url of a command."""
    await slack.command("U0ADA", GENERAL, "ask", "a & b")
    await slack.record.wait(lambda record: record.entries("acked"))
    headers, body = listener.came[-1]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    assert (form["command"], form["text"], form["user_id"]) == ("/ask", "a & b", "U0ADA")
    return form["response_url"]


@pytest.mark.parametrize(
    ("body", "kind", "seen"),
    [
        ("plain words", "text/plain", ("plain words", "U0ADA")),
        ('{"text":"json words"}', "application/json", ("json words", "U0ADA")),
        ('{"text":"for all","response_type":"in_channel"}', "application/json", ("for all", "")),
        (
            '{"blocks":[]}',
            "application/json",
            ('/ask failed with the error "invalid_command_response"', "U0ADA"),
        ),
    ],
)
async def test_a_command_may_be_answered_in_the_acknowledgement(
    slack: SlackServer, listener: Listener, body: str, kind: str, seen: tuple[str, str]
) -> None:
    """Text or JSON, for the asker or for everybody."""

    async def answer(request: web.Request, _body: bytes) -> web.Response:
        return web.Response(text=body, content_type=kind)

    listener.answer = answer
    await slack.command("U0ADA", GENERAL, "ask", "x")
    await slack.record.wait(lambda record: record.entries("shown"))
    (message,) = slack.messages(GENERAL)
    assert (message["text"], message["ephemeral_for"]) == seen


async def test_a_command_to_a_listener_that_is_away_is_told(slack: SlackServer, listener: Listener) -> None:
    """dispatch_failed."""
    await listener.runner.cleanup()
    await slack.command("U0ADA", GENERAL, "ask", "x")
    await slack.record.wait(lambda record: record.entries("shown"))
    assert slack.messages(GENERAL)[0]["text"] == '/ask failed with the error "dispatch_failed"'


async def test_a_response_url_is_good_for_five_uses(slack: SlackServer, listener: Listener) -> None:
    """The sixth is refused, and shows nothing."""
    url = await asked(slack, listener)
    for number in range(5):
        assert await respond(url, {"text": str(number)}) == (200, "ok")
    assert await respond(url, {"text": "6"}) == (404, '{"ok": false, "error": "used_url"}')
    assert [message["text"] for message in slack.messages(GENERAL)] == ["0", "1", "2", "3", "4"]


async def test_a_response_url_is_good_for_half_an_hour(slack: SlackServer, listener: Listener) -> None:
    """Then expired_url; one that never was is no_service."""
    slack.clock.set_duration("slack.response_url", 0.0)
    url = await asked(slack, listener)
    assert (await respond(url, {"text": "late"}))[1] == '{"ok": false, "error": "expired_url"}'
    assert (await respond(url + "x", {"text": "late"}))[1] == '{"ok": false, "error": "no_service"}'


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'{"a":' * 5_000])
async def test_a_malformed_response_is_refused(slack: SlackServer, listener: Listener, raw: bytes) -> None:
    """HTTP 400 and a code; it costs no use."""
    url = await asked(slack, listener)
    for _ in range(6):
        assert await respond(url, None, raw=raw) == (400, '{"ok": false, "error": "invalid_payload"}')
    assert await respond(url, {"text": "fine"}) == (200, "ok")
    assert (await respond(url, {"text": ""}))[1] == '{"ok": false, "error": "no_text"}'


async def test_a_press_is_answered_by_replacing_or_deleting(slack: SlackServer, listener: Listener) -> None:
    """payload=<json> in a form; replace_original edits the message, delete_original removes it."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    button = {"type": "button", "action_id": "stop", "text": {"type": "plain_text", "text": "Stop"}}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = str((await client.chat_postMessage(channel=GENERAL, text="t", blocks=blocks))["ts"])
    await slack.press("U0ADA", GENERAL, ts, "stop")
    await slack.record.wait(lambda record: record.entries("acked", event="block_actions"))
    payload = json.loads(parse_qs(listener.came[-1][1].decode())["payload"][0])
    url = payload["response_url"]
    assert await respond(url, {"replace_original": True, "text": "done"}) == (200, "ok")
    assert [(m["id"], m["text"], m["controls"]) for m in slack.messages(GENERAL)] == [(ts, "done", [])]
    assert await respond(url, {"delete_original": True}) == (200, "ok")
    assert slack.messages(GENERAL) == []
