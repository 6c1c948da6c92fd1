"""What the sandbox's Claude refuses, and with which words: as the API does."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.claude import ClaudeServer, Request, Script
from sandbox.claude.choice import Choice
from sandbox.claude.usage import Cache, input_tokens
from sandbox.claude.validation import Refusal, check
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record

USER = {"role": "user", "content": "#script:short"}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]}
GOOD: dict[str, Any] = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [USER]}
VERSION = "2026-10-21"


@pytest.fixture
async def claude() -> AsyncIterator[ClaudeServer]:
    clock = Clock(scale=50)
    server = ClaudeServer(clock, Limits(), Record(clock))
    await server.start()
    yield server
    await server.stop()


async def post(
    claude: ClaudeServer, body: Any, *, headers: dict[str, str] | None = None, path: str = "/v1/messages"
) -> tuple[int, dict[str, Any]]:
    sent = {"x-api-key": claude.api_key, "anthropic-version": VERSION} if headers is None else headers
    kind = {"json": body} if isinstance(body, dict | list) else {"data": body}
    async with (
        aiohttp.ClientSession() as session,
        session.post(claude.url + path, headers=sent, **kind) as response,
    ):
        return response.status, await response.json()


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("body", "status", "kind", "words"),
    [
        (GOOD | {"model": "claude-9"}, 404, "not_found_error", "model: claude-9"),
        (GOOD | {"model": "claude-mythos-preview"}, 404, "not_found_error", "model: claude-mythos-preview"),
        (without("model"), 400, "invalid_request_error", "model: Field required"),
        (without("max_tokens"), 400, "invalid_request_error", "max_tokens: Field required"),
        (
            GOOD | {"max_tokens": 200_000},
            400,
            "invalid_request_error",
            "maximum allowed number of output tokens",
        ),
        (GOOD | {"max_tokens": "many"}, 400, "invalid_request_error", "valid integer"),
        (without("messages"), 400, "invalid_request_error", "messages: Field required"),
        (GOOD | {"messages": []}, 400, "invalid_request_error", "at least one message is required"),
        (GOOD | {"messages": "hello"}, 400, "invalid_request_error", "valid list"),
        (GOOD | {"messages": ["hello"]}, 400, "invalid_request_error", "messages.0"),
        (
            GOOD | {"messages": [{"role": "bot", "content": "x"}]},
            400,
            "invalid_request_error",
            "messages.0.role",
        ),
        (
            GOOD | {"messages": [{"role": "assistant", "content": "x"}, USER]},
            400,
            "invalid_request_error",
            "first message must use",
        ),
        (
            GOOD | {"messages": [USER, {"role": "assistant", "content": "The answer is"}]},
            400,
            "invalid_request_error",
            "does not support assistant message prefill",
        ),
        (
            GOOD | {"messages": [{"role": "user", "content": ""}]},
            400,
            "invalid_request_error",
            "non-empty content",
        ),
        (
            GOOD | {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
            400,
            "invalid_request_error",
            "text content blocks must be non-empty",
        ),
        (
            GOOD | {"messages": [{"role": "user", "content": " \n"}]},
            400,
            "invalid_request_error",
            "must contain non-whitespace text",
        ),
        (GOOD | {"messages": [USER, CALL, USER]}, 400, "invalid_request_error", "`tool_use` ids were found"),
        (GOOD | {"messages": [USER, RESULT]}, 400, "invalid_request_error", "unexpected `tool_use_id`"),
        (GOOD | {"temperature": 1.0}, 400, "invalid_request_error", "temperature"),
        (GOOD | {"top_k": 5}, 400, "invalid_request_error", "top_k"),
        (GOOD | {"tool_choice": {"type": "any"}}, 400, "invalid_request_error", "forced tool use"),
        (GOOD | {"output_config": {"effort": "huge"}}, 400, "invalid_request_error", "output_config.effort"),
        (GOOD | {"stop_sequences": [" "]}, 400, "invalid_request_error", "stop_sequences"),
        ([GOOD], 400, "invalid_request_error", "valid dictionary"),
        (b"{not json", 400, "invalid_request_error", "not valid JSON"),
        (b"", 400, "invalid_request_error", "not valid JSON"),
        (b"[" * 100_000, 400, "invalid_request_error", "not valid JSON"),
    ],
)
async def test_bad_requests_are_refused_in_the_apis_words(
    claude: ClaudeServer, body: Any, status: int, kind: str, words: str
) -> None:
    """Each refusal has the API's status, type and sentence, and is in the record."""
    got, answer = await post(claude, body)
    assert (got, answer["type"], answer["error"]["type"]) == (status, "error", kind)
    assert words in answer["error"]["message"]
    assert answer["request_id"].startswith("req_")
    assert claude.record.entries("call")[-1]["status"] == status


@pytest.mark.parametrize(
    ("model", "thinking", "effort", "accepted"),
    [
        ("claude-sonnet-5-5", "adaptive", "max", True),
        ("claude-sonnet-5-5", "between_tools", "low", True),
        ("claude-sonnet-5-5", "between_tools", "high", True),
        ("claude-sonnet-5-5", "between_tools", "xhigh", False),
        ("claude-sonnet-5-5", "disabled", None, False),
        ("claude-sonnet-5-5", "enabled", None, False),
        ("claude-opus-5-5", "adaptive", None, True),
        ("claude-opus-5-5", "between_tools", None, False),
        ("claude-opus-5-5", "disabled", None, False),
        ("claude-fable-5-2", "adaptive", None, True),
        ("claude-fable-5-2", "disabled", None, False),
        ("claude-haiku-5-5", "disabled", "high", True),
        ("claude-haiku-5-5", "disabled", "max", False),
        ("claude-haiku-5-5", "enabled", None, False),
        ("claude-opus-5", "disabled", "medium", True),
        ("claude-opus-4-6", "enabled", None, True),
        ("claude-haiku-4-5", "enabled", None, True),
        ("claude-haiku-4-5", "adaptive", None, False),
        ("claude-haiku-4-5", "sometimes", None, False),
    ],
)
async def test_each_model_takes_its_own_kinds_of_thinking(
    claude: ClaudeServer, model: str, thinking: str, effort: str | None, *, accepted: bool
) -> None:
    """The table of the reference: what is not accepted is a 400 that names the way out."""
    body = GOOD | {"model": model, "thinking": {"type": thinking}, "max_tokens": 4000}
    if thinking == "enabled":
        body["thinking"]["budget_tokens"] = 2000
    if effort:
        body["output_config"] = {"effort": effort}
    status, answer = await post(claude, body)
    assert status == (200 if accepted else 400), answer


async def test_what_a_model_refuses_names_what_it_takes(claude: ClaudeServer) -> None:
    """Sonnet 5.5 points from disabled to between_tools."""
    _, answer = await post(claude, GOOD | {"thinking": {"type": "disabled"}})
    assert "thinking.type.between_tools" in answer["error"]["message"]


async def test_both_ways_of_sending_the_key_are_taken(claude: ClaudeServer) -> None:
    """Authorization: Bearer, as SDK 2 does, and x-api-key, as everyone else does."""
    version = {"anthropic-version": "2023-06-01"}
    for headers, status in [
        ({"Authorization": f"Bearer {claude.api_key}"}, 200),
        ({"x-api-key": claude.api_key}, 200),
        ({"x-api-key": "sk-ant-wrong"}, 401),
        ({"Authorization": "Bearer sk-ant-wrong"}, 401),
        ({}, 401),
    ]:
        got, answer = await post(claude, GOOD, headers=headers | version)
        assert got == status, headers
        assert answer["type"] == ("message" if status == 200 else "error")


async def test_the_version_is_asked_for(claude: ClaudeServer) -> None:
    """anthropic-version is a required header."""
    status, answer = await post(claude, GOOD, headers={"x-api-key": claude.api_key})
    assert (status, answer["error"]["message"]) == (400, "anthropic-version: header is required")


async def test_old_versions_let_old_models_have_a_temperature(claude: ClaudeServer) -> None:
    """Sampling went with API version 2026-10-21, and with the newer models."""
    old = {"x-api-key": claude.api_key, "anthropic-version": "2023-06-01"}
    body = GOOD | {"temperature": 0.5}
    assert (await post(claude, body | {"model": "claude-haiku-4-5"}, headers=old))[0] == 200
    assert (await post(claude, body | {"model": "claude-haiku-4-5"}))[0] == 400
    assert (await post(claude, body, headers=old))[0] == 400


async def test_old_models_take_a_prefill(claude: ClaudeServer) -> None:
    """4.5 goes on with what the assistant is said to have begun; trailing space is refused."""
    turns = [USER, {"role": "assistant", "content": "The answer is"}]
    assert (await post(claude, GOOD | {"model": "claude-haiku-4-5", "messages": turns}))[0] == 200
    turns[1]["content"] += " "
    assert (await post(claude, GOOD | {"model": "claude-haiku-4-5", "messages": turns}))[0] == 400


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_32_megabytes_is_too_large(claude: ClaudeServer, *, announced: bool) -> None:
    """413, whether or not its length was announced."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield b"a" * (1024 * 1024)

    big = io.BytesIO(b"a" * (33 * 1024 * 1024)) if announced else chunks()
    status, answer = await post(claude, big)
    assert (status, answer["error"]["type"]) == (413, "request_too_large")


async def test_unknown_fields_are_ignored_and_unknown_paths_are_not_found(claude: ClaudeServer) -> None:
    """A newer client's fields do no harm."""
    body = GOOD | {"metadata": {"user_id": "x"}, "speed": "fast", "novelty": {"a": 1}}
    assert (await post(claude, body))[0] == 200
    status, answer = await post(claude, GOOD, path="/v1/complete")
    assert (status, answer["error"]["type"]) == (404, "not_found_error")


async def test_a_misspelt_word_of_a_prompt_is_answered_with_what_there_is(claude: ClaudeServer) -> None:
    """#script:tabels does not quietly become another answer."""
    for word in ("#script:tabels", "#fault:flood", "#speed:quick", "#fault:fin:tims=2"):
        _, answer = await post(claude, GOOD | {"messages": [{"role": "user", "content": word}]})
        assert answer["content"][-1]["text"].startswith("I could not read a word of your question"), word


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5000)
    | st.sampled_from(
        [
            "",
            " ",
            "x",
            "user",
            "assistant",
            "system",
            "text",
            "tool_use",
            "tool_result",
            "adaptive",
            "enabled",
            "any",
        ]
    )
)
_KEYS = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "text",
        "id",
        "tool_use_id",
        "name",
        "input_schema",
        "display",
        "effort",
        "ttl",
        "budget_tokens",
        "cache_control",
        "properties",
        "input",
        "enum",
    ]
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_FIELDS = st.sampled_from(
    [
        "model",
        "max_tokens",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "stop_sequences",
        "temperature",
        "cache_control",
        "stream",
    ]
)
_MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]), "content": _VALUES}),
    max_size=4,
)


@settings(max_examples=300)
@given(fields=st.dictionaries(_FIELDS, _VALUES, max_size=4), messages=st.none() | _MESSAGES)
def test_any_body_is_either_answered_or_refused(fields: dict[str, Any], messages: Any) -> None:
    """Whatever JSON comes, there is a Refusal or an answer, never an accident."""
    clock = Clock()
    body = {**GOOD, **fields, **({} if messages is None else {"messages": messages})}
    asked = Request(1, "req_1", 0.0, body, {})
    assert isinstance(asked.question, str)
    with contextlib.suppress(Refusal):
        checked = check(body, version=VERSION)
        assert input_tokens(body) >= 0
        assert Cache(clock).usage(body, checked.model)["input_tokens"] >= 0
        assert isinstance(Choice().choose(asked, [asked], thinking=1.0), Script)


@pytest.mark.parametrize("depth", [50, 200, 450, 5000])
async def test_a_body_that_is_nested_deeply_is_answered_or_refused(claude: ClaudeServer, depth: int) -> None:
    """Also where the JSON decoder itself still goes along."""
    schema = b'{"a":[' * depth + b"1" + b"]}" * depth
    body = (
        json.dumps(GOOD | {"tools": [{"name": "t", "input_schema": 7}]})
        .encode()
        .replace(b": 7}", b":" + schema + b"}")
    )
    status, answer = await post(claude, body)
    assert status == (200 if depth < 100 else 400), answer
    assert answer["type"] == ("message" if status == 200 else "error")


async def test_refused_requests_are_kept_too(claude: ClaudeServer) -> None:
    """A test can look at what was wrong with a body."""
    await post(claude, without("max_tokens"))
    assert claude.requests[-1].status == 400
    assert claude.requests[-1].ended == "400 invalid_request_error"
