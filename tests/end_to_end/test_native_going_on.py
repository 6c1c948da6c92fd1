"""Continue in a direct message that grows by Slack's own streams: two messages, which together are what Claude said.

What the person sees is judged: every character once and in order, the buttons under the last message alone.
"""

from __future__ import annotations

import pytest

from bot import sentences
from sandbox.claude.choice import Request
from sandbox.claude.script import Fault
from sandbox.record import Entry, Record
from tests.end_to_end.stage import Chat, squeezed

NOTICE = f"_{sentences.CUT_BY_LIMIT}_"

LEFT = {sentences.AS_FILE, sentences.DELETE}

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("native")]


async def cut_short(
    slack: Chat, words: str, *, at: int, person: int, speed: int = 800
) -> tuple[str, Request]:
    """A question whose answer breaks off there, and offers to go on: (the question's ts, the request)."""
    asked = f"{words} #speed:{speed} #fault:max_tokens@{at}"
    question = str(await slack.server.say(slack.person(person), slack.direct(person), asked))
    request = await slack.asked(words)

    def offered(_: Record) -> bool:
        pages = slack.pages(question)
        return bool(pages) and sentences.CONTINUE in pages[-1]["controls"]

    await slack.world.record.wait(offered, within=30)
    return question, request


async def gone_on(
    slack: Chat, question: str, *before: Request, person: int, ends: str = sentences.REGENERATE
) -> Request:
    """Press Continue; wait until all that was said stands there, in this order, and `ends` is under it; the request."""
    asked = len(slack.world.claude.requests)
    await slack.press(question, sentences.CONTINUE, person=person)
    last = await slack.world.record.wait(
        lambda _: next(iter(slack.world.claude.requests[asked:]), None), within=20
    )

    def whole(_: Record) -> bool:
        pages = slack.pages(question)
        said = "".join(request.said for request in (*before, last))
        return (
            bool(last.ended)
            and squeezed("".join(words(page) for page in pages)) == squeezed(said)
            and ends in buttons(pages[-1])
        )

    await slack.world.record.wait(whole, within=30)
    return last


async def used_up(slack: Chat, question: str) -> list[Entry]:
    """Wait until no Continue stands but under the last page; the pages."""

    def gone(_: Record) -> bool:
        return not any(sentences.CONTINUE in buttons(page) for page in slack.pages(question)[:-1])

    await slack.world.record.wait(gone, within=10)
    return slack.pages(question)


def words(page: Entry) -> str:
    """Claude's, without our sentence under what was cut short."""
    return str(page["text"]).removesuffix(NOTICE)


def verbs(slack: Chat, message: str) -> set[str]:
    return {str(one["verb"]) for one in slack.world.record.entries("shown", "slack", message=message)}


def buttons(page: Entry) -> set[str]:
    return set(page["controls"])


async def test_what_goes_on_streams_below_what_was_cut_short(slack: Chat) -> None:
    question, first = await cut_short(slack, "Go on there? #chars:900", at=400, person=0)
    assert len(slack.pages(question)) == 1
    second = await gone_on(slack, question, first, person=0)
    assert first.said + second.said == first.script.text
    upper, lower = await used_up(slack, question)
    assert upper["message"] < lower["message"]
    assert {upper["thread"], lower["thread"]} == {question}
    assert "append" in verbs(slack, lower["message"]), "it streamed, as the first half did"
    assert buttons(upper) == LEFT
    assert slack.refusals == []


async def test_what_goes_on_breaks_off_and_goes_on_once_more(slack: Chat) -> None:
    """Over the size of a stream, too: three answers and more messages, one text."""
    question, first = await cut_short(slack, "How far? #chars:16000", at=600, person=3, speed=4_000)
    slack.world.claude.script(Fault("max_tokens", at=12_000), when=sentences.GOING_ON)
    second = await gone_on(slack, question, first, person=3, ends=sentences.CONTINUE)
    assert len(second.said) == 12_000
    third = await gone_on(slack, question, first, second, person=3)
    assert first.said + second.said + third.said == first.script.text
    pages = await used_up(slack, question)
    assert len(pages) >= 4
    assert [page["message"] for page in pages] == sorted(page["message"] for page in pages)
    assert {page["thread"] for page in pages} == {question}
    assert sentences.REGENERATE in buttons(pages[-1])
    assert all(buttons(page) <= LEFT for page in pages[:-1])
    assert sum(bool(buttons(page)) for page in pages) == 3, "under the end of each answer"


async def test_a_first_half_that_slack_will_not_change_stays_where_it_stands(slack: Chat) -> None:
    """block_mismatch: what has streamed may be refused to chat.update. Taken back, it would stand below what goes on."""
    slack.server.faults.fault("chat.update", error="block_mismatch", times=20)
    question, first = await cut_short(slack, "And unchanged? #chars:900", at=400, person=1)
    [upper] = slack.pages(question)
    second = await gone_on(slack, question, first, person=1)
    pages = slack.pages(question)
    assert pages[0]["message"] == upper["message"], "it was not posted anew"
    assert [squeezed(words(page)) for page in pages] == [squeezed(first.said), squeezed(second.said)]
    assert slack.world.record.entries("call", "slack", method="chat.update", error="block_mismatch")
