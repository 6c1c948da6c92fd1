"""One answer, from Claude's first event to its last edit, on virtual time: judged by what a viewer saw."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from bot import sentences
from bot.claude.answer import Ask
from bot.claude.events import AnswerEvent, Done, Retrying, Spent, Thinking, Usage, Working
from bot.claude.faults import _BY_TYPE, ClaudeFault
from bot.conversation.journal import StoreJournal
from bot.ports import Content, Control, Denied, Place, Ref, Unavailable
from bot.reply.buttons import controls_after
from bot.reply.nouns import Manner, Subject, Turn
from bot.reply.outbox import Outbox, Settled
from bot.reply.reply import Reply
from tests.conversation.stage import (
    DIALECT,
    STATUS_SECONDS,
    THREAD,
    Chat,
    FakeClaude,
    FakeStore,
    Row,
    Step,
    growing,
    now,
)
from tests.reply.fake_platform import Fault, Running

pytestmark = pytest.mark.looptime

WORDS = "The quick brown fox jumps over the lazy dog and rests. " * 40
ASK = Ask(model="m", messages=[{"role": "user", "content": "why?"}], max_tokens=100)
DENIED = Fault(outcome=Denied("not_in_channel"))


@dataclass
class Memo:
    """A journal that notes what it was told and when; the end takes `seconds`."""

    seconds: float = 0.0
    ended_at: float = 0.0
    ends: list[tuple[str, str, Turn, Usage]] = field(default_factory=list)
    posts: list[tuple[Sequence[Ref], Place]] = field(default_factory=list)

    def posted(self, reply: str, refs: Sequence[Ref], place: Place) -> None:
        self.posts.append((refs, place))

    def growing(self, reply: str, text: Callable[[], str]) -> None:
        assert text() == ""

    def shows(self, reply: str) -> None:
        return

    async def ended(
        self, reply: str, *, text: str, notice: str, turn: Turn, usage: Usage, reason: str, seconds: float
    ) -> None:
        await asyncio.sleep(self.seconds)
        self.ended_at = now()
        self.ends.append((text, notice, turn, usage))

    async def closed(self, reply: str, state: str) -> None:
        raise AssertionError("closing is the conversation's business")


async def at_once() -> Ask:
    return ASK


@dataclass
class Told:
    """A reply that ran to its end, and what came of it."""

    chat: Chat
    claude: FakeClaude
    memo: Memo
    settled: Settled
    took: float

    @property
    def shown(self) -> str:
        """All that stands in the channel."""
        return "\n".join(self.chat.texts())


def a_reply(
    outbox: Outbox,
    chat: Chat,
    claude: FakeClaude,
    journal: Memo | StoreJournal,
    *,
    place: Place = THREAD,
) -> Reply:
    return Reply(Subject("r1", place), platform=chat, outbox=outbox, claude=claude, journal=journal)


async def tell(
    *steps: Step,
    chat: Chat | None = None,
    memo: Memo | None = None,
    ask: Callable[[], Awaitable[Ask]] = at_once,
    meanwhile: Callable[[Reply, Outbox], Awaitable[None]] | None = None,
) -> Told:
    """Run a reply on this script. `meanwhile` goes on beside it."""
    chat, memo, claude = chat or Chat(), memo or Memo(), FakeClaude(*steps)
    begun = now()
    async with Running(chat) as outbox, asyncio.TaskGroup() as tasks:
        reply = a_reply(outbox, chat, claude, memo)
        running = asyncio.create_task(reply.run(ask))
        if meanwhile is not None:
            tasks.create_task(_beside(meanwhile(reply, outbox)))
        settled = await running
        took = now() - begun
        assert outbox.snapshot().live == 0
        assert claude.open == 0
    assert len(memo.ends) == 1, "exactly one end"
    return Told(chat, claude, memo, settled, took)


async def _beside(work: Awaitable[None]) -> None:
    await work


# ------------------------------------------------------------------------------------------------ growing, ending


async def test_what_is_to_be_seen_when_it_is_done_is_not_seen_before_though_its_question_was_posted() -> None:
    """A command's question takes a moment to be posted; what Claude has said by then is not shown for that."""
    chat, claude = Chat(), FakeClaude(*growing(WORDS, seconds=10))
    subject = Subject("r1", THREAD, announce=Content("Ann asks: why?"))
    async with Running(chat) as outbox:
        reply = Reply(
            subject,
            platform=chat,
            outbox=outbox,
            claude=claude,
            journal=Memo(),
            manner=Manner(growing=False),
        )
        assert (await reply.run(at_once)).kind == "shown"
    assert [seen.text for seen in chat.seen if seen.text] == ["Ann asks: why?", WORDS.strip()]


async def test_an_answer_grows_and_ends_whole() -> None:
    """Law 4: shown whole, exactly once; what people saw on the way was always a beginning of it."""
    told = await tell(*growing(WORDS, seconds=20))
    [message] = told.chat.visible()
    assert message.text == WORDS.strip()
    assert message.controls == controls_after("whole", WORDS)
    frames = told.chat.frames(message.ref)
    assert len(frames) > 10
    assert all(WORDS.startswith(frame.text.rstrip()) for frame in frames)
    assert all(frame.controls == (Control.STOP,) for frame in frames[:-1])
    assert told.memo.ends == [(WORDS, "", "whole", Usage())]
    assert told.settled == Settled("shown")


async def test_the_journal_knows_the_end_before_the_last_edit_is_sent() -> None:
    """Law 4: journalled before it is shown, so that a crash in between loses nothing."""
    told = await tell(*growing(WORDS, seconds=5), memo=Memo(seconds=2.0))
    [message] = told.chat.visible()
    before, last = told.chat.frames(message.ref)[-2:]
    assert before.controls == (Control.STOP,), "until then it is still growing"
    assert last.controls == controls_after("whole", WORDS)
    assert last.at >= told.memo.ended_at


async def test_a_slow_disk_delays_no_frame() -> None:
    """Law 4: frames never wait for the disk."""

    async def frames(delay: float) -> list[tuple[float, str]]:
        chat, store = Chat(), FakeStore(delay=delay)
        store.rows["r1"] = Row("r1", 1, THREAD, "")
        start = now()
        async with Running(chat) as outbox:
            journal = StoreJournal(store)
            writing = asyncio.create_task(journal.run())
            reply = a_reply(outbox, chat, FakeClaude(*growing(WORDS, seconds=20)), journal)
            assert (await reply.run(at_once)).kind == "shown"
            await journal.flush()
            writing.cancel()
        assert store.rows["r1"].text == WORDS
        return [(round(seen.at - start, 3), seen.text) for seen in chat.seen]

    quick, slow = await frames(0.0), await frames(3.0)
    growth = [frame for frame in quick if frame[0] <= 20.0]
    assert len(growth) > 10
    assert slow[: len(growth)] == growth
    assert slow[-1][1] == quick[-1][1] == WORDS.strip()


async def test_reading_claude_never_waits_for_a_platform_whose_edits_take_ten_seconds() -> None:
    """Law 3: Claude has been heard to its end while the channel still shows the beginning."""
    chat = Chat(fault=lambda op, _target, _number: Fault(slow=10.0) if op == "edit" else None)
    told = await tell(*growing(WORDS, seconds=5), chat=chat)
    assert told.claude.asked[0].ended == pytest.approx(5.0, abs=0.2)
    assert told.took > 10.0
    assert told.chat.texts() == [WORDS.strip()]


async def test_a_long_answer_stands_on_several_pages_of_which_all_are_journalled() -> None:
    """Each message that came to exist is known to the journal, in order."""
    told = await tell(*growing(WORDS, seconds=10), chat=Chat(page_limit=600))
    messages = told.chat.visible()
    assert len(messages) > 3
    assert "".join(" ".join(message.text for message in messages).split()) == "".join(WORDS.split())
    assert [len(refs) for refs, _ in told.memo.posts] == list(range(1, len(messages) + 1))
    assert told.memo.posts[-1][0] == tuple(message.ref for message in messages)


async def test_a_first_post_that_is_refused_for_long_still_ends_in_the_whole_answer() -> None:
    """A platform that cannot be reached for a minute costs a minute."""
    down = Fault(outcome=Unavailable("503", applied=False))
    chat = Chat(fault=lambda op, _target, _number: down if now() < 60 else None)
    told = await tell(*growing(WORDS, seconds=5), chat=chat)
    assert told.chat.texts() == [WORDS.strip()]
    assert len(told.chat.seen) == 1


STOP_REASONS = [
    ("end_turn", "", "whole"),
    ("stop_sequence", "", "whole"),
    ("max_tokens", sentences.CUT_BY_LIMIT, "partial"),
    ("model_context_window_exceeded", sentences.CONTEXT_FULL, "partial"),
    ("pause_turn", sentences.PAUSED, "partial"),
    ("tool_use", sentences.PAUSED, "partial"),
    ("refusal", sentences.REFUSED, "refused"),
    ("what_another_server_says", "", "whole"),
]


@pytest.mark.parametrize(("reason", "notice", "turn"), STOP_REASONS, ids=[row[0] for row in STOP_REASONS])
async def test_why_claude_ended_is_said_under_the_answer(reason: str, notice: str, turn: str) -> None:
    """Law 8: an answer that is not whole says so."""
    told = await tell("Some words of it.", Done(reason))
    assert told.shown == ("Some words of it." + (f"\n\n{DIALECT.notice(notice)}" if notice else ""))
    assert told.memo.ends[0][1:3] == (notice, turn)


@pytest.mark.parametrize(
    "steps", [(Done("end_turn"),), ("\n", " \n", Done("end_turn"))], ids=["none", "blank"]
)
async def test_an_answer_without_a_word_is_answered_for(steps: tuple[Step, ...]) -> None:
    """Nothing said is said."""
    told = await tell(*steps)
    assert told.shown == DIALECT.notice(sentences.NOTHING_SAID)


async def test_the_last_count_of_tokens_is_kept_also_of_an_answer_that_broke() -> None:
    """A broken answer is billed too."""
    fault = ClaudeFault("api_error", sentences.BROKEN_OFF)
    told = await tell(Spent(Usage(10, 1)), "Half an answer", Spent(Usage(10, 7)), fault)
    assert told.memo.ends[0][3] == Usage(10, 7)


# ------------------------------------------------------------------------------------------------ the status


async def test_claude_is_asked_before_any_status_is_shown() -> None:
    """No call to the platform comes in front of Claude's request, not even where the history takes long to load."""

    async def slowly() -> Ask:
        await asyncio.sleep(0.15)
        return ASK

    told = await tell(1.0, "Here it is, at last.", Done("end_turn"), ask=slowly)
    assert told.claude.asked[0].at == pytest.approx(0.15)
    assert [at for _, at, _ in told.chat.asides] == [pytest.approx(0.2)]


async def test_a_quick_answer_needs_no_status() -> None:
    """Nor is one taken back that never was."""
    told = await tell(0.1, "Yes, of course.", Done("end_turn"))
    assert told.chat.asides == []


async def test_a_status_is_refreshed_before_it_lapses_and_ends_with_the_first_text() -> None:
    """The first post clears it: nothing more is sent."""
    told = await tell(*(Thinking(), 30.0), "Now I have it.", 20.0, " All of it.", Done("end_turn"))
    times = [at for _, at, _ in told.chat.asides]
    assert set(told.chat.said_beside()) == {sentences.THINKING}
    assert times[-1] < 30.0
    assert all(later - earlier <= STATUS_SECONDS + 0.1 for earlier, later in pairwise(times))
    assert len(times) == 4


async def test_a_retry_and_a_tool_show_as_status_and_thinking_comes_back() -> None:
    """Waiting is told, with its length."""
    busy = ClaudeFault("overloaded_error", sentences.BUSY, retryable=True)
    told = await tell(
        *(Retrying(busy, 0.5), 2.0, Retrying(busy, 12.4), 2.0, Thinking(), 2.0, Working("web_search"), 2.0),
        "It is so.",
        Done("end_turn"),
    )
    assert told.chat.said_beside() == [
        sentences.RETRYING.format(seconds=1),
        sentences.RETRYING.format(seconds=12),
        sentences.THINKING,
        sentences.WORKING.format(tool="web_search"),
    ]
    assert told.shown == "It is so."


async def test_a_status_is_cleared_where_nothing_was_ever_posted() -> None:
    """Else "is thinking" would stand there until it lapses."""
    told = await tell(3.0, "Words.", Done("end_turn"), chat=Chat(fault=lambda *_: DENIED))
    assert told.settled == Settled("denied", "not_in_channel")
    assert told.chat.said_beside() == [sentences.THINKING, ""]


async def test_a_status_that_the_first_text_overtook_is_taken_back() -> None:
    """A slow status lands behind the post and would stand under a growing answer."""
    told = await tell(0.5, *growing(WORDS, seconds=10), chat=Chat(status_takes=3.0))
    assert [(text, round(at, 1)) for _, at, text in told.chat.asides] == [
        (sentences.THINKING, 0.2),
        ("", 3.2),
    ]
    assert told.shown == WORDS.strip()


async def test_nobody_is_said_to_think_once_the_answer_has_failed() -> None:
    """Also while the sentence that says so cannot be posted yet."""
    down = Fault(outcome=Unavailable("503", applied=False))
    chat = Chat(fault=lambda op, _target, _number: down if now() < 60 else None)
    told = await tell(3.0, ClaudeFault("api_error", sentences.FAILED), chat=chat)
    assert told.shown == DIALECT.notice(sentences.FAILED)
    assert [at for _, at, _ in told.chat.asides] == [pytest.approx(0.2)]


async def test_a_blank_beginning_does_not_end_the_status() -> None:
    """Only what people can see replaces it."""
    told = await tell("\n", 10.0, "At last.", Done("end_turn"))
    assert told.chat.said_beside() == [sentences.THINKING] * 2


@pytest.mark.parametrize("chat", [Chat(status_raises=True), Chat(status_takes=1e6)], ids=["raises", "hangs"])
async def test_a_status_that_fails_costs_nothing(chat: Chat) -> None:
    """Cosmetic: the answer grows and ends as ever."""
    told = await tell(2.0, *growing(WORDS, seconds=10), chat=chat)
    assert told.shown == WORDS.strip()
    assert told.took < 12.0 + 15.0


# ------------------------------------------------------------------------------------------------ faults

FAULTS = {kind: sentence for kind, (sentence, _) in _BY_TYPE.items()} | {
    "ReadTimeout": sentences.WENT_QUIET,
    "ConnectError": sentences.UNREACHABLE,
    "no_message_stop": sentences.BROKEN_OFF,
}
TOLD = {kind: ClaudeFault(kind, sentence).told("en") for kind, sentence in FAULTS.items()}


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_fault_before_the_first_text_is_one_sentence(kind: str) -> None:
    """Law 8: the asker is told, where the answer would have been."""
    told = await tell(1.0, ClaudeFault(kind, FAULTS[kind]))
    assert told.chat.texts() == [DIALECT.notice(TOLD[kind])]
    assert told.memo.ends[0] == ("", TOLD[kind], "partial", Usage())


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_fault_in_the_text_keeps_what_was_said(kind: str) -> None:
    """The partial text stays, and is kept for the next turn."""
    told = await tell(*growing(WORDS, seconds=5)[:-1], ClaudeFault(kind, FAULTS[kind]))
    assert told.chat.texts() == [f"{WORDS.strip()}\n\n{DIALECT.notice(TOLD[kind])}"]
    assert told.chat.visible()[0].controls == controls_after("partial", WORDS)
    assert told.memo.ends[0][:3] == (WORDS, TOLD[kind], "partial")


async def no_history() -> Ask:
    raise OSError("the disk is gone")


BUGS: dict[str, tuple[tuple[Step, ...], Callable[[], Awaitable[Ask]]]] = {
    "no history": (("never said",), no_history),
    "an exception that nobody foresaw": (("Half", ZeroDivisionError()), at_once),
    "no Done": (("Half",), at_once),
    "a cancellation that nobody ordered": (("Half", asyncio.CancelledError()), at_once),
}


@pytest.mark.parametrize("bug", BUGS)
async def test_a_bug_of_ours_is_a_sentence_too(bug: str, caplog: pytest.LogCaptureFixture) -> None:
    """No failure is silent: neither for the asker nor for the log."""
    steps, ask = BUGS[bug]
    told = await tell(*steps, ask=ask)
    assert told.shown.endswith(DIALECT.notice(sentences.OUR_FAULT))
    assert told.shown.startswith("Half") == (ask is at_once)
    assert told.memo.ends[0][1:3] == (sentences.OUR_FAULT, "partial")
    assert "reply.failed" in caplog.messages


# ------------------------------------------------------------------------------------------------ stop, deletion


def stopping(at: float, *, times: int = 1) -> Callable[[Reply, Outbox], Awaitable[None]]:
    async def stop(reply: Reply, _outbox: Outbox) -> None:
        await asyncio.sleep(at)
        for _ in range(times):
            reply.stop()

    return stop


async def test_a_stop_in_the_text_closes_claudes_request_and_keeps_the_text() -> None:
    """The button means it: the model stops, not only its picture."""
    told = await tell(*growing(WORDS, seconds=20), meanwhile=stopping(7.05))
    assert told.claude.asked[0].ended == pytest.approx(7.05, abs=0.01)
    text, notice, turn, _ = told.memo.ends[0]
    assert len(text) == pytest.approx(len(WORDS) * 7 / 20, abs=20)
    assert (notice, turn) == (sentences.STOPPED, "partial")
    [message] = told.chat.visible()
    assert message.text == f"{text.strip()}\n\n{DIALECT.notice(sentences.STOPPED)}"
    assert message.controls == controls_after("partial", text)


async def test_a_stop_before_it_began_asks_nobody() -> None:
    """A reply that is stopped while it waits its turn costs no request."""

    chat, memo, claude = Chat(), Memo(), FakeClaude()
    async with Running(chat) as outbox:
        reply = a_reply(outbox, chat, claude, memo)
        reply.stop(sentences.INTERRUPTED_EARLY)
        assert (await reply.run(at_once)).kind == "shown"
    assert claude.asked == []
    assert chat.texts() == [DIALECT.notice(sentences.INTERRUPTED_EARLY)]
    assert memo.ends == [("", sentences.INTERRUPTED_EARLY, "partial", Usage())]


async def test_a_stop_while_the_history_loads_asks_nobody() -> None:
    async def slowly() -> Ask:
        await asyncio.sleep(5.0)
        return ASK

    told = await tell("never said", ask=slowly, meanwhile=stopping(2.0))
    assert told.claude.asked == []
    assert told.shown == DIALECT.notice(sentences.STOPPED)
    assert told.took < 3.0


async def test_a_stop_after_claude_was_done_changes_nothing() -> None:
    """The answer is whole: only its last edit is on its way."""
    chat = Chat(fault=lambda op, _target, _number: Fault(slow=4.0) if op == "edit" else None)
    told = await tell(*growing(WORDS, seconds=5), chat=chat, memo=Memo(seconds=1.0), meanwhile=stopping(5.5))
    assert told.claude.asked[0].ended == pytest.approx(5.0, abs=0.2)
    assert told.shown == WORDS.strip()
    assert told.memo.ends[0][1:3] == ("", "whole")


async def test_a_second_stop_says_nothing_new() -> None:
    async def twice(reply: Reply, _outbox: Outbox) -> None:
        await asyncio.sleep(2.0)
        reply.stop()
        reply.stop(sentences.INTERRUPTED)
        await asyncio.sleep(0.05)
        reply.stop(sentences.INTERRUPTED)

    told = await tell(*growing(WORDS, seconds=5), meanwhile=twice)
    assert told.shown.count(sentences.STOPPED) == 1
    assert sentences.INTERRUPTED not in told.shown


async def test_a_request_that_fails_because_it_was_stopped_is_told_as_a_stop() -> None:
    """What closing a connection makes the SDK raise is not a fault of anybody's."""

    class Brittle(FakeClaude):
        async def answer(self, ask: Ask) -> AsyncGenerator[AnswerEvent]:
            try:
                async for event in super().answer(ask):
                    yield event
            except asyncio.CancelledError:
                raise ClaudeFault("ReadError", sentences.BROKEN_OFF) from None

    chat, memo = Chat(), Memo()
    async with Running(chat) as outbox:
        reply = a_reply(outbox, chat, Brittle(*growing(WORDS, seconds=5)), memo)
        asyncio.get_running_loop().call_later(2.0, reply.stop)
        await reply.run(at_once)
    assert chat.texts()[0].endswith(DIALECT.notice(sentences.STOPPED))
    assert sentences.BROKEN_OFF not in chat.texts()[0]


@pytest.mark.parametrize("seed", range(40))
async def test_a_stop_and_an_end_in_any_order_are_exactly_one_end(seed: int) -> None:
    """Fault 26: stop racing completion. Whole without a notice, or a beginning with one; never both, never neither."""
    rng = random.Random(seed)
    chat = Chat(call=rng.choice([0.02, 0.3]), status_takes=rng.choice([0.01, 1.0]))
    seconds = rng.choice([0.1, 0.4, 2.0])
    # Mostly at the very end, to the tick.
    at = rng.choice([seconds, seconds, seconds + rng.uniform(-0.3, 0.6), rng.uniform(0, seconds), 0.0])
    told = await tell(
        *growing(WORDS[:400], seconds=seconds),
        chat=chat,
        memo=Memo(seconds=rng.choice([0.0, 0.2])),
        meanwhile=stopping(max(0.0, at), times=rng.choice([1, 2])),
    )
    text, notice, turn, _ = told.memo.ends[0]
    if notice:
        assert (notice, turn) == (sentences.STOPPED, "partial")
        assert WORDS.startswith(text)
        parts = [text.strip(), DIALECT.notice(notice)]
    else:
        assert (text, turn) == (WORDS[:400], "whole")
        parts = [text.strip()]
    assert told.chat.texts() == ["\n\n".join(part for part in parts if part)]
    assert told.chat.visible()[0].controls == controls_after(turn, text)
    assert told.settled.kind == "shown"


async def test_a_deleted_message_is_the_end_quietly() -> None:
    """Fault 16: Claude's request is closed, and nothing is posted again."""

    async def deleting(_reply: Reply, outbox: Outbox) -> None:
        await asyncio.sleep(3.05)
        ref = chat.visible()[0].ref
        chat.vanish(ref)
        assert outbox.deleted(ref)

    chat = Chat()
    told = await tell(*growing(WORDS, seconds=20), chat=chat, meanwhile=deleting)
    assert told.settled == Settled("gone", "deleted")
    assert told.claude.asked[0].ended == pytest.approx(3.05, abs=0.01)
    assert len(chat.messages) == 1
    assert chat.visible() == []
    assert told.memo.ends[0][1:3] == ("", "partial")


async def test_lost_access_closes_claudes_request() -> None:
    """Nobody pays for an answer that nobody can see."""
    chat = Chat(fault=lambda _op, _target, _number: DENIED if now() > 4 else None)
    told = await tell(*growing(WORDS, seconds=60), chat=chat)
    assert told.settled == Settled("denied", "not_in_channel")
    ended = told.claude.asked[0].ended
    assert ended is not None
    assert ended < 8


async def test_a_reply_that_is_cancelled_leaves_nothing_behind() -> None:
    """At the end of the process: no request, no view and no task stays; the journal has the rest."""
    chat, claude = Chat(), FakeClaude(*growing(WORDS, seconds=20))
    async with Running(chat) as outbox:
        reply = a_reply(outbox, chat, claude, Memo())
        running = asyncio.create_task(reply.run(at_once))
        await asyncio.sleep(5.0)
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()
        assert claude.open == 0
        assert outbox.snapshot().live == 0
        seen = len(chat.seen)
        await asyncio.sleep(30.0)
        assert len(chat.seen) <= seen + 1, "at most the call that was under way"
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not names & {"read r1", "view r1", "status"}
