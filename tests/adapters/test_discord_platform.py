"""What people see of the adapter on Discord, with the real client against the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.discord.platform import DiscordPlatform
from bot.ports import (
    ConnectError,
    Control,
    Deleted,
    Denied,
    Gone,
    Incoming,
    Outcome,
    Person,
    Pressed,
    Ref,
    Refused,
    Rejected,
    Sent,
    Unavailable,
)
from tests.adapters.discord_stage import DELETE, PATCH, POST, WITHIN, Stage, content, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


# -------------------------------------------------------------------------------------------------------------- events


async def test_a_mention_is_answered_by_a_reply_that_grows_and_pings_its_asker_once(stage: Stage) -> None:
    """From the question to the whole answer, as viewers see it."""
    incoming = await stage.ask("why?")
    assert (incoming.text, incoming.how, incoming.person.name) == ("why?", "mention", "Ada")
    ref = await stage.post(incoming.place, "Be")
    assert stage.shown(ref)["reply_to"] == incoming.place.reply_to
    assert await stage.platform.edit(incoming.place, ref, content("Because @everyone.")) == Sent(ref)
    assert stage.text(ref) == "Because @everyone."
    assert [e["pings"] for e in stage.record.entries("shown", message=ref.message)] == [[stage.ada], []]


async def test_a_page_right_under_the_one_before_it_needs_no_arrow(stage: Stage) -> None:
    """The first page points at the question; an arrow on each that follows would be noise."""
    incoming = await stage.ask()
    first = await stage.post(incoming.place, "one", key="k1")
    second = await stage.post(incoming.place, "two", key="k2")
    assert stage.shown(first)["reply_to"]
    assert not stage.shown(second)["reply_to"]


async def test_a_page_under_somebody_elses_words_says_what_it_belongs_to(stage: Stage) -> None:
    """In a busy channel the pages of several answers are told apart."""
    mine, yours = await stage.ask("mine"), await stage.ask("yours")
    await stage.post(mine.place, "mine, one", key="k1", reply="r1")
    await stage.post(yours.place, "yours, one", key="k2", reply="r2")
    page = await stage.post(mine.place, "mine, two", key="k3", reply="r1")
    assert stage.shown(page)["reply_to"] == mine.place.reply_to


async def test_a_thread_is_one_conversation_and_is_overheard(stage: Stage) -> None:
    """In a thread nobody need mention the bot for it to hear."""
    thread = await stage.server.start_thread(stage.ada, stage.general, "a thread")
    await stage.server.say(stage.ada, thread, "and now?")
    overheard = await stage.next(Incoming)
    assert (overheard.how, overheard.scope, overheard.text) == ("overheard", f"thread:{thread}", "and now?")
    await stage.server.say(stage.ada, thread, f"{stage.server.mention} and now?")
    assert (await stage.next(Incoming)).how == "mention"


async def test_a_reply_to_our_message_is_for_us_with_the_ping_off(stage: Stage) -> None:
    """A reply chain goes on without a mention."""
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    await stage.server.say(stage.ada, stage.general, "go on", reply_to=ref.message, ping_author=False)
    answer = await stage.next(Incoming)
    assert (answer.how, answer.answers, answer.text) == ("mention", ref, "go on")


async def test_an_event_delivered_twice_is_one_event(stage: Stage) -> None:
    """A RESUME may replay what had arrived."""
    stage.server.gateway.twice("MESSAGE_CREATE")
    first = await stage.ask("one")
    second = await stage.ask("two")
    assert (first.text, second.text) == ("one", "two")


async def test_a_deleted_message_is_told_and_its_edits_are_gone(stage: Stage) -> None:
    """Somebody deleted it: the reply is over."""
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    await stage.server.delete(stage.ada, ref.channel, ref.message)
    assert await stage.next(Deleted) == Deleted(ref)
    assert await stage.platform.edit(incoming.place, ref, content("two")) == Gone("404/10008")


async def test_a_deleted_channel_is_the_end_of_its_replies(stage: Stage) -> None:
    """There is nothing left to write to."""
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    await stage.server.delete_channel(stage.general)
    assert await stage.platform.edit(incoming.place, ref, content("two")) == Gone("404/10003")
    assert await stage.platform.post(incoming.place, content("two"), key="k2") == Gone("404/10003")


async def test_a_channel_that_is_not_found_for_long_is_not_tried_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a code it may be back in a moment; but somebody waits, and has to be told at last."""
    monkeypatch.setattr("adapters.discord.writing.MISSING_SECONDS", 0.4)
    body = '{"message": "404: Not Found", "code": 0}'
    incoming = await stage.ask()

    async def post(key: str) -> Outcome:
        return await stage.platform.post(incoming.place, content("one"), key=key)

    async def given_up() -> int:
        """How many tries that took."""
        stage.server.faults.fault(POST, status=404, body=body, times=99)
        async with asyncio.timeout(WITHIN):
            tries = 1
            while (met := await post("k1")) != Rejected("404"):
                assert met == Unavailable("404", applied=False)
                tries += 1
                await asyncio.sleep(0.05)
        stage.server.faults.clear()
        return tries

    assert await given_up() > 3
    assert isinstance(await post("k1"), Sent), "it is back"
    assert await given_up() > 3, "and gets as long again"


async def test_stop_is_pressed_acknowledged_and_removed(stage: Stage) -> None:
    """The button names its reply; the next edit without controls takes it away."""
    incoming = await stage.ask()
    sent = await stage.platform.post(incoming.place, content("one", stop=True), key="k1")
    assert isinstance(sent, Sent)
    await stage.server.press(stage.ada, stage.general, sent.ref.message, "Stop")
    pressed = await stage.next(Pressed)
    assert (pressed.control, pressed.reply, pressed.message) == (Control.STOP, "r1", sent.ref)
    assert pressed.person == Person(stage.ada, "Ada")
    await stage.record.wait(lambda r: r.entries("interaction", what="acknowledged"))
    await stage.platform.edit(incoming.place, sent.ref, content("one"))
    assert stage.shown(sent.ref)["controls"] == []


# ------------------------------------------------------------------------------------------------------------ refusals


async def test_a_lost_permission_is_denied(stage: Stage) -> None:
    """The bot may not write here any more."""
    incoming = await stage.ask()
    await stage.server.revoke(stage.general, "send_messages")
    assert await stage.platform.post(incoming.place, content("one"), key="k1") == Denied("403/50013")


async def test_where_the_history_may_not_be_read_the_answer_comes_without_its_arrow(stage: Stage) -> None:
    """The arrow is an ornament, the answer is not."""
    incoming = await stage.ask()
    await stage.server.revoke(stage.general, "read_message_history")
    first = await stage.platform.post(incoming.place, content("one"), key="k1")
    assert isinstance(first, Unavailable)
    assert first.applied is False
    assert not stage.shown(await stage.post(incoming.place))["reply_to"]


async def test_an_archived_thread_is_denied(stage: Stage) -> None:
    """Edits do not wake a thread up."""
    thread = await stage.server.start_thread(stage.ada, stage.general, "a thread")
    incoming = await stage.ask(channel=thread)
    ref = await stage.post(incoming.place)
    await stage.server.archive(thread)
    assert await stage.platform.edit(incoming.place, ref, content("two")) == Denied("400/50083")


async def test_an_overspent_route_names_the_bucket_that_the_call_would_spend(stage: Stage) -> None:
    """Five edits in five seconds; the sixth is refused and its bucket known to the pacer."""
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    outcomes = [await stage.platform.edit(incoming.place, ref, content(f"edit {n}")) for n in range(6)]
    assert outcomes[:5] == [Sent(ref)] * 5
    refused = outcomes[5]
    assert isinstance(refused, Refused)
    assert 0 < refused.retry_after <= 5
    assert refused.bucket in [b.key for b in stage.platform.buckets("edit", incoming.place, ref)]
    assert [told[2] for told in stage.meter.figures if told[0] == refused.bucket] == [4, 3, 2, 1, 0, 0]


async def test_a_budget_that_no_header_shows_refuses_its_route_all_the_same(stage: Stage) -> None:
    """A 429 while calls remain: Retry-After is to be believed, not Remaining."""
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    stage.server.buckets.hide("discord.messages.patch", rate=0.5, burst=1)
    assert await stage.platform.edit(incoming.place, ref, content("two")) == Sent(ref)
    refused = await stage.platform.edit(incoming.place, ref, content("three"))
    assert isinstance(refused, Refused)
    assert refused.bucket in [b.key for b in stage.platform.buckets("edit", incoming.place, ref)]


async def test_calls_under_way_count_where_their_route_turns_out_to_be_counted(stage: Stage) -> None:
    """Posts and edits may share one budget, which the first edit's answer tells while another edit is under way."""
    stage.server.buckets.share_post_and_patch = True
    incoming = await stage.ask()
    refs = [await stage.post(incoming.place, "one", key=f"k{n}", reply=f"r{n}") for n in range(2)]
    posts = stage.platform.buckets("post", incoming.place, None)[0].key
    stage.server.faults.fault(PATCH, delay=1.0)
    slow = asyncio.create_task(stage.platform.edit(incoming.place, refs[0], content("slow")))
    await stage.record.wait(lambda _: not stage.server.faults.pending)
    assert stage.meter.spendings.count(posts) == 0
    assert await stage.platform.edit(incoming.place, refs[1], content("quick")) == Sent(refs[1])
    assert stage.platform.buckets("edit", incoming.place, refs[0])[0].key == posts
    assert stage.meter.spendings.count(posts) == 1
    assert await slow == Sent(refs[0])


async def test_the_global_budget_is_a_bucket_of_its_own(stage: Stage) -> None:
    """A global refusal must not be laid to one channel."""
    incoming = await stage.ask()
    stage.server.faults.fault(POST, status=429, error="global", retry_after=0.7)
    refused = await stage.platform.post(incoming.place, content("one"), key="k1")
    assert isinstance(refused, Refused)
    assert refused.bucket == stage.platform.buckets("post", incoming.place, None)[1].key
    assert refused.bucket == stage.platform.buckets("edit", incoming.place, Ref(stage.random, "1"))[1].key


async def test_a_global_refusal_beside_the_outbox_is_not_laid_to_one_route(stage: Stage) -> None:
    """Else everything else would go on against a closed door, and the deletion's route be shut for nothing."""
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    stage.server.faults.fault(DELETE, status=429, error="global", retry_after=0.2)
    assert isinstance(await stage.platform.delete(incoming.place, ref), Sent)
    everywhere = stage.platform.buckets("post", incoming.place, None)[1].key
    assert [key for key, _ in stage.meter.refusals] == [everywhere]


async def test_the_old_message_budget_is_known_by_its_code(stage: Stage) -> None:
    """Code 30046 is counted beside the route, for messages older than an hour."""
    stage.clock.set_duration("discord.old_message", 0.0)
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    outcomes = [await stage.platform.edit(incoming.place, ref, content(f"edit {n}")) for n in range(4)]
    refused = outcomes[3]
    assert isinstance(refused, Refused)
    assert refused.bucket in [b.key for b in stage.platform.buckets("edit", incoming.place, ref)]
    assert refused.bucket in [
        b.key for b in stage.platform.buckets("edit", incoming.place, Ref(ref.channel, "5"), age=4000)
    ]
    assert refused.bucket not in [
        b.key for b in stage.platform.buckets("edit", incoming.place, Ref(ref.channel, "5"))
    ]


async def test_shut_out_at_the_edge_nothing_more_is_tried(stage: Stage) -> None:
    """Each further call would lengthen the ban, so none is made until it is over."""
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    stage.server.faults.fault(PATCH, status=429, body="<h1>Error 1015</h1>")
    before = len(stage.record.entries("call"))
    refused = await stage.platform.edit(incoming.place, ref, content("two"))
    assert isinstance(refused, Refused)
    assert refused.retry_after > 20
    assert refused.bucket == "discord:global", "no channel's own budget has refused anything"
    again = await stage.platform.post(incoming.place, content("two"), key="k2")
    assert isinstance(again, Refused)
    await stage.platform.status(incoming.place, "thinking")
    assert len(stage.record.entries("call")) == before + 1


async def test_many_calls_that_meet_the_edge_at_once_lengthen_nothing(stage: Stage) -> None:
    """Its page is one refusal, however many were under way: eight answers would have doubled the silence to an hour."""
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    stage.server.faults.fault(PATCH, times=8, status=429, body="<h1>Error 1015</h1>", delay=0.5)
    met = await asyncio.gather(*(stage.platform.edit(incoming.place, ref, content("two")) for _ in range(8)))
    assert all(isinstance(outcome, Refused) and outcome.retry_after <= 30.0 for outcome in met), met


# ---------------------------------------------------------------------------------------------------------- lost answers


async def test_a_lost_post_is_found_and_not_doubled(stage: Stage) -> None:
    """Applied, the answer lost: it is found by its key, and a repeated post makes no second message."""
    incoming = await stage.ask()
    stage.server.faults.fault(POST, drop="after")
    lost = await stage.platform.post(incoming.place, content("one"), key="k1")
    assert isinstance(lost, Unavailable)
    assert lost.applied is None
    found = await stage.platform.find(incoming.place, "k1")
    assert isinstance(found, Ref)
    assert stage.text(found) == "one"
    assert await stage.post(incoming.place, "one", key="k1") == found
    assert len(stage.by_the_bot(stage.general)) == 1


async def test_a_lost_post_is_found_in_the_channel_when_the_gateway_was_away(stage: Stage) -> None:
    """The channel itself is read: by key, or by what was said."""
    incoming = await stage.ask()
    stage.server.gateway.lose("MESSAGE_CREATE")
    stage.server.faults.fault(POST, drop="after")
    await stage.platform.post(incoming.place, content("one"), key="k1")
    found = await stage.platform.find(incoming.place, "k1")
    assert isinstance(found, Ref)
    assert stage.text(found) == "one"


async def test_a_post_that_never_arrived_is_not_found(stage: Stage) -> None:
    """None is what lets it be repeated; an earlier page with the same words is another post."""
    incoming = await stage.ask()
    await stage.post(incoming.place, "the same words", key="k1")
    stage.server.faults.fault(POST, drop="before")
    await stage.platform.post(incoming.place, content("the same words"), key="k2")
    assert await stage.platform.find(incoming.place, "k2") is None


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_fault_of_the_servers_is_worth_trying_again(stage: Stage, status: int) -> None:
    """And nobody knows whether it was applied."""
    incoming = await stage.ask()
    stage.server.faults.fault(POST, status=status)
    outcome = await stage.platform.post(incoming.place, content("one"), key="k1")
    assert isinstance(outcome, Unavailable)
    assert outcome.applied is None


async def test_a_call_that_is_given_up_leaves_the_others_alone(stage: Stage) -> None:
    """The caller's timeout bounds a call; a slow channel does not slow another."""
    incoming, other = await stage.ask(), await stage.ask(channel=stage.random)
    stage.server.faults.fault(POST, delay=30.0, channel=stage.general)
    slow = asyncio.create_task(stage.platform.post(incoming.place, content("one"), key="k1"))
    await stage.post(other.place, "two", key="k2", reply="r2")
    assert not slow.done()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_nobody_listening_means_certainly_not_applied(stage: Stage) -> None:
    """A refused connection may be repeated without looking."""
    incoming = await stage.ask()
    await stage.server.stop()
    outcome = await stage.platform.post(incoming.place, content("one"), key="k1")
    assert outcome == Unavailable("connect", applied=False)


# --------------------------------------------------------------------------------------------------- names


async def test_names_come_from_what_was_said_or_are_asked_for(stage: Stage) -> None:
    """Nobody who has spoken is looked up."""
    await stage.ask()
    assert await stage.platform.name(Person(stage.ada)) == "Ada"
    assert not stage.calls("GET /users/{u}")
    assert await stage.platform.name(Person(stage.linus)) == "Linus"
    assert await stage.platform.name(Person(stage.linus)) == "Linus"
    assert len(stage.calls("GET /users/{u}")) == 1
    assert await stage.platform.name(Person("1")) == ""
    assert await stage.platform.name(Person("nobody")) == ""


# ------------------------------------------------------------------------------------------------------------- lifetime


async def test_messages_of_the_last_life_can_be_edited_before_the_gateway_is_there() -> None:
    """What a crash left unfinished is mended at once."""
    async with staged() as stage:
        incoming = await stage.ask()
        ref = await stage.post(incoming.place, "frozen")
        again = DiscordPlatform(token=stage.server.bot_token, api_url=stage.server.api_url)
        assert again.buckets("edit", incoming.place, ref, age=10.0)
        assert await again.edit(incoming.place, ref, content("interrupted")) == Sent(ref)
        assert stage.text(ref) == "interrupted"
        await again.close()


async def test_a_refused_token_is_told_in_a_sentence() -> None:
    """What to do, and no traceback."""
    async with staged(connect=False) as stage:
        stage.server.bot_token = "another"
        with pytest.raises(ConnectError, match="Developer Portal"):
            await stage.connect()


async def test_commands_are_written_once(stage: Stage) -> None:
    """The second start finds them there."""
    assert len(stage.calls("PUT /applications/{a}/commands")) == 1
    await stage.platform.close()
    again = Stage(
        stage.server,
        type(stage.platform)(token=stage.server.bot_token, api_url=stage.server.api_url),
        stage.clock,
        stage.limits,
        stage.record,
    )
    await again.connect()
    await again.platform.close()
    assert len(stage.calls("PUT /applications/{a}/commands")) == 1


async def test_closing_twice_is_closing_once(stage: Stage) -> None:
    """And events end."""
    await stage.platform.close()
    await stage.platform.close()
    assert [event async for event in stage.platform.events()] == []
    assert not stage.platform.health().ready
