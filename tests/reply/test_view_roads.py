"""A view and what platforms say beyond yes and no: full, taken back, refused for good, unanswered at the end."""

from __future__ import annotations

import asyncio

import pytest

from bot import sentences
from bot.ports import Content, Control, Full, Op, Outcome, Place, Ref, Rejected, Rule, Unavailable, Withdrawn
from bot.reply.outbox import Settled
from tests.reply.fake_platform import PLACE, FakeDocument, FakePlatform, Fault, Running, type_out

pytestmark = pytest.mark.looptime

WORDS = "the quick brown fox jumps over the lazy dog and then it rests a while under a tree "


def text_of(length: int) -> str:
    return (WORDS * (length // len(WORDS) + 1))[:length]


def now() -> float:
    return asyncio.get_running_loop().time()


# ---------------------------------------------------------------------------------------------------- full, taken back


async def test_where_a_message_takes_no_more_the_answer_goes_on_in_a_new_one() -> None:
    """Full: the page closes where it is settled, and every character stands once."""
    full: list[int] = []

    def fault(op: Op, target: str, number: int) -> Fault | None:
        if op == "edit" and number == 3:
            full.append(number)
            return Fault(outcome=Full("age"))
        return None

    platform = FakePlatform(fault=fault)
    async with Running(platform) as outbox:
        document = FakeDocument(unsettled=20)
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(1500))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert full
    assert len(view.refs) == 2
    assert platform.text(*view.refs) == text_of(1500)
    first = platform.messages[view.refs[0].message].text
    assert 0 < len(first) < 1400
    assert all(message.controls == () for message in platform.visible())


async def test_a_message_that_is_full_before_anything_is_settled_is_asked_again() -> None:
    """There is nothing to close yet: it waits for settled text, or for the end, and does not spin."""
    platform = FakePlatform(
        fault=lambda op, t, n: Fault(outcome=Full("age")) if op == "edit" and not document.ended else None
    )
    async with Running(platform) as outbox:
        document = FakeDocument(unsettled=10_000)
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(600))
        calls = platform._counts["edit"]
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert calls <= 14
    assert platform.text(*view.refs) == text_of(600)


class TakingBack(FakePlatform):
    """Takes its first message back at some edit."""

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
        if ref.message == "1" and self._counts["edit"] >= 3:
            await self.delete(place, ref)
            return Withdrawn("block_mismatch")
        return await super().edit(place, ref, content)


async def test_a_page_whose_message_was_taken_back_is_posted_anew() -> None:
    """Withdrawn: not gone; somebody's deletion would be the end."""
    platform = TakingBack()
    told: list[list[str]] = []
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(
            PLACE, "r1", document, on_changed=lambda refs, _place: told.append([ref.message for ref in refs])
        )
        await type_out(document, view, text_of(900))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert [message.text for message in platform.visible()] == [text_of(900)]
    assert told == [["1"], [], ["2"]]
    assert len({message.key for message in platform.messages.values()}) == 2, "never found for one another"


async def test_messages_that_show_no_page_any_more_are_taken_away() -> None:
    """A restart lays the pages out anew, and there may be fewer: what they showed stands above."""
    platform = FakePlatform(page_limit=400)
    async with Running(platform) as outbox:
        first = FakeDocument(limit=400)
        view = outbox.open(PLACE, "r1", first)
        await type_out(first, view, text_of(900))
        await asyncio.sleep(5)
        refs = view.refs
        view.abandon()
        second = FakeDocument(limit=4000)
        again = outbox.open(PLACE, "r1", second, refs=refs)
        second.feed(text_of(900))
        second.end()
        again.finish()
        assert (await again.settled()).kind == "shown"
        assert again.refs == refs[:1]
        await asyncio.sleep(1)
    assert len(refs) == 3
    assert [message.text for message in platform.visible()] == [text_of(900)]


async def test_where_messages_are_taken_back_again_and_again_the_answer_comes_once_at_the_end() -> None:
    """It came and went with every edit; and a page behind one that went is posted anew, behind it."""

    class Hostile(FakePlatform):
        async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
            await self.delete(place, ref)
            return Withdrawn("block_mismatch")

    platform = Hostile(page_limit=400)
    async with Running(platform) as outbox:
        document = FakeDocument(limit=400)
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(900))
        assert len(platform.messages) == 1, "nothing comes that would go again"
        document.end()
        view.finish()
        assert (await asyncio.wait_for(view.settled(), 20)).kind == "shown"
    assert [message.text for message in platform.visible()] == [
        text_of(900)[start : start + 400] for start in (0, 400, 800)
    ]
    assert len(platform.messages) == 4


async def test_frames_that_a_platform_will_not_take_do_not_end_an_answer() -> None:
    """Claude's request was closed at the third; the whole answer may be taken yet."""
    platform = FakePlatform(
        fault=lambda op, t, n: (
            Fault(outcome=Rejected("400/0")) if op == "edit" and not document.ended else None
        )
    )
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(3000))
        assert not view.is_settled
        assert platform._counts["edit"] <= 8, "and they are tried ever more rarely"
        document.end()
        view.finish()
        ended = now()
        assert (await view.settled()).kind == "shown"
        assert now() - ended < 0.5
    assert platform.text(*view.refs) == text_of(3000)


# ---------------------------------------------------------------------------------------------------- the last edit


@pytest.mark.parametrize("fault", [Fault(cut=True), Fault(lose=True, after=21.0), Fault(drop=True)])
async def test_a_last_edit_whose_answer_was_lost_needs_no_confirmation(fault: Fault) -> None:
    """What may yet be carried out shows the same text: the second try's answer is the end."""
    lost: list[float] = []

    def at_the_end(op: Op, target: str, number: int) -> Fault | None:
        if op == "edit" and document.ended and not lost:
            lost.append(now())
            return fault
        return None

    platform = FakePlatform(fault=at_the_end)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(600))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
        hung = 0.0 if fault.cut else 20.0
        assert now() - lost[0] < hung + 1.0
        await asyncio.sleep(60)
    assert platform.text(*view.refs) == text_of(600)


async def test_an_older_frame_whose_connection_broke_is_outwaited_for_seconds_not_for_the_timeout() -> None:
    """Behind a proxy it may still be carried out, but soon or never."""
    platform = FakePlatform(fault=lambda op, t, n: Fault(cut=True) if op == "edit" and n == 6 else None)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(700))
        document.end()
        view.finish()
        ended = now()
        assert (await view.settled()).kind == "shown"
        assert now() - ended < 5.0
    assert platform.text(*view.refs) == text_of(700)


async def test_a_reply_that_cannot_be_shown_keeps_its_text_and_loses_its_button() -> None:
    """A button that stops nothing is a lie: it goes, by way of what the platform took before."""

    class Choosy(FakePlatform):
        async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
            if document.ended and len(content.text) == 600:
                self.calls.append((now(), "edit"))
                return Rejected("msg_too_long")
            return await super().edit(place, ref, content)

    platform = Choosy()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(600))
        document.end()
        view.finish()
        assert await view.settled() == Settled("denied", "rejected:msg_too_long")
    [message] = platform.visible()
    assert message.controls == ()
    assert text_of(600).startswith(message.text)
    assert len(message.text) > 100


async def test_where_nobody_knows_what_stands_there_the_shortest_honest_words_do() -> None:
    """The last frame's answer was lost, and then everything long is refused."""

    class Choosy(FakePlatform):
        async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
            if content.text == sentences.OUR_FAULT:
                return await super().edit(place, ref, content)
            return Unavailable("reset") if not document.ended else Rejected("msg_too_long")

    platform = Choosy()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(300))
        document.end()
        view.finish()
        assert await view.settled() == Settled("denied", "rejected:msg_too_long")
    [message] = platform.visible()
    assert (message.text, message.controls) == (sentences.OUR_FAULT, ())


async def test_a_message_that_takes_nothing_at_all_is_given_up() -> None:
    """Never a loop."""
    tries: list[str] = []

    class Wall(FakePlatform):
        async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
            tries.append(content.text)
            return Rejected("edit_window_closed")

    platform = Wall()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(600))
        document.end()
        view.finish()
        assert await view.settled() == Settled("denied", "rejected:edit_window_closed")
    assert len(tries) <= 6
    assert platform.visible()[0].controls == (Control.STOP,)


async def test_all_that_an_ended_answer_lacks_goes_before_what_others_have_to_show() -> None:
    """Law 4: it is whole when its last text is there, also where that stands on a page in front of the last."""
    rule = Rule(0.5, 2, "bucket", "observed", "scarce, so that others would take every call")
    platform = FakePlatform(edit_rule=rule, page_limit=400)
    async with Running(platform) as outbox:
        others = [FakeDocument() for _ in range(4)]
        views = [outbox.open(PLACE, f"r{n}", document) for n, document in enumerate(others)]
        talking = [
            asyncio.create_task(type_out(document, view, text_of(3900)))
            for document, view in zip(others, views, strict=True)
        ]
        await asyncio.sleep(20)
        document = FakeDocument(limit=400)
        ending = outbox.open(PLACE, "ending", document)
        await type_out(document, ending, text_of(600))
        document.end()
        ending.finish()
        ended = now()
        assert (await ending.settled()).kind == "shown"
        whole = now()
        ours = {ref.message for ref in ending.refs}
        await asyncio.gather(*talking)
        for other, view in zip(others, views, strict=True):
            other.end()
            view.finish()
        await asyncio.gather(*(view.settled() for view in views))
    assert len(ours) == 2
    edits = [seen for seen in platform.seen if seen.verb == "edit" and ended < seen.at <= whole]
    assert {seen.message for seen in edits} == ours
