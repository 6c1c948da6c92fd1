"""The sandbox's Claude over the wire, heard by the real SDK on both of its transports."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import pytest
from anthropic import AsyncAnthropic, DefaultAioHttpClient

from sandbox.claude import ClaudeServer, Fault, Script, Text, Thinking, ToolUse, library
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record

FIXTURE = (Path(__file__).parent / "fixtures" / "claude_answer.sse").read_bytes()
MODEL = "claude-sonnet-5-5"
QUIET: Any = {"type": "between_tools"}


@pytest.fixture
async def claude() -> AsyncIterator[ClaudeServer]:
    clock = Clock(scale=50)
    server = ClaudeServer(clock, Limits(), Record(clock))
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


async def ask(client: AsyncAnthropic, question: str, **fields: Any) -> anthropic.types.Message:
    messages: Any = [{"role": "user", "content": question}]
    async with client.messages.stream(
        **{"model": MODEL, "max_tokens": 8192, "messages": messages, "thinking": QUIET} | fields
    ) as stream:
        return await stream.get_final_message()


def text(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


async def raw(claude: ClaudeServer, body: dict[str, Any]) -> tuple[aiohttp.ClientResponse, bytes]:
    headers = {"x-api-key": claude.api_key, "anthropic-version": "2023-06-01"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{claude.url}/v1/messages", json=body, headers=headers) as response,
    ):
        return response, await response.read()


def plain(question: str, **fields: Any) -> dict[str, Any]:
    return {
        "model": MODEL,
        "max_tokens": 8192,
        "stream": True,
        "messages": [{"role": "user", "content": question}],
        "thinking": QUIET,
        **fields,
    }


# ---------------------------------------------------------------------------------------------------- answers


async def test_a_recorded_answer_passes_through_unchanged(claude: ClaudeServer) -> None:
    """What was recorded from the API is sent byte for byte."""
    claude.script(Script(raw=FIXTURE, speed=100_000))
    _, body = await raw(claude, plain("again, please"))
    assert body == FIXTURE
    assert claude.requests[-1].said == "Four. É 🚀 четыре 四 👩‍🚀"
    assert claude.record.entries("ended")[-1]["reason"] == "tool_use"


async def test_a_recorded_answer_is_understood_by_the_sdk(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """A replay is an answer like any other, in pieces that do not end where events end."""
    claude.script(Script(raw=FIXTURE, speed=100_000, write=7))
    message = await ask(client, "again, please")
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert text(message) == "Four. É 🚀 четыре 四 👩‍🚀"
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize("name", library.names())
async def test_every_script_arrives_whole(claude: ClaudeServer, client: AsyncAnthropic, name: str) -> None:
    """What a client hears is, to the character, what the script says."""
    message = await ask(client, f"#script:{name} #speed:100000")
    heard = text(message).encode("utf-16", "surrogatepass").decode("utf-16")
    assert heard == claude.requests[-1].script.text
    assert claude.requests[-1].said == heard
    assert message.stop_reason == ("tool_use" if name == "tools" else "end_turn")


async def test_events_come_in_the_documented_order_and_end_with_a_blank_line(claude: ClaudeServer) -> None:
    """message_start, blocks with start, deltas and stop, message_delta, message_stop; each with its own name."""
    claude.script(
        Script(
            (Thinking("Hm."), Text("Yes."), ToolUse("look", {"a": [1, 2]})), stop_reason="tool_use", piece=2
        )
    )
    response, body = await raw(claude, plain("hello"))
    assert body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    events = [chunk.split("\n") for chunk in body.decode().split("\n\n")[:-1]]
    assert all(len(lines) == 2 for lines in events)
    names = [lines[0].removeprefix("event: ") for lines in events]
    kinds = [json.loads(lines[1].removeprefix("data: "))["type"] for lines in events]
    assert names == kinds
    deltas = [
        json.loads(lines[1].removeprefix("data: "))["delta"]["type"]
        for lines in events
        if lines[0] == "event: content_block_delta"
    ]
    assert deltas == [
        *["thinking_delta"] * 2,
        "signature_delta",
        *["text_delta"] * 2,
        *["input_json_delta"] * 8,
    ]
    assert [name for name in names if name not in ("content_block_delta", "ping")] == [
        "message_start",
        *["content_block_start", "content_block_stop"] * 3,
        "message_delta",
        "message_stop",
    ]
    assert "ping" in names
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["request-id"].startswith("req_")
    for budget in ("requests", "tokens", "input-tokens", "output-tokens"):
        limit = int(response.headers[f"anthropic-ratelimit-{budget}-limit"])
        assert 0 < int(response.headers[f"anthropic-ratelimit-{budget}-remaining"]) <= limit
        assert response.headers[f"anthropic-ratelimit-{budget}-reset"].endswith("Z")


async def test_emoji_travel_both_as_utf8_and_as_escaped_pairs(claude: ClaudeServer) -> None:
    """Both are JSON, and a client meets both."""
    _, body = await raw(claude, plain("#script:world #speed:100000"))
    assert b"\\ud83" in body
    assert "🚀".encode() in body


async def test_a_pair_of_surrogates_may_be_cut_in_two(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """Deltas are cut anywhere, also within one emoji."""
    async with client.messages.stream(
        model=MODEL,
        max_tokens=8192,
        messages=[{"role": "user", "content": "#script:pairs #speed:100000"}],
        thinking=QUIET,
    ) as stream:
        deltas = [
            event.delta.text
            async for event in stream
            if event.type == "content_block_delta" and event.delta.type == "text_delta"
        ]
    assert any(delta and "\ud800" <= delta[-1] <= "\udbff" for delta in deltas)
    assert claude.requests[-1].said == library.text("world")


@pytest.mark.parametrize(
    ("thinking", "words"),
    [({"type": "adaptive"}, ""), ({"type": "adaptive", "display": "summarized"}, "Fourteen weeks.")],
)
async def test_thinking_is_shown_as_the_request_wants_it(
    claude: ClaudeServer, client: AsyncAnthropic, thinking: Any, words: str
) -> None:
    """Omitted thinking is one empty delta and a signature; summarized thinking has its words."""
    claude.script(Script((Thinking("Fourteen weeks.", seconds=1), Text("Thursday."))))
    message = await ask(client, "which day?", thinking=thinking)
    first = message.content[0]
    assert first.type == "thinking"
    assert first.thinking == words
    assert first.signature
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens == 4


async def test_a_model_that_thinks_by_itself_does_so_before_it_speaks(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """Without `thinking` a 5.5 model thinks; with between_tools it answers at once."""
    claude.speed = 10_000
    thoughtful = await ask(client, "hello", thinking=anthropic.omit)
    quick = await ask(client, "hello")
    assert [block.type for block in thoughtful.content] == ["thinking", "text"]
    assert [block.type for block in quick.content] == ["text"]


async def test_a_tool_is_called_with_what_its_schema_accepts_and_its_result_is_answered(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """#script:tools: a call, then, with the result, the answer."""
    claude.speed = 10_000
    tools: Any = [
        {
            "name": "find_train",
            "input_schema": {
                "type": "object",
                "properties": {"to": {"type": "string"}, "seats": {"type": "integer"}},
            },
        }
    ]
    question: Any = {"role": "user", "content": "#script:tools When does the train to Porto leave?"}
    first = await ask(client, "", messages=[question], tools=tools)
    call = next(block for block in first.content if block.type == "tool_use")
    assert call.name == "find_train"
    assert call.input == {"to": "When does the train to Porto", "seats": 3}
    result: Any = [{"type": "tool_result", "tool_use_id": call.id, "content": "08:14"}]
    blocks: Any = [block.model_dump(exclude_none=True) for block in first.content]
    for block in blocks:
        block.pop("parsed_output", None)
    second = await ask(
        client,
        "",
        messages=[question, {"role": "assistant", "content": blocks}, {"role": "user", "content": result}],
        tools=tools,
    )
    assert second.stop_reason == "end_turn"
    assert text(second).startswith("The tool has answered")


async def test_a_search_of_the_servers_own_is_cited(client: AsyncAnthropic) -> None:
    """server_tool_use, its result in the block's start, then text with citations."""
    message = await ask(client, "#script:search the tallest lighthouse #speed:10000")
    assert [block.type for block in message.content] == [
        "text",
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]
    last = message.content[-1]
    assert last.type == "text"
    assert last.citations
    assert message.usage.server_tool_use is not None
    assert message.usage.server_tool_use.web_search_requests == 1


async def test_an_answer_can_be_had_without_streaming(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """stream=false: the same answer as one JSON message."""
    message = await client.messages.create(
        model=MODEL,
        max_tokens=8192,
        messages=[{"role": "user", "content": "#chars:400 #speed:10000"}],
        thinking=QUIET,
    )
    assert text(message) == library.prose(400)
    assert message.stop_reason == "end_turn"
    assert claude.requests[-1].said == library.prose(400)


# ---------------------------------------------------------------------------------------------------- pace


async def test_text_comes_at_the_speed_that_was_asked_for(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """#speed is in characters per sandbox second, from the first to the last."""
    claude.clock.rescale(4)
    await ask(client, "#chars:1200 #speed:600")
    said = claude.record.entries("said")
    took = said[-1].at - said[0].at
    # Late is what a busy machine may be; the server's own speed would take ten seconds, no speed none at all.
    assert 1.8 < took < 7, "1,200 characters at 600 a second take 2 s of the sandbox's time"


async def test_deltas_vary_in_size_and_not_from_one_time_to_the_next(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """Sizes are like Claude's, and the same question is cut in the same places."""
    runs = []
    for number in (1, 2):
        await ask(client, "#chars:1500 #speed:100000")
        counts = [entry["characters"] for entry in claude.record.entries("said", request=number)]
        runs.append(counts)
    assert runs[0] == runs[1]
    sizes = {after - before for before, after in zip(runs[0], runs[0][1:], strict=False)}
    assert len(sizes) > 8


async def test_a_client_that_goes_away_is_noticed(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """Closing the stream ends the answer at once, in the middle of a wait too."""
    async with client.messages.stream(
        model=MODEL,
        max_tokens=8192,
        messages=[{"role": "user", "content": "#fault:stall@20:seconds=3000"}],
        thinking=QUIET,
    ) as stream:
        async for _ in stream.text_stream:
            break
    ended = await claude.record.wait(lambda record: record.entries("ended"), within=5)
    assert ended[0]["reason"] == "closed by client"
    assert claude.requests[-1].ended == "closed by client"


async def test_stopping_the_server_ends_what_is_going_on(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """A stop does not wait for answers."""
    async with client.messages.stream(
        model=MODEL,
        max_tokens=8192,
        messages=[{"role": "user", "content": "#fault:stall@20:seconds=3000"}],
        thinking=QUIET,
    ) as stream:
        async for _ in stream.text_stream:
            break
        await claude.stop()
    assert claude.requests[-1].ended == "server stopped"


# ---------------------------------------------------------------------------------------------------- choosing


async def test_the_queue_answers_in_order_and_then_the_prompt_again(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """One queued answer for each request; a fault in between strikes one request."""
    claude.script("one", Fault("http", status=503), "two")
    assert text(await ask(client, "a")) == "one"
    with pytest.raises(anthropic.APIStatusError, match="503"):
        await ask(client, "b")
    assert text(await ask(client, "c")) == "two"
    assert "You wrote: “d”" in text(await ask(client, "d #speed:10000"))


async def test_a_queued_answer_can_wait_for_its_question(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """`when` keeps two conversations apart."""
    claude.script("for Grace", when="compilers")
    claude.script("for Ada", when="engines")
    assert text(await ask(client, "tell me of engines")) == "for Ada"
    assert text(await ask(client, "tell me of compilers")) == "for Grace"


async def test_a_tests_own_function_comes_first(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """`respond` sees the request; None lets the others answer."""
    claude.script("queued")
    claude.respond = lambda asked: Script.say("mine") if "mine" in asked.question else None
    assert text(await ask(client, "whose? mine")) == "mine"
    assert text(await ask(client, "whose?")) == "queued"


async def test_requests_keep_the_whole_body_and_no_key(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """A test of context reads what the bot sent."""
    await ask(client, "#script:short hello", system="Be kind.")
    asked = claude.requests[-1]
    assert asked.body["system"] == "Be kind."
    assert asked.messages == [{"role": "user", "content": "#script:short hello"}]
    assert asked.question == "#script:short hello"
    assert claude.api_key not in str(asked.headers)
    (entry,) = claude.record.entries("asked")
    assert (entry["request"], entry["model"], entry["prompt"]) == (1, MODEL, 19)


async def test_an_interrupted_answer_can_be_continued(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """A client that quotes the end of what it has gets what follows it."""
    question: Any = {"role": "user", "content": "#chars:900 #fault:fin@300 #speed:10000"}
    with pytest.raises(Exception, match=r"closed|completed"):
        await ask(client, "", messages=[question])
    said = claude.requests[-1].said
    assert len(said) == 300
    messages: Any = [
        question,
        {"role": "assistant", "content": said},
        {"role": "user", "content": f"You were interrupted after «{said[-40:]}». Continue from there."},
    ]
    rest = await ask(client, "", messages=messages)
    assert said + text(rest) == library.prose(900)


async def test_a_new_question_was_answered_with_the_end_of_an_older_answer(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """What is to go on is the newest answer that ends so; prose of any length begins alike, and "go on" is only words."""
    messages: Any = []
    for length in (900, 400):
        messages.append({"role": "user", "content": f"#chars:{length} #speed:10000"})
        answer = text(await ask(client, "", messages=messages))
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": "Does it go on there? #chars:100 #speed:10000"})
    assert text(await ask(client, "", messages=messages)) == library.prose(100)


async def test_a_paused_turn_handed_back_goes_on(claude: ClaudeServer, client: AsyncAnthropic) -> None:
    """pause_turn: the assistant's content comes back as it was, and the answer is finished."""
    question: Any = {"role": "user", "content": "#chars:500 #fault:pause_turn@200 #speed:10000"}
    first = await ask(client, "", messages=[question])
    assert first.stop_reason == "pause_turn"
    blocks: Any = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in first.content]
    second = await ask(client, "", messages=[question, {"role": "assistant", "content": blocks}])
    assert text(first) + text(second) == library.prose(500)
    assert second.stop_reason == "end_turn"


# ---------------------------------------------------------------------------------------------------- the small endpoints


async def test_tokens_can_be_counted(client: AsyncAnthropic) -> None:
    """count_tokens counts system, tools and messages, and needs no max_tokens."""
    count = await client.messages.count_tokens(
        model=MODEL, system="a" * 40, messages=[{"role": "user", "content": "b" * 400}]
    )
    assert 110 <= count.input_tokens <= 113


async def test_models_are_listed_with_what_they_accept(client: AsyncAnthropic) -> None:
    """A client reads a model's limits and its kinds of thinking instead of knowing them."""
    listed = [model async for model in client.models.list(limit=5)]
    assert listed[0].id == "claude-fable-5-2"
    assert len(listed) == len({model.id for model in listed}) == 19
    sonnet = await client.models.retrieve(MODEL)
    assert (sonnet.max_tokens, sonnet.max_input_tokens, sonnet.lifecycle) == (128_000, 1_000_000, "active")
    assert sonnet.capabilities is not None
    types = sonnet.capabilities.thinking.types
    assert (types.adaptive.supported, types.between_tools.supported) == (True, True)
    assert (types.disabled.supported, types.enabled.supported) == (False, False)
    assert (await client.models.retrieve("claude-haiku-4-5")).id == "claude-haiku-4-5-20251001"
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("claude-9")


async def test_a_marked_prefix_is_read_from_the_cache_the_second_time(
    claude: ClaudeServer, client: AsyncAnthropic
) -> None:
    """Usage tells what was written and what was read; a life of five minutes later it is written again."""
    fields: dict[str, Any] = {"system": "s" * 4000, "cache_control": {"type": "ephemeral"}}
    turns: Any = [{"role": "user", "content": "#script:short first"}]
    first = (await ask(client, "", messages=turns, **fields)).usage
    turns += [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "#script:short second"}]
    second = (await ask(client, "", messages=turns, **fields)).usage
    assert (first.cache_read_input_tokens, second.cache_read_input_tokens) == (
        0,
        first.cache_creation_input_tokens,
    )
    assert first.cache_creation_input_tokens is not None
    assert first.cache_creation_input_tokens > 1000
    claude.clock.set_duration("claude.cache", 0.0)
    fields["system"] = "t" * 4000
    reads = [
        (await ask(client, "", messages=turns, **fields)).usage.cache_read_input_tokens for _ in range(2)
    ]
    assert reads == [0, 0], "a prefix whose life is over is not read"
