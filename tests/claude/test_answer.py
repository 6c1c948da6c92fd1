"""Claude's answers through the real SDK against the sandbox: every event, every fault, and a visible retry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from anthropic.types import MessageParam

from bot import sentences
from bot.claude.answer import Ask, Claude
from bot.claude.events import AnswerEvent, Done, Retrying, Spent, Text, Thinking, Usage, Working
from bot.claude.faults import ClaudeFault
from sandbox.claude.script import Fault, Script, ServerTool
from sandbox.claude.script import Text as Said
from sandbox.claude.script import Thinking as Thought
from sandbox.claude.server import ClaudeServer
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record

FAST = {"speed": 100_000.0, "first_byte": 0.0, "first_text": 0.0}
WORDS = "The quick brown fox jumps over the lazy dog. " * 12  # 540 characters


@pytest.fixture
async def server() -> AsyncIterator[ClaudeServer]:
    clock = Clock(scale=50)
    made = ClaudeServer(clock, Limits(), Record(clock))
    await made.start()
    yield made
    await made.stop()


# Real seconds of silence after which an answer counts as broken off: longer than a busy machine stands still, and a
# short one for the tests that wait for it.
PATIENT, HASTY = 20.0, 1.0


@pytest.fixture
async def claude(request: pytest.FixtureRequest, server: ClaudeServer) -> AsyncIterator[Claude]:
    made = Claude(api_key=server.api_key, base_url=server.url, silence=getattr(request, "param", PATIENT))
    made.first_wait = 0.01
    yield made
    await made.close()


@dataclass
class Heard:
    """What a reader heard of one answer, to its end."""

    text: str = ""
    events: list[AnswerEvent] = field(default_factory=list)
    fault: ClaudeFault | None = None
    usage: Usage = field(default_factory=Usage)

    def of(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    @property
    def stop_reason(self) -> str:
        last = self.events[-1]
        return last.stop_reason if isinstance(last, Done) else ""


def ask(**more: object) -> Ask:
    told: dict[str, object] = {"messages": [{"role": "user", "content": "why?"}], "max_tokens": 4096}
    return Ask(**({"model": "claude-sonnet-5-5", "effort": "low", "thinking": "between_tools"} | told | more))  # type: ignore[arg-type] # a table of fields


async def hear(claude: Claude, asked: Ask | None = None) -> Heard:
    heard = Heard()
    try:
        async with aclosing(claude.answer(asked or ask())) as events:
            async for event in events:
                heard.events.append(event)
                match event:
                    case Text(text):
                        heard.text += text
                    case Spent(usage):
                        heard.usage = usage
    except ClaudeFault as fault:
        heard.fault = fault
    return heard


async def test_an_answer_is_its_text_its_usage_and_its_end(server: ClaudeServer, claude: Claude) -> None:
    server.script(Script.say(WORDS, **FAST))
    heard = await hear(claude)
    assert heard.text == WORDS
    assert heard.stop_reason == "end_turn"
    assert heard.usage.tokens_in > 0
    assert heard.usage.tokens_out > 50
    body = server.requests[-1].body
    assert body["thinking"] == {"type": "between_tools"}
    assert body["output_config"] == {"effort": "low"}
    assert body["stream"] is True


async def test_what_is_off_is_not_sent(server: ClaudeServer, claude: Claude) -> None:
    """Servers that only resemble the API may refuse fields that they do not know."""
    server.script(Script.say("Yes.", **FAST))
    await hear(claude, ask(effort="off", thinking="off"))
    assert not {"thinking", "output_config", "system"} & server.requests[-1].body.keys()


async def test_thinking_and_tools_are_told_but_not_shown(server: ClaudeServer, claude: Claude) -> None:
    search = ServerTool("web_search", {"query": "foxes"}, seconds=0.0)
    server.script(Script((Thought("hm", seconds=0.0), Said("Let me look. "), search, Said("Done.")), **FAST))  # type: ignore[arg-type] # FAST is floats
    heard = await hear(claude, ask(thinking="adaptive"))
    assert heard.text == "Let me look. Done."
    assert heard.of(Thinking) == 1
    assert [event.tool for event in heard.events if isinstance(event, Working)] == ["web_search"]


async def test_emoji_cut_between_deltas_arrive_whole_when_joined(
    server: ClaudeServer, claude: Claude
) -> None:
    server.script(Script.say("a 👩‍👩‍👧 b 🎉 " * 20, pairs=True, **FAST))
    heard = await hear(claude)
    joined = heard.text.encode("utf-16", "surrogatepass").decode("utf-16")
    assert joined == "a 👩‍👩‍👧 b 🎉 " * 20


async def test_a_paused_turn_is_continued_with_its_content_unchanged(
    server: ClaudeServer, claude: Claude
) -> None:
    server.script(
        Script.say(WORDS, faults=(Fault("pause_turn", at=100),), **FAST), Script.say("the rest", **FAST)
    )
    heard = await hear(claude)
    assert heard.text == WORDS[:100] + "the rest"
    assert heard.stop_reason == "end_turn"
    sent_back = server.requests[-1].body["messages"][-1]
    assert sent_back["role"] == "assistant"
    assert sent_back["content"][0]["text"] == WORDS[:100]
    assert sent_back["content"][1]["type"] == "server_tool_use"


# ---------------------------------------------------------------------------------------------- faults

PLAIN_FAULTS = [
    (400, "invalid_request_error", sentences.BAD_REQUEST),
    (401, "authentication_error", sentences.BAD_KEY),
    (402, "billing_error", sentences.NO_CREDIT),
    (403, "permission_error", sentences.BAD_KEY),
    (404, "not_found_error", sentences.NO_MODEL),
    (413, "request_too_large", sentences.TOO_LARGE),
    (422, "invalid_request_error", sentences.BAD_REQUEST),
]


@pytest.mark.parametrize(("status", "kind", "sentence"), PLAIN_FAULTS)
async def test_a_request_that_cannot_succeed_is_told_at_once(
    server: ClaudeServer, claude: Claude, status: int, kind: str, sentence: str
) -> None:
    server.fault(Fault("http", status=status, times=0))
    heard = await hear(claude)
    assert heard.fault is not None
    assert (heard.fault.kind, heard.fault.sentence) == (kind, sentence)
    assert len(server.requests) + len(server.record.entries("call", "claude", status=status)) >= 1
    assert heard.of(Retrying) == 0


# What a manager may choose in the settings, and what of it each model takes (the models' pages).
MANNERS = [
    ("claude-haiku-5-5", "low"),
    ("claude-opus-5-5", "low"),
    ("claude-fable-5-2", "max"),
    ("claude-sonnet-5-5", "xhigh"),
]


@pytest.mark.parametrize(("model", "effort"), MANNERS)
async def test_a_model_that_does_not_take_our_thinking_answers_all_the_same(
    server: ClaudeServer, claude: Claude, model: str, effort: str
) -> None:
    """A choice that the settings offer never silences a channel, and is refused once at most."""
    for _ in range(2):
        server.script(Script.say("Yes.", **FAST))
        heard = await hear(claude, ask(model=model, effort=effort))
        assert heard.fault is None
        assert heard.text == "Yes."
        assert heard.of(Retrying) == 0
    assert len(server.record.entries("call", "claude", status=400)) <= 1
    assert server.requests[-1].body["output_config"] == {"effort": effort}


async def test_a_request_that_stays_refused_is_told_and_teaches_nothing(
    server: ClaudeServer, claude: Claude
) -> None:
    server.fault(Fault("http", status=400, times=3))
    heard = await hear(claude)
    assert heard.fault is not None
    assert heard.fault.sentence == sentences.BAD_REQUEST
    server.script(Script.say("Yes.", **FAST))
    await hear(claude)
    assert server.requests[-1].body["thinking"] == {"type": "between_tools"}


@dataclass
class Files:
    """A question with so many files, of which one more is left out with each refusal."""

    left: int = 3
    refusals: list[str] = field(default_factory=list)
    taken_with: list[int] = field(default_factory=list)

    def without(self, refusal: str, /, *, everything: bool = False) -> list[MessageParam] | None:
        self.refusals.append(refusal)
        if not self.left:
            return None
        self.left = 0 if everything else self.left - 1
        return [{"role": "user", "content": f"{self.left} files"}]

    def taken(self) -> None:
        self.taken_with.append(self.left)


NO_PDF = "messages.0.content.1.document.source.base64.data: The PDF specified was not valid."


def asked_with(server: ClaudeServer) -> list[tuple[object, object]]:
    """What the answered requests were asked with, and their thinking."""
    return [
        (request.body["messages"][-1]["content"], request.body.get("thinking")) for request in server.requests
    ]


async def test_a_question_whose_file_was_refused_is_answered_without_it(
    server: ClaudeServer, claude: Claude
) -> None:
    """It failed, and so did every later question of its thread, because the file was sent again with each."""
    server.fault(Fault("http", status=400, message=NO_PDF, times=1))
    server.script(Script.say(WORDS, **FAST))
    files = Files()
    heard = await hear(claude, ask(spare=files))
    assert (heard.fault, heard.text, heard.of(Retrying)) == (None, WORDS, 0)
    assert asked_with(server)[-1] == ("2 files", {"type": "between_tools"}), "in the same manner"
    assert NO_PDF in files.refusals[0]
    assert files.taken_with == [2], "told once"


async def test_a_refusal_that_names_no_file_costs_the_manner_first_and_then_the_files(
    server: ClaudeServer, claude: Claude
) -> None:
    server.fault(Fault("http", status=400, message="That is not possible.", times=4))
    server.script(Script.say("Yes.", **FAST))
    files = Files()
    heard = await hear(claude, ask(spare=files))
    assert (heard.fault, heard.text) == (None, "Yes.")
    assert files.taken_with == [1]
    server.script(Script.say("Yes.", **FAST))
    await hear(claude)
    assert asked_with(server)[-1] == ("why?", {"type": "between_tools"}), "nothing is learnt from that"


async def test_a_question_that_is_refused_without_any_file_blames_none(
    server: ClaudeServer, claude: Claude
) -> None:
    """And there is an end to asking."""
    server.fault(Fault("http", status=400, message=NO_PDF, times=0))
    files = Files(left=9)
    heard = await hear(claude, ask(spare=files))
    assert heard.fault is not None
    assert heard.fault.sentence == sentences.BAD_REQUEST
    assert (files.left, files.taken_with) == (0, [])
    assert len(server.record.entries("call", "claude", status=400)) <= 7


async def test_a_busy_service_does_not_bring_a_refused_file_back(
    server: ClaudeServer, claude: Claude
) -> None:
    server.fault(Fault("http", status=400, message="Could not process image", times=1))
    server.fault(Fault("http", status=529, times=1))
    server.script(Script.say("Yes.", **FAST))
    files = Files()
    heard = await hear(claude, ask(spare=files))
    assert (heard.text, heard.of(Retrying), files.taken_with) == ("Yes.", 1, [2])
    assert asked_with(server)[-1][0] == "2 files"


@pytest.mark.parametrize("status", [409, 429, 500, 503, 504, 529])
async def test_a_busy_service_is_asked_again_and_each_wait_is_told(
    server: ClaudeServer, claude: Claude, status: int
) -> None:
    server.fault(Fault("http", status=status, times=1, retry_after=1.0))  # 20 ms of real time
    server.script(Script.say("Yes.", **FAST))
    heard = await hear(claude)
    assert heard.fault is None
    assert heard.of(Retrying) == 1
    assert heard.text == "Yes."


async def test_a_long_retry_after_is_told_instead_of_waited_for(server: ClaudeServer, claude: Claude) -> None:
    """The SDK would sleep five minutes without a word."""
    server.fault(Fault("http", status=429, times=0, retry_after=300.0 * 50))
    heard = await hear(claude)
    assert heard.fault is not None
    assert heard.fault.retry_after == pytest.approx(300.0)
    assert heard.fault.told("en") == sentences.RATE_LIMITED.format(wait="5 minutes")
    assert heard.of(Retrying) == 0


@pytest.mark.parametrize("kind", ["overloaded_error", "api_error", "rate_limit_error", "timeout_error"])
async def test_an_error_inside_the_stream_keeps_the_text_and_is_not_taken_for_an_end(
    server: ClaudeServer, claude: Claude, kind: str
) -> None:
    """It arrives as an APIStatusError with status 200."""
    server.script(Script.say(WORDS, faults=(Fault("error", at=100, error=kind),), **FAST))
    heard = await hear(claude)
    assert heard.text == WORDS[:100]
    assert heard.fault is not None
    assert heard.fault.kind == kind
    assert heard.fault.sentence
    assert heard.of(Done) == heard.of(Retrying) == 0, "text was shown: asking again would say it twice"


async def test_an_error_before_the_first_text_is_retried(server: ClaudeServer, claude: Claude) -> None:
    server.script(Script.say(WORDS, faults=(Fault("error", at=0),), **FAST), Script.say("Yes.", **FAST))
    heard = await hear(claude)
    assert heard.fault is None
    assert (heard.of(Retrying), heard.text) == (1, "Yes.")


BREAKS = [
    (PATIENT, "fin", sentences.BROKEN_OFF),
    (PATIENT, "rst", sentences.BROKEN_OFF),
    (PATIENT, "unfinished", sentences.BROKEN_OFF),
    (PATIENT, "bad_json", sentences.BROKEN_OFF),
    (PATIENT, "no_event", sentences.BROKEN_OFF),
    (HASTY, "stall", sentences.WENT_QUIET),
    (HASTY, "pings", sentences.WENT_QUIET),
]


@pytest.mark.parametrize(("claude", "kind", "sentence"), BREAKS, indirect=["claude"])
async def test_a_stream_that_breaks_keeps_its_text_and_says_so(
    server: ClaudeServer, claude: Claude, kind: str, sentence: str
) -> None:
    """Also one that ends without message_stop, which raises nothing, and one that only pings."""
    at = 100
    seconds = 150.0  # 3 s of real time, against a silence limit of 1 s
    fault = Fault(kind, at=at, seconds=seconds)  # type: ignore[arg-type] # the table's kinds
    server.script(Script.say(WORDS, faults=(fault,), **FAST))
    heard = await hear(claude)
    assert heard.text == WORDS[: len(heard.text)]
    assert 0 < len(heard.text) <= at + 20
    assert heard.fault is not None
    assert heard.fault.sentence == sentence
    assert heard.of(Done) == 0


@pytest.mark.parametrize("kind", ["unknown_event", "unknown_delta"])
async def test_what_nobody_knows_yet_is_passed_over(server: ClaudeServer, claude: Claude, kind: str) -> None:
    fault = Fault(kind, at=100)  # type: ignore[arg-type] # the table's kinds
    server.script(Script.say(WORDS, faults=(fault,), **FAST))
    heard = await hear(claude)
    assert (heard.text, heard.stop_reason) == (WORDS, "end_turn")


@pytest.mark.parametrize("claude", [HASTY], indirect=True)
async def test_a_model_that_begins_and_only_pings_is_not_asked_again_unseen(
    server: ClaudeServer, claude: Claude
) -> None:
    """What it has begun is billed; and "could not be reached" would be untrue."""
    server.script(Script.say(WORDS, faults=(Fault("pings", at=0, seconds=150.0),), **FAST))
    heard = await hear(claude)
    assert heard.fault is not None
    assert heard.fault.sentence == sentences.NEVER_SPOKE
    assert heard.of(Retrying) == 0


async def test_a_server_that_is_not_there_is_told_after_some_tries(unused_tcp_port: int) -> None:
    claude = Claude(api_key="k", base_url=f"http://127.0.0.1:{unused_tcp_port}", silence=1.0)
    claude.first_wait = 0.01
    heard = await hear(claude)
    await claude.close()
    assert heard.fault is not None
    assert heard.fault.sentence == sentences.UNREACHABLE
    assert heard.of(Retrying) == 3


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("max_tokens", "max_tokens"),
        ("refusal", "refusal"),
        ("model_context_window_exceeded", "model_context_window_exceeded"),
        ("empty", "end_turn"),
        ("tool_only", "tool_use"),
    ],
)
async def test_other_ends_are_told_by_their_reason(
    server: ClaudeServer, claude: Claude, kind: str, reason: str
) -> None:
    fault = Fault(kind, at=100)  # type: ignore[arg-type] # the table's kinds
    server.script(Script.say(WORDS, faults=(fault,), **FAST))
    heard = await hear(claude)
    assert heard.fault is None
    assert heard.stop_reason == reason


async def test_closing_the_reader_closes_claudes_connection_at_once(
    server: ClaudeServer, claude: Claude
) -> None:
    """A Stop must stop the bill as well."""
    server.script(Script.say(WORDS * 100, speed=50.0, first_byte=0.0))
    begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(claude.answer(ask())) as events:
            async for event in events:
                if isinstance(event, Text):
                    begun.set()

    reading = asyncio.create_task(read())
    await begun.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    ended = await server.record.wait(lambda record: record.entries("ended", "claude"), within=2.0)
    assert ended[0]["reason"] == "closed by client"
