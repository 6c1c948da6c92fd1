"""The sandbox's Slack, called by hand: whatever comes in, it answers as Slack does."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.methods import METHODS
from sandbox.slack.server import SlackServer

JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    clock, limits = Clock(), Limits()
    limits.enforced = False
    server = SlackServer(clock, limits, Record(clock))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def call(
    http: aiohttp.ClientSession,
    slack: SlackServer,
    method: str,
    body: bytes | None = None,
    kind: str = JSON,
    query: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {slack.bot_token}"} | (
        {"Content-Type": kind} if body is not None else {}
    )
    async with http.post(slack.api_url + method, data=body, headers=headers, params=query or {}) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("authorization", "form", "error"),
    [
        ("", "", "not_authed"),
        ("Bearer xoxb-somebody-else", "", "invalid_auth"),
        ("Basic abc", "", "invalid_auth"),
        ("Bearer", "", "invalid_auth"),
        ("", "token=wrong", "invalid_auth"),
        ("Bearer {app}", "", "not_allowed_token_type"),
    ],
)
async def test_a_call_without_a_good_token_is_refused(
    slack: SlackServer, http: aiohttp.ClientSession, authorization: str, form: str, error: str
) -> None:
    """Slack tells a missing token, a wrong one and one of the wrong kind apart, all with HTTP 200."""
    headers = {"Content-Type": FORM} | (
        {"Authorization": authorization.format(app=slack.app_token)} if authorization else {}
    )
    async with http.post(slack.api_url + "users.info", data=form, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"ok": False, "error": error})


async def test_the_bots_token_opens_no_socket(slack: SlackServer, http: aiohttp.ClientSession) -> None:
    """apps.connections.open is for the app-level token."""
    assert (await call(http, slack, "apps.connections.open"))[1]["error"] == "not_allowed_token_type"


@pytest.mark.parametrize("how", ["header", "form", "query", "get"])
async def test_a_token_and_parameters_come_in_every_way_that_slack_takes(
    slack: SlackServer, http: aiohttp.ClientSession, how: str
) -> None:
    """The SDK uses headers and query, curl uses forms."""
    said = {"channel": "C0GENERAL"}
    own = {**said, "token": slack.bot_token}
    bearer = {"Authorization": f"Bearer {slack.bot_token}"}
    url = slack.api_url + "conversations.info"
    request = {
        "header": lambda: http.post(url, data=said, headers=bearer),
        "form": lambda: http.post(url, data=own),
        "query": lambda: http.post(url, params=own),
        "get": lambda: http.get(url, params=said, headers=bearer),
    }[how]()
    async with request as answer:
        assert (await answer.json())["channel"]["name"] == "general"


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"{", JSON, "invalid_json"),
        (b"\xff\xfe", JSON, "invalid_json"),
        (b"[" * 100_000, JSON, "invalid_json"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, JSON, "invalid_json"),
        (b"[1]", JSON, "json_not_object"),
        (b'"text"', JSON, "json_not_object"),
        (b"<xml/>", "text/xml", "invalid_post_type"),
        (b"text", "nonsense", "invalid_post_type"),
        (b"%%%=&&&", FORM, "invalid_arguments"),
        (b"{}", JSON, "invalid_arguments"),
        (b'{"channel":5}', JSON, "channel_not_found"),
        (b'{"channel":["C0GENERAL"],"text":"x"}', JSON, "invalid_arguments"),
        (b'{"channel":"C0GENERAL","text":{"a":1}}', JSON, "invalid_arguments"),
        (b'{"channel":"C0GENERAL","text":"x","blocks":"{"}', JSON, "invalid_blocks_format"),
        (b'{"channel":"C0GENERAL","text":"x","blocks":{"a":1}}', JSON, "invalid_blocks_format"),
        (b'{"channel":"C0GENERAL","text":"x","metadata":"{"}', JSON, "invalid_metadata_format"),
        (b'{"channel":"C0GENERAL","text":"x","metadata":{"a":1}}', JSON, "invalid_metadata_schema"),
        (b'{"channel":"C0GENERAL","text":"x","attachments":[1]}', JSON, "invalid_attachments"),
        (b'{"channel":"C0GENERAL","text":"x","thread_ts":"soon"}', JSON, "invalid_thread_ts"),
        (b'{"channel":"C0GENERAL","text":"x","thread_ts":"1.000001"}', JSON, "thread_not_found"),
        (b'{"channel":"C0GENERAL"}', JSON, "no_text"),
        (b'{"channel":"C0GENERAL","text":" \\n"}', JSON, "no_text"),
    ],
)
async def test_malformed_calls_are_refused_by_name(
    slack: SlackServer, http: aiohttp.ClientSession, body: bytes, kind: str, error: str
) -> None:
    """HTTP 200 and the code that Slack uses; nothing is shown."""
    status, said = await call(http, slack, "chat.postMessage", body, kind)
    assert (status, said["ok"], said["error"]) == (200, False, error)
    assert slack.messages("C0GENERAL") == []


async def test_missing_fields_are_named(slack: SlackServer, http: aiohttp.ClientSession) -> None:
    """response_metadata.messages says which."""
    _, said = await call(http, slack, "chat.update", b'{"text":"x"}')
    assert said["response_metadata"]["messages"] == [
        "[ERROR] missing required field: channel",
        "[ERROR] missing required field: ts",
    ]


async def test_read_methods_do_not_read_json(slack: SlackServer, http: aiohttp.ClientSession) -> None:
    """conversations.replies takes form and query only, as people found out."""
    _, said = await call(http, slack, "conversations.replies", b'{"channel":"C0GENERAL","ts":"1.1"}')
    assert said["error"] == "invalid_arguments"


async def test_json_without_a_charset_is_warned_about(
    slack: SlackServer, http: aiohttp.ClientSession
) -> None:
    """As Slack does; the call itself succeeds."""
    body = json.dumps({"channel": "C0GENERAL", "text": "hi"}).encode()
    _, said = await call(http, slack, "chat.postMessage", body, "application/json")
    assert (said["ok"], said["warning"]) == (True, "missing_charset")


@pytest.mark.parametrize(
    "method", ["chat.postMesage", "admin.users.list", "", "chat/postMessage", "x" * 2_000]
)
async def test_an_unknown_method_is_answered_as_slack_answers_it(
    slack: SlackServer, http: aiohttp.ClientSession, method: str
) -> None:
    """HTTP 200, unknown_method."""
    status, said = await call(http, slack, method, b"{}")
    assert (status, said["ok"], said["error"]) == (200, False, "unknown_method")


async def test_a_huge_body_is_refused_unread(slack: SlackServer, http: aiohttp.ClientSession) -> None:
    """No memory is spent on it, and the server goes on."""
    body = b'{"channel":"C0GENERAL","text":"' + b"x" * 5_000_000 + b'"}'
    headers = {"Authorization": f"Bearer {slack.bot_token}", "Content-Type": JSON}
    async with http.post(
        slack.api_url + "chat.postMessage", data=io.BytesIO(body), headers=headers
    ) as answer:
        assert (answer.status, (await answer.json())["error"]) == (413, "request_too_large")
    assert (await call(http, slack, "auth.test"))[1]["ok"]


@pytest.mark.parametrize(
    ("kind", "body", "encoding", "status", "error"),
    [
        ("multipart/form-data; boundary=x", b"--x\r\n", "", 200, "invalid_form_data"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nhi\r\n--x--\r\n", "", 200, "invalid_form_data"),
        ("multipart/form-data", b"hi", "", 200, "invalid_form_data"),
        (FORM, b"\xff\xfe=\x00", "", 200, "invalid_arguments"),
        (FORM, b"a=1&" * 2_000, "", 200, "invalid_form_data"),
        (JSON, b"no zip", "gzip", 400, "invalid_form_data"),
        (JSON, b"", "", 200, "invalid_arguments"),
    ],
)
async def test_broken_bodies_of_every_kind_are_refused(
    slack: SlackServer,
    http: aiohttp.ClientSession,
    kind: str,
    body: bytes,
    encoding: str,
    status: int,
    error: str,
) -> None:
    """Forms without a boundary, bytes that are no text, a compression that is none; the next call is fine."""
    headers = {"Authorization": f"Bearer {slack.bot_token}", "Content-Type": kind}
    headers |= {"Content-Encoding": encoding} if encoding else {}
    async with http.post(slack.api_url + "chat.postMessage", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (status, error)
    assert (await call(http, slack, "auth.test"))[1]["ok"]


async def test_a_broken_upload_is_refused(slack: SlackServer, http: aiohttp.ClientSession) -> None:
    """And an address that was never handed out is not there."""
    _, reserved = await call(
        http, slack, "files.getUploadURLExternal", query={"filename": "a", "length": "1"}
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with http.post(reserved["upload_url"], data=b"--x", headers=headers) as answer:
        assert answer.status == 400
    async with http.post(reserved["upload_url"] + "x", data=b"hi") as answer:
        assert answer.status == 404


async def test_lone_surrogates_become_the_replacement_character(
    slack: SlackServer, http: aiohttp.ClientSession
) -> None:
    """What no client could show is not kept."""
    await call(http, slack, "chat.postMessage", rb'{"channel":"C0GENERAL","text":"a\ud83db \ud83d\ude00"}')
    assert [message["text"] for message in slack.messages("C0GENERAL")] == [
        "a\N{REPLACEMENT CHARACTER}b \U0001f600"
    ]


async def test_a_missing_scope_is_named(slack: SlackServer, http: aiohttp.ClientSession) -> None:
    """`needed` and `provided` tell what to change in the manifest."""
    slack.scopes.discard("reactions:write")
    _, said = await call(http, slack, "reactions.add", b"{}")
    assert (said["error"], said["needed"]) == ("missing_scope", "reactions:write")
    assert "chat:write" in said["provided"]


async def test_a_revoked_token_ends_every_call(slack: SlackServer, http: aiohttp.ClientSession) -> None:
    """token_revoked, until it is good again."""
    slack.revoke()
    assert (await call(http, slack, "auth.test"))[1] == {"ok": False, "error": "token_revoked"}
    slack.revoke("account_inactive")
    assert (await call(http, slack, "chat.postMessage", b"{}"))[1]["error"] == "account_inactive"
    slack.revoke("")
    assert (await call(http, slack, "auth.test"))[1]["user_id"] == slack.bot_id


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["C0GENERAL", "markdown", "section", "button", "1.1", "U0ADA", "actions"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "elements", "blocks", "fields", "rows", "id", "accessory", "title"]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
_names = [
    "channel",
    "ts",
    "text",
    "blocks",
    "thread_ts",
    "metadata",
    "attachments",
    "chunks",
    "markdown_text",
    "view",
    "user",
    "name",
    "timestamp",
    "limit",
    "cursor",
    "files",
    "length",
    "filename",
    "trigger_id",
    "users",
    "channel_id",
    "status",
    "loading_messages",
    "prompts",
    "recipient_user_id",
    "recipient_team_id",
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    method=st.sampled_from(sorted(METHODS)),
    said=st.dictionaries(st.sampled_from(_names), _values, max_size=8),
    known=st.booleans(),
)
async def test_no_json_whatever_makes_the_server_stumble(
    slack: SlackServer, http: aiohttp.ClientSession, method: str, said: dict[str, Any], known: bool
) -> None:
    """Any object of any shape, to any method: HTTP 200 with `ok`, never a 500."""
    if known:
        said |= {"channel": "C0GENERAL", "channel_id": "C0GENERAL"}
    slack.revoke("")
    query = {name: json.dumps(value) for name, value in said.items()}
    assert (await call(http, slack, method, json.dumps(said).encode()))[0] == 200
    slack.revoke("")
    assert (await call(http, slack, method, query=query))[0] == 200
