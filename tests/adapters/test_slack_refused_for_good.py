"""What Slack refuses for good: edits and posts that no second try mends. Judged by what stands in the conversation.

The core's outbox, the adapter and the SDK's client on the sandbox's Slack, on virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeAlias, cast

import pytest

from bot import sentences
from bot.ports import Content, Control, Place, Platform, Ref, Rejected
from bot.reply.outbox import Outbox, Settled
from sandbox.slack.nouns import Message
from tests.adapters.slack_in_memory import Adapter, SlackInMemory
from tests.reply.fake_platform import FakeDocument, type_out

pytestmark = pytest.mark.looptime

TEXT = "".join(f"word{number} " for number in range(300)).strip()


Refusal: TypeAlias = Callable[[str, Mapping[str, Any]], str]


class Strict(SlackInMemory):
    """Refuses calls with what `code(method, arguments)` says; "" carries them out."""

    def __init__(self, code: Refusal) -> None:
        super().__init__()
        self._code = code

    async def deliver(self, method: str, said: dict[str, Any]) -> tuple[int, dict[str, str], dict[str, Any]]:
        code = self._code(method, said)
        if not code:
            return await super().deliver(method, said)
        await asyncio.sleep(0.1)
        self.calls.append((method, str(said.get("ts") or ""), code))
        return 200, {}, {"ok": False, "error": code}

    def question(self) -> Place:
        place = self.ask("U0ADA", 1)
        return replace(place, thread=place.reply_to)

    def stands(self, place: Place) -> list[Message]:
        return [m for m in self.workspace.channels[place.channel].messages.values() if m.by_bot]

    def texts(self, place: Place) -> list[str]:
        return [m.text for m in self.stands(place)]

    def count(self, method: str) -> int:
        return [called for called, _, _ in self.calls].count(method)


@asynccontextmanager
async def up(code: Refusal) -> AsyncIterator[tuple[Strict, Outbox, Adapter]]:
    slack = Strict(code)
    adapter = Adapter(slack, native=False)
    outbox = Outbox(cast("Platform", adapter), timeout=4.0)
    await adapter.connect(outbox)
    running = asyncio.create_task(outbox.run())
    try:
        yield slack, outbox, adapter
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await slack.close()


def refusing(**codes: str) -> Refusal:
    """By the method's last word."""
    return lambda method, _: codes.get(method.partition(".")[2], "")


async def answer(
    outbox: Outbox,
    place: Place,
    *,
    limit: int = 4000,
    at_once: bool = False,
    watch: Callable[[], None] = lambda: None,
) -> Settled:
    """`watch` is called when Claude has said all, and nobody knows yet."""
    document = FakeDocument(limit=limit)
    view = outbox.open(place, "r1", document)
    if at_once:
        document.feed(TEXT)
    else:
        await type_out(document, view, TEXT)
    watch()
    document.end()
    view.finish()
    return await asyncio.wait_for(view.settled(), 60)


def pages(limit: int) -> list[str]:
    return [TEXT[at : at + limit].strip() for at in range(0, len(TEXT), limit)]


# ---------------------------------------------------------------------------------------------------- edits


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message"])
async def test_an_answer_whose_message_may_not_be_edited_any_more_is_not_lost(code: str) -> None:
    """Law 4: what has begun stands while Claude goes on, and the whole answer comes once, in a new message."""
    begun: list[str] = []
    async with up(refusing(update=code)) as (slack, outbox, _):
        place = slack.question()
        settled = await answer(outbox, place, watch=lambda: begun.extend(slack.texts(place)))
        assert settled == Settled("shown")
        assert len(begun) == 1
        assert TEXT.startswith(begun[0].strip())
        assert slack.texts(place) == [TEXT]
        assert (slack.count("chat.postMessage"), slack.count("chat.delete")) == (2, 1)
        assert slack.count("chat.update") <= 8, "the budget is all answers' own"


async def test_pages_whose_messages_may_not_be_edited_stand_in_order_and_once() -> None:
    """Each page comes once more at most, and not with every edit."""
    async with up(refusing(update="edit_window_closed")) as (slack, outbox, _):
        place = slack.question()
        assert await answer(outbox, place, limit=700) == Settled("shown")
        assert [text.strip() for text in slack.texts(place)] == pages(700)
        assert slack.count("chat.postMessage") <= 2 * len(pages(700))


async def test_what_can_be_neither_edited_nor_deleted_stays_above_the_whole_answer() -> None:
    """Read twice is better than lost."""
    async with up(refusing(update="edit_window_closed", delete="cant_delete_message")) as (slack, outbox, _):
        place = slack.question()
        assert await answer(outbox, place) == Settled("shown")
        begun, whole = slack.texts(place)
    assert TEXT.startswith(begun.strip())
    assert whole == TEXT


async def test_an_old_answer_is_not_taken_away_for_the_sake_of_its_buttons() -> None:
    """It stands whole: hours later only what is under it was to change."""
    codes: list[str] = []
    async with up(lambda method, _: "".join(codes) if method == "chat.update" else "") as (
        slack,
        outbox,
        adapter,
    ):
        place = slack.question()
        assert await answer(outbox, place) == Settled("shown")
        codes.append("edit_window_closed")
        [stands] = slack.stands(place)
        changed = Content(TEXT, (Control.REGENERATE,), "r1", closed=True, stands=True)
        outcome = await adapter.edit(place, Ref(place.channel, stands.ts), changed)
        assert outcome == Rejected("edit_window_closed")
        assert slack.texts(place) == [TEXT]


# ---------------------------------------------------------------------------------------------------- posts


async def test_where_the_thread_takes_nothing_the_answer_stands_outside_it() -> None:
    """invalid_thread_ts: it can be read, if not where it was asked for."""
    code = "invalid_thread_ts"
    async with up(
        lambda method, said: code if method == "chat.postMessage" and said.get("thread_ts") else ""
    ) as (slack, outbox, _):
        place = slack.question()
        assert await answer(outbox, place, limit=700) == Settled("shown")
        assert [text.strip() for text in slack.texts(place)] == pages(700)
        assert {m.thread for m in slack.stands(place)} == {""}
        assert len(slack.calls) - len([c for c in slack.calls if not c[2]]) == 1, "asked once"


@pytest.mark.parametrize("code", ["msg_too_long", "no_text"])
async def test_an_answer_that_slack_will_not_post_is_replaced_by_one_sentence(code: str) -> None:
    """No failure is silent: what is too long, or odd, for Slack is told in few words, and soon."""

    def refusal(method: str, said: Mapping[str, Any]) -> str:
        told = sentences.OUR_FAULT in str(said.get("blocks"))
        return code if method == "chat.postMessage" and not told else ""

    async with up(refusal) as (slack, outbox, _):
        place = slack.question()
        begun = asyncio.get_running_loop().time()
        settled = await answer(outbox, place, at_once=True)
        assert settled == Settled("gone", f"rejected:{code}"), "told, and no more to say"
        assert asyncio.get_running_loop().time() - begun < 5
        assert slack.texts(place) == [sentences.OUR_FAULT]


@pytest.mark.parametrize("code", ["msg_too_long", "no_text", "message_limit_exceeded"])
async def test_where_slack_takes_no_post_at_all_the_asker_is_to_be_told_elsewhere(code: str) -> None:
    """A code that does not speak of the answer: who asked is told alone (`Channel.explain`), and within six seconds."""
    async with up(refusing(postMessage=code)) as (slack, outbox, _):
        begun = asyncio.get_running_loop().time()
        settled = await answer(outbox, slack.question(), at_once=True)
        assert asyncio.get_running_loop().time() - begun < 5
    assert settled.kind == "denied"
    assert not settled.code.startswith(("rejected:", "internal:"))
