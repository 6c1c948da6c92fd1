"""What every adapter promises the core, whichever platform it speaks to. See conftest.py for the stage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.ports import (
    Content,
    Control,
    Deleted,
    Denied,
    Gone,
    Incoming,
    Pressed,
    Ref,
    Refused,
    Rejected,
    Sent,
    Unavailable,
)

if TYPE_CHECKING:
    from tests.adapters.contract.conftest import Stage


# ---------------------------------------------------------------------------------------------------- what arrives


async def test_a_connected_platform_says_that_it_is_ready(stage: Stage) -> None:
    """`connect` returns when people can be heard."""
    assert stage.platform.health().ready
    assert stage.platform.profile.name == stage.name


async def test_a_mention_is_one_event_without_the_mention(stage: Stage) -> None:
    """However many deliveries a platform makes of it: the next thing the core hears is the next question."""
    first = await stage.ask("why is the sky blue?")
    second = await stage.ask("and the sea?")
    assert (first.how, first.text, first.person.id) == ("mention", "why is the sky blue?", stage.person)
    assert (first.place.platform, first.place.channel) == (stage.name, stage.channel)
    assert not first.place.private
    assert second.text == "and the sea?"
    assert first.key != second.key
    assert first.scope != second.scope


async def test_a_direct_message_needs_no_mention(stage: Stage) -> None:
    """And its conversation is the DM's own."""
    await stage.server.say(stage.person, stage.direct, "hello")
    incoming = await stage.next(Incoming)
    assert (incoming.how, incoming.text, incoming.place.private) == ("direct", "hello", True)
    assert incoming.place.channel == stage.direct
    await stage.server.say(stage.person, stage.direct, "again")
    assert (await stage.next(Incoming)).scope == incoming.scope


async def test_chatter_is_at_most_overheard(stage: Stage) -> None:
    """What nobody says to the bot at top level is not taken for a question: whether it concerns us is the core's."""
    await stage.server.say(stage.other, stage.channel, "lunch?")
    heard = await stage.ask()
    if heard.how == "overheard":
        assert heard.text == "lunch?"
        heard = await stage.next(Incoming)
    assert (heard.text, heard.how) == ("why?", "mention")


async def test_what_people_wrote_is_read_as_they_meant_it(stage: Stage) -> None:
    """Characters that a platform escapes come back as they were typed."""
    text = "is 1 < 2 && 3 > 2? 日本語 🙂 `a<b>`"
    assert (await stage.ask(text)).text == text


async def test_an_answer_in_a_conversation_is_heard_without_a_mention(stage: Stage) -> None:
    """In a thread, with the scope of that conversation; or as a reply to the bot's message, which addresses it."""
    incoming = await stage.ask()
    sent = await stage.platform.post(incoming.place, stage.content("because"), key="k1")
    assert isinstance(sent, Sent)
    await stage.server.say(stage.other, stage.channel, "really?", **stage.follow_up(incoming.place, sent.ref))
    followed = await stage.next(Incoming)
    assert (followed.text, followed.person.id) == ("really?", stage.other)
    if followed.answers is None:
        assert (followed.how, followed.scope) == ("overheard", incoming.scope)
    else:
        assert (followed.how, followed.answers) == ("mention", sent.ref)


async def test_a_pressed_button_names_its_reply(stage: Stage) -> None:
    """Stop is for one reply, pressed by somebody, under one message."""
    _, ref = await stage.posted(stop=True)
    [control] = stage.shown(ref)["controls"]
    await stage.server.press(stage.other, ref.channel, ref.message, control["id"])
    pressed = await stage.next(Pressed)
    assert (pressed.control, pressed.reply, pressed.message) == (Control.STOP, "r1", ref)
    assert pressed.person.id == stage.other


async def test_a_command_is_a_question(stage: Stage) -> None:
    """Acknowledged at once; its answer can be posted where it says."""
    await stage.server.command(stage.person, stage.channel, "ask", "why is <b> & so?")
    incoming = await stage.next(Incoming)
    assert (incoming.how, incoming.text, incoming.person.id) == ("command", "why is <b> & so?", stage.person)
    assert incoming.message is None
    await stage.record.wait(lambda r: r.entries("acked", stage.name))
    sent = await stage.platform.post(incoming.place, stage.content("because"), key="k1")
    assert isinstance(sent, Sent)
    assert stage.shown(sent.ref)["text"] == "because"


async def test_two_commands_are_two_questions(stage: Stage) -> None:
    """Each typed command has a key of its own."""
    keys = set()
    for _ in range(2):
        await stage.server.command(stage.person, stage.channel, "ask", "why?")
        keys.add((await stage.next(Incoming)).key)
    assert len(keys) == 2


async def test_a_deleted_message_is_told(stage: Stage) -> None:
    """Also the bot's own: then a reply is over."""
    _, ref = await stage.posted()
    await stage.server.delete(stage.person, ref.channel, ref.message)
    assert await stage.next(Deleted) == Deleted(ref)


async def test_a_line_that_breaks_is_mended(stage: Stage) -> None:
    """What people say afterwards arrives, once."""
    await stage.ask("before")
    await stage.disconnect()
    assert (await stage.ask("after")).text == "after"
    assert (await stage.ask("later")).text == "later"
    assert stage.platform.health().ready


# ---------------------------------------------------------------------------------------------------- what is said


async def test_a_post_is_seen_as_it_was_said(stage: Stage) -> None:
    """Markdown, code and a button."""
    text = "**Because** of `scattering`:\n\n```python\nprint(1 < 2)\n```"
    place, ref = await stage.posted(text, stop=True)
    shown = stage.shown(ref)
    assert ref.channel == place.channel
    assert shown["text"] == stage.content(text).text
    assert [control["label"] for control in shown["controls"]] == ["Stop"]


async def test_an_edit_shows_the_newest_text(stage: Stage) -> None:
    """And takes the button away when the reply is whole. No new message appears."""
    place, ref = await stage.posted("one", stop=True)
    assert await stage.platform.edit(place, ref, stage.content("one two", stop=True)) == Sent(ref)
    assert await stage.platform.edit(place, ref, stage.content("one two three")) == Sent(ref)
    shown = stage.shown(ref)
    assert (shown["text"], shown["controls"]) == ("one two three", [])
    assert len(stage.by_the_bot(ref.channel)) == 1


async def test_nobody_is_pinged_by_what_the_bot_writes(stage: Stage) -> None:
    """By no form that any platform knows, in a post, an edit or a command's question, in prose or in code."""
    calls = f"@everyone @here <!channel> <!here> <!everyone> <@{stage.other}> <@!{stage.other}> <!subteam^S1> <@&1>"
    text = f"{calls} **{calls}** [{calls}](https://example.test)\n\n```\n{calls}\n```"
    place, ref = await stage.posted(text)
    await stage.platform.edit(place, ref, stage.content(f"again: {text}"))
    await stage.server.command(stage.person, stage.channel, "ask", calls)
    incoming = await stage.next(Incoming)
    if incoming.unseen:
        dialect = stage.platform.profile.dialect
        announced = Content(dialect.asks(incoming.text, by=f"{incoming.unseen} asks:"))
        assert isinstance(await stage.platform.post(incoming.place, announced, key="k2"), Sent)
    shown = stage.record.entries("shown", stage.name, author=stage.server.bot_id)
    assert len(shown) >= 2
    assert [entry["pings"] for entry in shown] == [[]] * len(shown)


async def test_own_messages_are_not_heard(stage: Stage) -> None:
    """Neither a post nor an edit comes back as an event: bots that answer themselves never end."""
    place, ref = await stage.posted(f"{stage.server.mention} hello")
    await stage.platform.edit(place, ref, stage.content(f"{stage.server.mention} hello again"))
    assert (await stage.ask("next")).text == "next"


async def test_a_whole_burst_meets_no_refusal(stage: Stage) -> None:
    """The budgets that the adapter declares are there to be spent."""
    place, ref = await stage.posted()
    for op in ("post", "edit"):
        for bucket in stage.platform.buckets("post" if op == "post" else "edit", place, ref):
            assert bucket.key
            assert bucket.rule.burst >= 1
    edits = min(bucket.rule.burst for bucket in stage.platform.buckets("edit", place, ref))
    outcomes = [
        await stage.platform.edit(place, ref, stage.content(f"edit {n}")) for n in range(min(edits, 20))
    ]
    assert outcomes == [Sent(ref)] * len(outcomes)
    assert stage.shown(ref)["text"] == f"edit {len(outcomes) - 1}"


async def test_what_edits_of_a_place_spend_is_known_before_there_is_a_message(stage: Stage) -> None:
    """So that a first text knows whether edits are scarce there, and a question whether it had better have a thread."""
    place, ref = await stage.posted()
    assert stage.platform.buckets("edit", place, None)[0] == stage.platform.buckets("edit", place, ref)[0]


async def test_refusals_name_the_bucket_and_the_wait(stage: Stage) -> None:
    """A 429 is data: which budget, how long. Nothing sleeps, nothing is sent again."""
    place, ref = await stage.posted()
    stage.server.faults.fault(stage.words.edit, status=429, retry_after=7.0)
    refused = await stage.platform.edit(place, ref, stage.content("two"))
    assert isinstance(refused, Refused)
    assert 6.0 <= refused.retry_after <= 8.0
    assert refused.bucket in {bucket.key for bucket in stage.platform.buckets("edit", place, ref)}
    assert len(stage.calls(stage.words.edit)) == 1
    assert await stage.platform.edit(place, ref, stage.content("three")) == Sent(ref)
    assert stage.shown(ref)["text"] == "three"


async def test_a_refused_post_names_one_of_its_buckets(stage: Stage) -> None:
    """And the message does not exist."""
    incoming = await stage.ask()
    stage.server.faults.fault(stage.words.post, status=429, retry_after=3.0)
    refused = await stage.platform.post(incoming.place, stage.content("one"), key="k1")
    assert isinstance(refused, Refused)
    assert refused.bucket in {b.key for b in stage.platform.buckets("post", incoming.place, None)}
    assert stage.by_the_bot(stage.channel) == []


async def test_a_refusal_without_a_body_is_one_all_the_same(stage: Stage) -> None:
    """Edges answer 429 with nothing, or with a page."""
    place, ref = await stage.posted()
    for body in ("", "<html>slow down</html>"):
        stage.server.faults.fault(stage.words.edit, status=429, body=body)
        refused = await stage.platform.edit(place, ref, stage.content("two"))
        assert isinstance(refused, Refused)
        assert 0 < refused.retry_after < 60


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_servers_fault_is_worth_another_try(stage: Stage, status: int) -> None:
    """And it may have happened: `applied` promises nothing."""
    place, ref = await stage.posted()
    stage.server.faults.fault(stage.words.edit, status=status, body="<html>no</html>")
    failed = await stage.platform.edit(place, ref, stage.content("two"))
    assert isinstance(failed, Unavailable)
    assert failed.applied is None
    assert await stage.platform.edit(place, ref, stage.content("two")) == Sent(ref)


async def test_a_lost_answer_is_found_again(stage: Stage) -> None:
    """The post happened, its answer did not arrive: `find` says where it is, and it was not sent twice."""
    incoming = await stage.ask()
    stage.server.faults.fault(stage.words.post, drop="after")
    lost = await stage.platform.post(incoming.place, stage.content("one"), key="k1")
    assert isinstance(lost, Unavailable)
    assert lost.applied is not False
    [message] = stage.by_the_bot(stage.channel)
    assert await stage.platform.find(incoming.place, "k1") == Ref(stage.channel, message["id"])
    assert await stage.platform.find(incoming.place, "k2") is None


async def test_a_post_that_never_arrived_is_not_found(stage: Stage) -> None:
    """So that it may be sent again."""
    incoming = await stage.ask()
    stage.server.faults.fault(stage.words.post, drop="before")
    assert isinstance(await stage.platform.post(incoming.place, stage.content("one"), key="k1"), Unavailable)
    assert await stage.platform.find(incoming.place, "k1") is None
    assert stage.by_the_bot(stage.channel) == []


async def test_a_deleted_message_cannot_be_edited(stage: Stage) -> None:
    """Then the reply is over, quietly."""
    place, ref = await stage.posted()
    await stage.server.delete(stage.person, ref.channel, ref.message)
    assert isinstance(await stage.platform.edit(place, ref, stage.content("two")), Gone)


async def test_lost_access_is_denied(stage: Stage) -> None:
    """Not an exception, and not worth another try."""
    incoming = await stage.ask()
    stage.scripted(stage.words.post, stage.words.denied)
    assert isinstance(await stage.platform.post(incoming.place, stage.content("one"), key="k1"), Denied)


async def test_a_text_that_is_too_long_is_rejected(stage: Stage) -> None:
    """The core splits before this; were it wrong, it has to hear so."""
    place, ref = await stage.posted()
    assert isinstance(await stage.platform.edit(place, ref, stage.content(stage.words.too_long)), Rejected)
    assert stage.shown(ref)["text"] == "one"


async def test_a_full_page_passes(stage: Stage) -> None:
    """As much as `Profile.page_limit` says, in letters of one to four bytes."""
    place, ref = await stage.posted()
    for letter in "a", "日":
        page = letter * stage.platform.profile.page_limit
        assert stage.platform.profile.dialect.cost(page) <= stage.platform.profile.page_limit
        assert await stage.platform.edit(place, ref, stage.content(page)) == Sent(ref)
        assert stage.shown(ref)["text"] == page


async def test_a_caller_may_give_up(stage: Stage) -> None:
    """The caller's timeout cancels a slow call, and the next one goes through."""
    place, ref = await stage.posted()
    stage.server.faults.fault(stage.words.edit, delay=30.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await stage.platform.edit(place, ref, stage.content("two"))
    assert await stage.platform.edit(place, ref, stage.content("three")) == Sent(ref)
    assert stage.shown(ref)["text"] == "three"


async def test_a_slow_edit_holds_nothing_else_up(stage: Stage) -> None:
    """Another chat's post, and what people say, go on while one call hangs."""
    place, ref = await stage.posted()
    stage.server.faults.fault(stage.words.edit, delay=30.0, channel=ref.channel)
    slow = asyncio.create_task(stage.platform.edit(place, ref, stage.content("two")))
    other = await stage.ask(channel=stage.elsewhere)
    assert isinstance(await stage.platform.post(other.place, stage.content("one"), key="k2"), Sent)
    assert not slow.done()
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)


# ---------------------------------------------------------------------------------------------------- beside it


async def test_a_status_spends_no_edit_and_never_fails(stage: Stage) -> None:
    """It is cosmetic."""
    incoming = await stage.ask()
    await stage.platform.status(incoming.place, "is thinking…")
    await stage.record.wait(lambda r: r.entries("status", stage.name))
    stage.server.faults.fault("*", status=500)
    await stage.platform.status(incoming.place, "is thinking…")
    await stage.platform.status(incoming.place, "")
    assert stage.calls(stage.words.edit) == []


async def test_the_asker_of_a_command_can_be_told_something(stage: Stage) -> None:
    """Only they see it."""
    await stage.server.command(stage.person, stage.channel, "ask", "why?")
    incoming = await stage.next(Incoming)
    assert await stage.platform.whisper(incoming.place, incoming.person, "I am not in that channel.")
    told = await stage.record.wait(
        lambda r: [e for e in r.entries("shown", stage.name) if "not in that channel" in e["text"]]
    )
    assert told[0]["ephemeral"]


async def test_people_have_names(stage: Stage) -> None:
    """As others see them; nobody's is "" and no failure."""
    incoming = await stage.ask()
    names = {person["id"]: person["name"] for person in stage.server.people()}
    assert await stage.platform.name(incoming.person) == names[stage.person]


async def test_closing_ends_the_events_and_may_be_repeated(stage: Stage) -> None:
    """`events` ends, so that whoever iterates it does too."""
    await stage.platform.close()
    await stage.platform.close()
    assert [event async for event in stage.platform.events()] == []
    assert not stage.platform.health().ready
