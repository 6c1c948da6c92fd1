"""Every fault of the sandbox's Claude, as the real SDK meets it on both of its transports."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic, DefaultAioHttpClient

from sandbox.claude import ClaudeServer, Fault, Script
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record

MODEL = "claude-sonnet-5-5"


@pytest.fixture
async def claude() -> AsyncIterator[ClaudeServer]:
    clock = Clock(scale=50)
    server = ClaudeServer(clock, Limits(), Record(clock))
    server.speed = 5_000
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(params=["httpx2", "aiohttp"])
async def client(claude: ClaudeServer, request: pytest.FixtureRequest) -> AsyncIterator[AsyncAnthropic]:
    http = DefaultAioHttpClient() if request.param == "aiohttp" else None
    async with AsyncAnthropic(
        api_key=claude.api_key, base_url=claude.api_url, max_retries=0, http_client=http
    ) as one:
        yield one


class Heard:
    """What a client has of an answer, whether or not it ended well."""

    def __init__(self) -> None:
        self.text = ""
        self.kinds: list[str] = []
        self.stop_reason: str | None = None
        self.error: Exception | None = None


async def hear(client: AsyncAnthropic, question: str) -> Heard:
    """Ask as a bot does: raw events of `create(stream=True)`."""
    heard = Heard()
    try:
        stream = await client.messages.create(
            model=MODEL,
            max_tokens=8192,
            messages=[{"role": "user", "content": question}],
            thinking={"type": "between_tools"},
            stream=True,
        )
        async with stream:
            async for event in stream:
                heard.kinds.append(event.type)
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    heard.text += event.delta.text
                elif event.type == "message_delta":
                    heard.stop_reason = event.delta.stop_reason
    except (anthropic.APIError, httpx2.HTTPError, ValueError) as error:
        heard.error = error
    return heard


# ---------------------------------------------------------------------------------------------------- before the stream


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (402, anthropic.PaymentRequiredError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (409, anthropic.ConflictError, "conflict_error"),
        (413, anthropic.ContentTooLargeError, "request_too_large"),
        (422, anthropic.UnprocessableEntityError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (503, anthropic.APIStatusError, "api_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ],
)
async def test_http_errors_come_before_the_stream(
    claude: ClaudeServer,
    client: AsyncAnthropic,
    status: int,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    """Each status has the API's body, its class in the SDK, and a request id; it can be had by a word of the prompt."""
    heard = await hear(client, f"please #fault:{status}")
    assert isinstance(heard.error, error)
    assert heard.error.status_code == status
    assert heard.error.type == kind
    assert heard.error.request_id == claude.requests[-1].id
    assert claude.requests[-1].ended == f"{status} {kind}"
    assert claude.record.entries("call")[-1]["status"] == status
    retry = heard.error.response.headers["x-should-retry"]
    assert retry == ("true" if status in (409, 429, 500, 503, 529) else "false")


async def test_a_rate_limit_says_when_to_come_back_in_real_seconds(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """120 sandbox seconds at a scale of 50 are three real ones, rounded up."""
    claude.fault(Fault("http", status=429, retry_after=120))
    heard = await hear(client, "hello")
    assert isinstance(heard.error, anthropic.RateLimitError)
    assert heard.error.response.headers["retry-after"] == "3"


async def test_the_budget_of_requests_is_enforced(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """Without any script, too many requests are refused as the API refuses them."""
    claude.limits.change("claude.requests", rate=0.001, burst=1)
    assert (await hear(client, "#script:short")).error is None
    refused = (await hear(client, "#script:short")).error
    assert isinstance(refused, anthropic.RateLimitError)
    assert int(refused.response.headers["retry-after"]) >= 1


async def test_a_retry_after_the_last_time_succeeds(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """times=2 in a prompt: the same question is answered at the third try; a new question fails again."""
    question = "#script:short #fault:529:times=2"
    tries = [await hear(client, question) for _ in range(3)]
    assert [type(one.error) for one in tries] == [anthropic.OverloadedError] * 2 + [type(None)]
    assert tries[-1].text == "Yes."
    assert (await hear(client, f"{question} again")).error is not None


async def test_the_sdks_own_retries_get_through(claude: ClaudeServer) -> None:
    """A client that retries by itself meets a fault that is over."""
    claude.fault(Fault("http", status=500, times=2))
    async with AsyncAnthropic(api_key=claude.api_key, base_url=claude.url, max_retries=2) as client:
        heard = await hear(client, "#script:short")
    assert heard.text == "Yes."
    assert len(claude.requests) == 3


async def test_a_connection_can_be_closed_without_an_answer(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """drop: nothing comes back at all."""
    heard = await hear(client, "#fault:drop")
    assert isinstance(heard.error, anthropic.APIConnectionError)
    assert claude.requests[-1].ended == "cut"


async def test_the_first_byte_can_be_slow(client: AsyncAnthropic) -> None:
    """slow: the headers come late, in sandbox seconds."""
    began = time.monotonic()
    heard = await hear(client, "#script:short #fault:slow:seconds=25")
    assert heard.text == "Yes."
    assert time.monotonic() - began > 0.5


# ---------------------------------------------------------------------------------------------------- within the stream


@pytest.mark.parametrize("kind", ["overloaded_error", "api_error", "rate_limit_error"])
async def test_an_error_event_ends_the_stream_where_it_was_asked_for(
    claude: ClaudeServer, client: AsyncAnthropic, kind: str
) -> None:
    """The SDK raises a plain APIStatusError of status 200; all text before it was heard."""
    heard = await hear(client, f"#chars:600 #fault:{kind}@123")
    assert type(heard.error) is anthropic.APIStatusError
    assert (heard.error.status_code, heard.error.type) == (200, kind)
    assert len(heard.text) == 123
    assert claude.requests[-1].ended == f"error {kind}"


async def test_an_error_event_can_be_the_very_first(client: AsyncAnthropic) -> None:
    """at=-1: before message_start."""
    heard = await hear(client, "#fault:overloaded_error@-1")
    assert isinstance(heard.error, anthropic.APIStatusError)
    assert heard.kinds == []


@pytest.mark.parametrize(("kind", "reason"), [("fin", "cut"), ("rst", "reset")])
async def test_a_broken_connection_is_a_raw_transport_error(
    claude: ClaudeServer, client: AsyncAnthropic, kind: str, reason: str
) -> None:
    """Not an anthropic.APIError; what came before is heard."""
    heard = await hear(client, f"#chars:600 #fault:{kind}@321")
    assert isinstance(heard.error, httpx2.ReadError | httpx2.RemoteProtocolError)
    assert not isinstance(heard.error, anthropic.APIError)
    assert len(heard.text) == 321
    assert claude.requests[-1].ended == reason


async def test_silence_trips_the_read_timeout_and_pings_do_not(claude: ClaudeServer) -> None:
    """No bytes for `read` seconds raise ReadTimeout; pings keep the same wait alive."""
    for http in (None, DefaultAioHttpClient(timeout=0.3)):
        async with AsyncAnthropic(
            api_key=claude.api_key, base_url=claude.url, max_retries=0, timeout=0.3, http_client=http
        ) as client:
            silent = await hear(client, "#chars:100 #fault:stall@50:seconds=100")
            assert isinstance(silent.error, httpx2.ReadTimeout)
            assert len(silent.text) == 50
            alive = await hear(client, "#chars:100 #fault:pings@50:seconds=40")
            assert alive.error is None
            assert len(alive.text) == 100


async def test_a_stall_goes_on_where_it_stopped(client: AsyncAnthropic) -> None:
    """After the silence the rest comes."""
    began = time.monotonic()
    heard = await hear(client, "#chars:100 #fault:stall@50:seconds=20")
    assert len(heard.text) == 100
    assert heard.stop_reason == "end_turn"
    assert time.monotonic() - began > 0.4


async def test_a_body_may_end_without_message_stop(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """No exception: only the missing stop_reason tells."""
    heard = await hear(client, "#chars:600 #fault:unfinished@200")
    assert heard.error is None
    assert heard.stop_reason is None
    assert len(heard.text) == 200
    assert claude.requests[-1].ended == "unfinished"


async def test_data_may_not_be_json(client: AsyncAnthropic) -> None:
    """The SDK lets the decoder's own error through."""
    heard = await hear(client, "#chars:600 #fault:bad_json@70")
    assert isinstance(heard.error, json.JSONDecodeError)
    assert len(heard.text) == 70


async def test_data_without_an_event_line_is_dropped_by_the_sdk(client: AsyncAnthropic) -> None:
    """The stream looks empty, or looks cut from where the names were missing."""
    nothing = await hear(client, "#chars:600 #fault:no_event")
    assert (nothing.error, nothing.kinds) == (None, [])
    some = await hear(client, "#chars:600 #fault:no_event@99")
    assert (some.error, len(some.text), some.stop_reason) == (None, 99, None)


@pytest.mark.parametrize("kind", ["unknown_event", "unknown_delta"])
async def test_unknown_types_pass_through(client: AsyncAnthropic, kind: str) -> None:
    """What a client does not know does not harm the text around it."""
    heard = await hear(client, f"#chars:300 #fault:{kind}@100")
    assert heard.error is None
    assert len(heard.text) == 300
    assert heard.stop_reason == "end_turn"
    assert ("message_weather" in heard.kinds) == (kind == "unknown_event")


async def test_a_tools_input_may_not_be_json(client: AsyncAnthropic) -> None:
    """The SDK's accumulating stream raises ValueError for it."""
    async with client.messages.stream(
        model=MODEL,
        max_tokens=100,
        messages=[{"role": "user", "content": "#fault:bad_tool_json"}],
        thinking={"type": "between_tools"},
    ) as stream:
        with pytest.raises(ValueError, match="tool parameter JSON"):
            await stream.get_final_message()


# ---------------------------------------------------------------------------------------------------- ways to stop


@pytest.mark.parametrize(
    ("words", "reason", "characters"),
    [
        ("#fault:refusal", "refusal", 0),
        ("#fault:refusal@88:category=cyber", "refusal", 88),
        ("#fault:max_tokens@150", "max_tokens", 150),
        ("#fault:pause_turn@150", "pause_turn", 150),
        ("#fault:model_context_window_exceeded@150", "model_context_window_exceeded", 150),
        ("#fault:empty", "end_turn", 0),
        ("#fault:tool_only", "tool_use", 0),
    ],
)
async def test_an_answer_may_stop_for_any_reason(
    claude: ClaudeServer, client: AsyncAnthropic, words: str, reason: str, characters: int
) -> None:
    """Each stop reason, with and without text before it."""
    heard = await hear(client, f"#chars:600 {words}")
    assert heard.error is None
    assert heard.stop_reason == reason
    assert len(heard.text) == characters
    assert claude.requests[-1].ended == reason


async def test_a_refusal_says_of_which_kind_it_is(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """stop_details come with message_delta; no word of it is in the text."""
    claude.script(Script.say("I can tell you that", faults=(Fault("refusal", at=9, category="cyber"),)))
    async with client.messages.stream(
        model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "?!"}]
    ) as stream:
        message = await stream.get_final_message()
    assert message.stop_details is not None
    assert message.stop_details.category == "cyber"
    assert claude.requests[-1].said == "I can tel"


async def test_max_tokens_and_stop_sequences_are_kept(client: AsyncAnthropic) -> None:
    """Without any fault: the request's own bounds end the answer."""
    fields: Any = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "#chars:400"}],
        "thinking": {"type": "between_tools"},
    }
    short = await client.messages.create(max_tokens=10, **fields)
    assert short.stop_reason == "max_tokens"
    assert short.usage.output_tokens == 10
    stopped = await client.messages.create(max_tokens=900, stop_sequences=["2:"], **fields)
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "2:")
    (block,) = stopped.content
    assert block.type == "text"
    assert block.text == "1: The tide comes in twice a day and asks nobody. "


async def test_a_fault_for_a_later_character_than_there_are_strikes_at_the_end(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """A scripted fault is never silently left out."""
    heard = await hear(client, "#script:short #fault:fin@5000")
    assert heard.error is not None
    assert heard.text == "Yes."
    assert claude.requests[-1].ended == "cut"


async def test_several_faults_strike_one_answer(client: AsyncAnthropic) -> None:
    """Each at its own character."""
    heard = await hear(
        client, "#chars:300 #fault:unknown_delta@50 #fault:unknown_event@100 #fault:api_error@200"
    )
    assert isinstance(heard.error, anthropic.APIStatusError)
    assert len(heard.text) == 200
    assert "message_weather" in heard.kinds
