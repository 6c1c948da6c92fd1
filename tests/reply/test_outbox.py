"""The outbox against a platform in memory, on virtual time: judged by what a viewer saw."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.ports import Content, Control, Denied, Gone, Op, Place, Ref, Rejected, Unavailable
from bot.reply.messages import post_key
from tests.reply.fake_platform import (
    DISCORD,
    PLACE,
    SLACK,
    FakeDocument,
    FakePage,
    FakePlatform,
    Fault,
    Running,
    limit_of,
    type_out,
)

pytestmark = pytest.mark.looptime

WORDS = "the quick brown fox jumps over the lazy dog and then it rests a while under a tree "


def text_of(length: int) -> str:
    return (WORDS * (length // len(WORDS) + 1))[:length]


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_reply_grows_and_ends_whole_without_its_button() -> None:
    """Law 4: a finished reply is shown whole; law 1: every frame is a prefix of what was said."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        text = text_of(1500)
        await type_out(document, view, text)
        ended = now()
        document.end()
        view.finish()
        settled = await view.settled()
    assert settled.kind == "shown"
    frames = platform.frames(view.refs[0])
    assert frames[-1].text == text
    assert frames[-1].controls == ()
    assert all(frame.controls == (Control.STOP,) for frame in frames[:-1])
    assert all(text.startswith(frame.text) for frame in frames)
    assert len(frames) > 8
    assert frames[-1].at - ended <= 0.2
    assert platform.refusals == []


async def test_the_first_text_is_posted_at_three_words() -> None:
    """The first post leaves as soon as there is something to read."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        document.feed("One two three")
        view.grew()
        await asyncio.sleep(0.06)
        assert [seen.text for seen in platform.seen] == ["One two three"]


async def test_the_first_text_is_posted_after_three_tenths_of_a_second_with_fewer_words() -> None:
    """A slow beginning is shown all the same."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await asyncio.sleep(1.0)
        document.feed("Hm")
        view.grew()
        await asyncio.sleep(0.29)
        assert platform.seen == []
        await asyncio.sleep(0.08)
        assert [(round(seen.at, 2), seen.text) for seen in platform.seen] == [(1.35, "Hm")]


async def test_a_reply_that_ends_before_its_first_post_is_posted_whole_at_once() -> None:
    """No edit is spent on what one post can show."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        document.feed("Hi")
        view.grew()
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert [(seen.verb, seen.text, seen.controls) for seen in platform.seen] == [("post", "Hi", ())]


async def test_an_empty_document_settles_without_a_call() -> None:
    """Nothing to show is shown whole."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert platform.seen == []


async def test_a_notice_alone_is_posted() -> None:
    """No failure is silent: a reply that said nothing still shows the sentence."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        document.end("It broke.")
        view.finish()
        await view.settled()
    assert [seen.text for seen in platform.seen] == ["It broke."]


async def test_pages_are_posted_before_the_page_in_front_is_trimmed() -> None:
    """Nothing ever disappears from view, and every page is whole at the end."""
    platform = FakePlatform(page_limit=400)
    text = text_of(1900)
    async with Running(platform) as outbox:
        document = FakeDocument(limit=400)
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text)
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert [platform.messages[ref.message].text for ref in view.refs] == [
        text[start : start + 400] for start in range(0, 1900, 400)
    ]
    assert all(message.controls == () for message in platform.visible())
    for before, after in zip(view.refs, view.refs[1:], strict=False):
        closing = [frame.at for frame in platform.frames(before) if frame.controls == ()]
        assert platform.frames(after)[0].at < closing[0]
    assert platform.refusals == []


async def test_buttons_stand_on_the_newest_page_only() -> None:
    """The Stop button moves on with the text."""
    platform = FakePlatform(page_limit=400)
    async with Running(platform) as outbox:
        document = FakeDocument(limit=400)
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(700))
        await asyncio.sleep(5)
        assert [platform.messages[ref.message].controls for ref in view.refs] == [(), (Control.STOP,)]
        view.abandon()


async def test_an_answer_is_whole_when_it_can_be_read_though_a_button_has_yet_to_go() -> None:
    """It has not settled before that is gone, too."""

    def fault(op: Op, target: str, number: int) -> Fault | None:
        return Fault(outcome=Unavailable("busy", False)) if target == "2" and now() < 60 else None

    platform = FakePlatform(page_limit=400, fault=fault)
    async with Running(platform) as outbox:
        document = FakeDocument(limit=400)
        view = outbox.open(PLACE, "r1", document)
        document.feed(text_of(1900))
        view.grew()
        await asyncio.sleep(20)
        document.end()
        view.finish()
        ended = now()
        await view.whole()
        assert now() - ended <= 2 * platform.call
        assert platform.text(*view.refs) == text_of(1900)
        assert [message.controls for message in platform.visible()] == [(), (Control.STOP,), (), (), ()]
        assert not view.is_settled
        assert (await view.settled()).kind == "shown"
        assert all(message.controls == () for message in platform.visible())


async def test_an_end_does_not_wait_an_hour_because_a_fault_said_so() -> None:
    """A budget's Retry-After is kept whatever it is; that of a 503 is a guess."""

    def fault(op: Op, target: str, number: int) -> Fault | None:
        return Fault(outcome=Unavailable("http_503", False, 3600.0)) if op == "edit" and number == 0 else None

    platform = FakePlatform(fault=fault)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        document.feed(text_of(100))
        view.grew()
        await asyncio.sleep(1)
        document.feed(text_of(300)[100:])
        document.end()
        view.finish()
        ended = now()
        assert (await view.settled()).kind == "shown"
        assert 59.0 <= now() - ended <= 61.0
    assert platform.text(*view.refs) == text_of(300)


async def test_buttons_wait_for_other_peoples_text_but_not_where_somebody_waits_for_them() -> None:
    """An answer that is to be had anew begins when the last of the old one has landed."""
    platform = FakePlatform(page_limit=400)
    async with Running(platform) as outbox:
        others = [FakeDocument() for _ in range(12)]
        typing = [
            asyncio.create_task(type_out(document, outbox.open(PLACE, f"o{number}", document), text_of(9000)))
            for number, document in enumerate(others)
        ]
        await asyncio.sleep(30)
        document = FakeDocument(limit=400)
        view = outbox.open(PLACE, "r1", document)
        document.feed(text_of(1900))
        view.grew()
        await asyncio.sleep(8)
        document.end()
        view.finish()
        await view.whole()
        await asyncio.sleep(5)
        left = [ref for ref in view.refs if platform.messages[ref.message].controls]
        assert left, "buttons take calls that no text needs"
        hurried = now()
        view.hurry()
        assert (await view.settled()).kind == "shown"
        assert now() - hurried <= 2 * platform.call * len(left)
        for task in typing:
            task.cancel()
        await asyncio.gather(*typing, return_exceptions=True)
    assert not any(platform.messages[ref.message].controls for ref in view.refs)
    assert platform.refusals == []


async def test_an_answer_that_may_yet_be_overwritten_is_not_whole() -> None:
    """An edit of an older text that nobody answered may still be carried out."""

    def fault(op: Op, target: str, number: int) -> Fault | None:
        return Fault(lose=True, after=8.0) if op == "edit" and number == 0 else None

    platform = FakePlatform(page_limit=400, fault=fault)
    async with Running(platform, timeout=5.0) as outbox:
        document = FakeDocument(limit=400)
        view = outbox.open(PLACE, "r1", document)
        document.feed(text_of(100))
        view.grew()
        await asyncio.sleep(1)
        document.feed(text_of(300)[100:])
        view.grew()
        await asyncio.sleep(4)
        document.feed(text_of(700)[300:])
        document.end()
        view.finish()
        await view.whole()
        whole_at = now()
        await view.settled()
        await asyncio.sleep(20)
    overwritten = [frame.at for frame in platform.frames(view.refs[0]) if frame.text == text_of(300)]
    assert overwritten
    assert max(overwritten) < whole_at
    assert platform.text(*view.refs) == text_of(700)


async def test_an_announcement_is_posted_first_and_the_pages_go_in_its_thread() -> None:
    """A command's question is shown before its answer."""
    platform = FakePlatform()
    told: list[tuple[tuple[Ref, ...], Place]] = []
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(
            PLACE,
            "r1",
            document,
            announce=Content("Ann asks: why?"),
            on_changed=lambda *args: told.append(args),
        )
        document.feed("Because it is so.")
        view.grew()
        document.end()
        view.finish()
        await view.settled()
    assert [(seen.text, seen.thread) for seen in platform.seen] == [
        ("Ann asks: why?", ""),
        ("Because it is so.", "1"),
    ]
    assert [(refs, place.thread) for refs, place in told] == [((), "1"), ((Ref("C1", "2"),), "1")]
    assert view.place.thread == "1"


async def test_messages_that_exist_are_edited_in_order() -> None:
    """After a restart a reply goes on in the messages that it had."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        first = FakeDocument(limit=400)
        view = outbox.open(PLACE, "r1", first)
        await type_out(first, view, text_of(600))
        await asyncio.sleep(3)
        view.abandon()
        second = FakeDocument(limit=400)
        again = outbox.open(PLACE, "r1", second, refs=view.refs)
        second.feed(text_of(900))
        second.end("Interrupted.")
        again.finish()
        assert (await again.settled()).kind == "shown"
        assert platform.text(*again.refs) == text_of(900) + "Interrupted."
        assert again.refs[:2] == view.refs


async def test_a_deleted_message_ends_its_reply_quietly() -> None:
    """Law 4: nothing is reposted."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(200))
        platform.messages[view.refs[0].message].deleted = True
        await type_out(document, view, text_of(400))
        settled = await view.settled()
        assert (settled.kind, settled.code) == ("gone", "message_not_found")
        count = len(platform.calls)
        document.end()
        view.finish()
        await asyncio.sleep(30)
        assert len(platform.calls) == count


async def test_a_deletion_that_the_platform_reports_ends_the_reply() -> None:
    """An event is quicker than the next edit."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(200))
        assert outbox.deleted(view.refs[0])
        assert not outbox.deleted(Ref("C1", "99"))
        assert (await view.settled()).kind == "gone"


async def test_lost_access_is_told() -> None:
    """Law 8: no failure is silent."""
    platform = FakePlatform(fault=lambda op, target, n: Fault(outcome=Denied("not_in_channel")))
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        document.feed("one two three")
        view.grew()
        settled = await view.settled()
        assert (settled.kind, settled.code) == ("denied", "not_in_channel")


async def test_content_refused_with_buttons_is_tried_once_without_them() -> None:
    """A plain fallback, then an honest end; never a loop."""

    def fault(op: Op, target: str, number: int) -> Fault | None:
        return Fault(outcome=Rejected("invalid_blocks")) if op == "post" and number == 0 else None

    platform = FakePlatform(fault=fault)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(300))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert platform.frames(view.refs[0])[0].controls == ()
    assert platform.text(*view.refs) == text_of(300)


async def test_content_that_is_always_refused_ends_with_its_code() -> None:
    """Sending the same again is useless."""
    tries: list[int] = []

    def fault(op: Op, target: str, number: int) -> Fault | None:
        tries.append(number)
        return Fault(outcome=Rejected("msg_too_long"))

    platform = FakePlatform(fault=fault)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(300))
        document.end()
        view.finish()
        settled = await view.settled()
        assert (settled.kind, settled.code) == ("denied", "refused:msg_too_long")
        await asyncio.sleep(60)
    assert len(tries) <= 5


async def test_a_place_is_busy_with_answers_that_have_no_message_yet() -> None:
    """Eight questions at once met a quiet channel, each of them, and slowed each other down in it."""
    platform = FakePlatform(edit_rule=DISCORD)
    async with Running(platform) as outbox:
        met = []
        for number in range(8):
            met.append(outbox.busy(PLACE))
            outbox.open(PLACE, f"r{number}", FakeDocument())
        views = list(outbox._desk.views)
        assert met == [False] * 5 + [True] * 3
        for view in views[:5]:
            view.abandon()
        assert not outbox.busy(PLACE), "what is over is in nobody's way"


async def test_one_odd_answer_to_the_last_edit_does_not_cost_the_end() -> None:
    """The end is sacred: what a platform refuses once it may take a moment later."""
    refused: list[int] = []

    def fault(op: Op, target: str, number: int) -> Fault | None:
        if op == "edit" and document.ended and not refused:
            refused.append(number)
            return Fault(outcome=Rejected("400/0"))
        return None

    platform = FakePlatform(fault=fault)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(300))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert refused
    assert [message.text for message in platform.visible()] == [text_of(300)]


async def test_budgets_that_nobody_uses_any_more_are_let_go() -> None:
    """The process runs for months, and every channel has budgets of its own."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(300))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
        outbox.export()
        assert outbox.snapshot().budgets, "still fresh"
        await asyncio.sleep(2 * 3600)
        outbox.export()
        assert not outbox.snapshot().budgets


async def test_a_post_whose_answer_was_lost_is_found_and_not_repeated() -> None:
    """Exactly once: the message exists, so it is edited on."""
    platform = FakePlatform(fault=lambda op, t, n: Fault(cut=True) if op == "post" and n == 0 else None)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(300))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert [message.text for message in platform.visible()] == [text_of(300)]
    assert platform.finds >= 1


async def test_a_post_that_is_there_and_never_answered_holds_nobody_up() -> None:
    """Its message is found while the request hangs, and grows on: one message, within seconds."""
    platform = FakePlatform(fault=lambda op, t, n: Fault(lose=True) if op == "post" and n == 0 else None)
    async with Running(platform) as outbox:
        begun = asyncio.get_running_loop().time()
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(300))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
        assert asyncio.get_running_loop().time() - begun < 6
    assert [message.text for message in platform.visible()] == [text_of(300)]


async def test_a_post_that_lands_after_its_timeout_is_found_and_not_repeated() -> None:
    """A request that hung may be carried out late; until then the post is not made again."""
    platform = FakePlatform(
        fault=lambda op, t, n: Fault(lose=True, after=30.0) if op == "post" and n == 0 else None
    )
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(300))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
        await asyncio.sleep(60)
    assert [message.text for message in platform.visible()] == [text_of(300)]


async def test_a_post_that_never_arrived_is_made_again() -> None:
    """The end is sacred: looked up, not there, posted."""
    platform = FakePlatform(fault=lambda op, t, n: Fault(drop=True) if op == "post" and n == 0 else None)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(300))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert [message.text for message in platform.visible()] == [text_of(300)]


async def test_an_older_edit_that_lands_late_does_not_stay() -> None:
    """Law 1: an echo of a hung edit may come after the last one; the last one is then sent once more."""
    platform = FakePlatform(
        fault=lambda op, t, n: Fault(lose=True, after=32.0) if op == "edit" and n == 2 else None
    )
    text = text_of(600)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text)
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
        await asyncio.sleep(60)
    texts = [frame.text for frame in platform.frames(view.refs[0])]
    assert texts != sorted(texts, key=len), (
        "the echo must have landed out of order for this test to say anything"
    )
    assert texts[-1] == text


async def test_a_last_edit_goes_on_until_the_platform_is_back() -> None:
    """Law 4: faults only make it slower."""

    def fault(op: Op, target: str, number: int) -> Fault | None:
        if op == "edit" and 20 < now() < 80:
            return Fault(outcome=Unavailable("http_503", applied=False))
        return None

    platform = FakePlatform(fault=fault)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(2200))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
        assert 80 <= now() <= 96
    assert platform.text(*view.refs) == text_of(2200)


async def test_a_broken_adapter_does_not_stop_the_outbox() -> None:
    """An exception from a verb is a bug, and costs one try."""
    platform = FakePlatform(fault=lambda op, t, n: Fault(raises=True) if n == 1 and op == "edit" else None)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(900))
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert platform.text(*view.refs) == text_of(900)


async def test_a_broken_document_ends_its_own_view_only() -> None:
    """One reply's trouble is nobody else's."""

    class Broken(FakeDocument):
        def pages(self) -> Sequence[FakePage]:
            raise RuntimeError("cannot render")

    platform = FakePlatform()
    async with Running(platform) as outbox:
        broken, whole = Broken(), FakeDocument()
        bad = outbox.open(PLACE, "r1", broken)
        good = outbox.open(PLACE, "r2", whole)
        broken.feed("x")
        bad.grew()
        await type_out(whole, good, text_of(300))
        whole.end()
        good.finish()
        assert (await good.settled()).kind == "shown"
        assert (await bad.settled()).code == "internal:RuntimeError"


async def test_a_hung_call_does_not_freeze_the_others() -> None:
    """Law 3: a slow platform never slows another chat."""
    platform = FakePlatform(fault=lambda op, t, n: Fault(drop=True) if op == "edit" and n in (1, 2) else None)
    async with Running(platform) as outbox:
        documents = [FakeDocument() for _ in range(4)]
        views = [outbox.open(PLACE, f"r{n}", document) for n, document in enumerate(documents)]
        await asyncio.gather(
            *(
                type_out(document, view, text_of(1500))
                for document, view in zip(documents, views, strict=True)
            )
        )
        for document, view in zip(documents, views, strict=True):
            document.end()
            view.finish()
        whole = [asyncio.create_task(view.settled()) for view in views]
        await asyncio.sleep(4)
        assert sum(task.done() for task in whole) >= 2
        await asyncio.gather(*whole)
    assert all(platform.text(*view.refs) == text_of(1500) for view in views)


@pytest.mark.parametrize("rule", [SLACK, DISCORD])
async def test_ten_at_once_share_the_budget_without_a_refusal(rule: object) -> None:
    """Law 2: the throttle belongs to the bucket."""
    platform = FakePlatform(edit_rule=rule, headers=rule is DISCORD)  # type: ignore[arg-type]  # a Rule
    async with Running(platform) as outbox:
        documents = [FakeDocument() for _ in range(10)]
        views = [outbox.open(PLACE, f"r{n}", document) for n, document in enumerate(documents)]
        await asyncio.gather(
            *(
                type_out(document, view, text_of(3000))
                for document, view in zip(documents, views, strict=True)
            )
        )
        for document, view in zip(documents, views, strict=True):
            document.end()
            view.finish()
        await asyncio.gather(*(view.settled() for view in views))
    assert platform.refusals == []
    assert all(platform.text(*view.refs) == text_of(3000) for view in views)
    assert platform.overtaken == 0


async def test_a_refusal_shuts_the_bucket_and_the_newest_text_follows() -> None:
    """Law 1 and 2: after Retry-After the text of then is sent, not the one that was refused."""
    platform = FakePlatform(edit_limit=limit_of(SLACK, scale=0.3))
    text = text_of(4000)
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text)
        document.end()
        view.finish()
        assert (await view.settled()).kind == "shown"
    assert platform.text(*view.refs) == text
    assert len(platform.refusals) >= 1


async def test_a_held_back_tail_does_not_make_the_outbox_spin() -> None:
    """Text that cannot be shown yet costs no call."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument(held=50)
        view = outbox.open(PLACE, "r1", document)
        document.feed(text_of(60))
        view.grew()
        await asyncio.sleep(1)
        for _ in range(40):
            document.feed("x")
            document.held += 1
            view.grew()
            await asyncio.sleep(0.1)
        assert len(platform.calls) == 1
        assert document.rendered < 200
        document.end()
        view.finish()
        await view.settled()
    assert platform.text(*view.refs) == text_of(60) + "x" * 40


async def test_what_others_spend_is_counted() -> None:
    """Statuses, deletions, replies by commands: a budget has many customers."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)

        async def other() -> None:
            for _ in range(60):
                await asyncio.sleep(2.0)
                verdict = platform._gates["edit"].take(now())
                assert verdict.allowed
                outbox.spent(platform.bucket("edit"))

        await asyncio.gather(type_out(document, view, text_of(12_000)), other())
        document.end()
        view.finish()
        await view.settled()
    assert platform.refusals == []


async def test_budgets_are_remembered_over_a_restart() -> None:
    """What was learned, and what is spent, survives."""
    platform = FakePlatform()
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        await type_out(document, view, text_of(2000))
        view.abandon()
        kept = outbox.export()
    async with Running(platform) as outbox:
        outbox.restore(kept, elapsed=0.0)
        documents = [FakeDocument() for _ in range(12)]
        for n, document in enumerate(documents):
            document.feed(text_of(100))
            document.end()
            outbox.open(PLACE, f"s{n}", document, refs=[Ref("C1", "1")]).finish()
        await asyncio.sleep(30)
    assert platform.refusals == []


def test_post_keys_are_short_stable_and_differ() -> None:
    """The mark by which a lost post is found again."""
    keys = {post_key(reply, page) for reply in ("a", "b") for page in range(-1, 20)}
    assert len(keys) == 42
    assert all(len(key) == 25 for key in keys)
    assert post_key("a", 1) == post_key("a", 1)


async def test_gone_is_quiet_also_for_a_post() -> None:
    """The channel was deleted: over."""
    platform = FakePlatform(fault=lambda op, t, n: Fault(outcome=Gone("unknown_channel")))
    async with Running(platform) as outbox:
        document = FakeDocument()
        view = outbox.open(PLACE, "r1", document)
        document.feed("one two three")
        view.grew()
        assert (await view.settled()).kind == "gone"
        snapshot = outbox.snapshot()
        assert snapshot.live == 0
