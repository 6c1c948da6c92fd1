"""/ask: refused in private or acknowledged soon, streamed by its webhook while the token lives, then by the channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.discord import handles
from bot.ports import Denied, Gone, Incoming, Place, Ref, Refused, Sent, Unavailable
from tests.adapters.discord_stage import (
    CALLBACK,
    FOLLOW_UP,
    ORIGINAL,
    PATCH,
    POST,
    TYPING,
    Stage,
    content,
    staged,
)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


def outlived(incoming: Incoming) -> Place:
    """The place as a restart restores it: without its route."""
    place = incoming.place
    return Place(place.platform, place.workspace, place.channel, private=place.private)


async def test_a_command_is_deferred_and_its_answer_fills_in_the_thinking(stage: Stage) -> None:
    """What a viewer sees: thinking, then the answer growing in the same message, with no mark of an edit at first."""
    incoming = await stage.command("why?")
    assert (incoming.text, incoming.how, incoming.scope) == (
        "why?",
        "command",
        f"message:{stage.general}:{incoming.place.route}",
    )
    ref = await stage.post(incoming.place, "Be")
    assert not stage.shown(ref)["edited"]
    assert await stage.platform.edit(incoming.place, ref, content("Because.")) == Sent(ref)
    assert [m["text"] for m in stage.by_the_bot(stage.general)] == ["Because."]
    assert [e["what"] for e in stage.record.entries("interaction")][:2] == ["sent", "deferred"]
    assert len(stage.calls(ORIGINAL)) == 2
    assert not stage.calls(PATCH)


async def test_a_refusal_that_is_known_at_once_is_the_first_that_anybody_sees(stage: Stage) -> None:
    """Who may not ask is told so alone; nobody else has seen that somebody tried."""
    incoming = await stage.command()
    assert await stage.platform.whisper(incoming.place, incoming.person, "You may not.")
    shown = stage.record.entries("shown", "discord", author=stage.server.bot_id)
    assert [(one["text"], one["ephemeral_for"]) for one in shown] == [("You may not.", stage.ada)]
    assert [e["what"] for e in stage.record.entries("interaction")] == ["sent", "answered"]
    assert len(stage.calls(CALLBACK)) == 1
    assert not stage.calls(FOLLOW_UP)


async def test_a_decision_that_takes_long_shows_thinking_and_a_refusal_takes_its_place(stage: Stage) -> None:
    """Discord wants a response within three seconds, and then what everybody sees can only be taken away."""
    incoming = await stage.command()
    await stage.record.wait(lambda r: r.entries("interaction", what="deferred"))
    [acked] = stage.record.entries("acked")
    assert handles.DECIDE_SECONDS <= acked["after"] < handles.HOLD_SECONDS
    assert await stage.platform.whisper(incoming.place, incoming.person, "You may not.")
    assert [(m["text"], m["ephemeral_for"]) for m in stage.by_the_bot(stage.general)] == [
        ("You may not.", stage.ada)
    ]


async def test_the_event_does_not_wait_for_the_acknowledgement(stage: Stage) -> None:
    """Claude is asked at once; the first page waits instead, since it has nothing to fill in."""
    stage.server.faults.fault(CALLBACK, delay=1.0)
    incoming = await stage.command()
    assert not stage.calls(CALLBACK)
    ref = await stage.post(incoming.place, "one")
    assert stage.text(ref) == "one"


async def test_an_acknowledgement_that_fails_is_tried_again_within_its_seconds(stage: Stage) -> None:
    """A lost acknowledgement would be a lost command."""
    stage.server.faults.fault(CALLBACK, status=500)
    stage.server.faults.fault(CALLBACK, drop="after")
    incoming = await stage.command()
    ref = await stage.post(incoming.place, "one")
    assert stage.text(ref) == "one"
    assert [e["what"] for e in stage.record.entries("interaction")].count("deferred") == 1
    assert len(stage.by_the_bot(stage.general)) == 1


async def test_an_acknowledgement_that_is_refused_for_long_is_given_up_at_once(stage: Stage) -> None:
    """Each call more would count as an invalid one; the answer comes by the channel."""
    stage.server.faults.fault(CALLBACK, retry_after=60.0, times=9)
    incoming = await stage.command()
    assert stage.text(await stage.post(incoming.place, "one")) == "one"
    assert len(stage.calls(CALLBACK)) == 1


async def test_an_acknowledgement_that_discords_edge_refuses_ends_all_calls_for_a_while(stage: Stage) -> None:
    """Cloudflare's page instead of an answer: ten thousand of these in ten minutes, and the address is blocked."""
    stage.server.faults.fault(CALLBACK, status=403, body="<html>Access denied</html>")
    incoming = await stage.command()
    refused = await stage.platform.post(incoming.place, content("one"), key="k1")
    assert isinstance(refused, Refused)
    assert refused.retry_after > 20
    before = len(stage.record.entries("call", "discord"))
    assert (await stage.command()).text == "why?"
    await stage.platform.status(Place("discord", "1", stage.random), "thinking")
    assert len(stage.record.entries("call", "discord")) == before


async def test_a_token_that_is_over_is_not_tried_again(stage: Stage) -> None:
    """50027 counts as an invalid request each time."""
    incoming = await stage.command()
    await stage.post(incoming.place, "one")
    stage.clock.set_duration("discord.interaction_token", 0.0)
    for _ in range(3):
        assert not await stage.platform.whisper(incoming.place, incoming.person, "By the way.")
    assert len(stage.calls(FOLLOW_UP)) == 1


async def test_a_command_that_cannot_be_acknowledged_is_answered_in_the_channel(stage: Stage) -> None:
    """Discord has given it up; the person still gets the answer."""
    stage.server.faults.fault(CALLBACK, error="10062")
    incoming = await stage.command()
    ref = await stage.post(incoming.place, "one")
    assert await stage.platform.edit(incoming.place, ref, content("two")) == Sent(ref)
    assert [m["text"] for m in stage.by_the_bot(stage.general)] == ["two"]
    assert not stage.calls(ORIGINAL)


async def test_further_pages_are_posts_in_the_channel(stage: Stage) -> None:
    """They outlive the token, and spend the channel's budgets."""
    incoming = await stage.command()
    await stage.post(incoming.place, "one", key="k1")
    buckets = [b.key for b in stage.platform.buckets("post", incoming.place, None)]
    second = await stage.post(incoming.place, "two", key="k2")
    assert len(buckets) == 2
    assert len(stage.calls(POST)) == 1
    assert await stage.platform.edit(incoming.place, second, content("two!")) == Sent(second)
    assert [m["text"] for m in stage.by_the_bot(stage.general)] == ["one", "two!"]


async def test_where_the_bot_cannot_post_further_pages_are_follow_ups(stage: Stage) -> None:
    """A command works in a channel that is closed to the bot."""
    await stage.server.revoke(stage.general, "send_messages")
    incoming = await stage.command()
    first = await stage.post(incoming.place, "one", key="k1")
    second = await stage.post(incoming.place, "two", key="k2")
    assert await stage.platform.edit(incoming.place, second, content("two!")) == Sent(second)
    assert await stage.platform.edit(incoming.place, first, content("one!")) == Sent(first)
    assert [m["text"] for m in stage.by_the_bot(stage.general)] == ["one!", "two!"]
    assert len(stage.calls(FOLLOW_UP)) == 1


async def test_when_the_token_dies_the_answer_goes_on_through_the_channel(stage: Stage) -> None:
    """The same message, the same text, one more call; nothing lost, nothing doubled."""
    incoming = await stage.command()
    ref = await stage.post(incoming.place, "one")
    stage.clock.set_duration("discord.interaction_token", 0.0)
    assert await stage.platform.edit(incoming.place, ref, content("one two")) == Sent(ref)
    assert stage.text(ref) == "one two"
    buckets = [b.key for b in stage.platform.buckets("edit", incoming.place, ref)]
    assert len(buckets) == 2, "from now on the channel's budgets are spent"
    assert stage.meter.spendings.count(buckets[1]) >= 1, (
        "the first such call was counted, though nobody booked it"
    )
    assert (buckets[0], 5, 4) in [told[:3] for told in stage.meter.figures]
    assert await stage.platform.edit(incoming.place, ref, content("one two three")) == Sent(ref)
    assert len(stage.calls(ORIGINAL)) == 2
    assert [m["text"] for m in stage.by_the_bot(stage.general)] == ["one two three"]


async def test_a_token_that_dies_before_the_first_page_costs_no_page(stage: Stage) -> None:
    """The thinking message cannot be filled in any more: the page is posted."""
    incoming = await stage.command()
    await stage.record.wait(lambda r: r.entries("interaction", what="deferred"))
    stage.clock.set_duration("discord.interaction_token", 0.0)
    ref = await stage.post(incoming.place, "one")
    assert stage.text(ref) == "one"


async def test_an_answer_to_a_command_can_be_edited_after_a_restart(stage: Stage) -> None:
    """A ref is a channel and a message; the route is not needed."""
    incoming = await stage.command()
    ref = await stage.post(incoming.place, "one")
    assert await stage.platform.edit(outlived(incoming), ref, content("interrupted")) == Sent(ref)
    assert stage.text(ref) == "interrupted"


async def test_a_first_page_whose_answer_was_lost_is_found(stage: Stage) -> None:
    """There is one original message, so it is known without a nonce; filling it in again doubles nothing."""
    incoming = await stage.command()
    stage.server.faults.fault(ORIGINAL, drop="after")
    assert isinstance(await stage.platform.post(incoming.place, content("one"), key="k1"), Unavailable)
    found = await stage.platform.find(incoming.place, "k1")
    assert isinstance(found, Ref)
    assert await stage.post(incoming.place, "one", key="k1") == found
    assert [m["text"] for m in stage.by_the_bot(stage.general)] == ["one"]


async def test_a_first_page_that_never_arrived_is_not_found(stage: Stage) -> None:
    """A message that is still thinking is none."""
    incoming = await stage.command()
    stage.server.faults.fault(ORIGINAL, drop="before")
    assert isinstance(await stage.platform.post(incoming.place, content("one"), key="k1"), Unavailable)
    assert await stage.platform.find(incoming.place, "k1") is None
    assert stage.text(await stage.post(incoming.place, "one", key="k1")) == "one"


async def test_a_lost_post_is_not_taken_for_another_answer_that_begins_alike(stage: Stage) -> None:
    """A command's answer carries no nonce; the same words do not make it the post that was lost."""
    command, mention = await stage.command(), await stage.ask()
    await stage.post(command.place, "Sure!", key="k1", reply="r1")
    stage.server.faults.fault(POST, drop="before")
    assert isinstance(await stage.platform.post(mention.place, content("Sure!"), key="k2"), Unavailable)
    assert await stage.platform.find(mention.place, "k2") is None


async def test_a_deleted_answer_is_gone(stage: Stage) -> None:
    """By the webhook as through the channel."""
    incoming = await stage.command()
    ref = await stage.post(incoming.place, "one")
    await stage.server.delete(stage.ada, ref.channel, ref.message)
    assert await stage.platform.edit(incoming.place, ref, content("two")) == Gone("404/10008")


async def test_an_interaction_has_a_budget_of_its_own(stage: Stage) -> None:
    """Five calls in two seconds by one token; the channel's edits and the global budget are untouched."""
    incoming = await stage.command()
    ref = await stage.post(incoming.place, "one")
    outcomes = [await stage.platform.edit(incoming.place, ref, content(f"edit {n}")) for n in range(5)]
    refused = outcomes[-1]
    assert isinstance(refused, Refused)
    assert [b.key for b in stage.platform.buckets("edit", incoming.place, ref)] == [refused.bucket]
    other = await stage.command()
    assert refused.bucket not in [b.key for b in stage.platform.buckets("post", other.place, None)]


async def test_thinking_is_the_status_of_a_command(stage: Stage) -> None:
    """No typing beside it."""
    incoming = await stage.command()
    await stage.platform.status(incoming.place, "thinking")
    assert not stage.calls(TYPING)


async def test_a_sentence_can_be_told_to_the_asker_alone(stage: Stage) -> None:
    """In place of the thinking, which everybody would otherwise have seen filled with it."""
    incoming = await stage.command()
    assert await stage.platform.whisper(incoming.place, incoming.person, "I cannot write here.")
    seen = stage.by_the_bot(stage.general)
    assert [(m["text"], m["ephemeral_for"]) for m in seen] == [("I cannot write here.", stage.ada)]


async def test_a_mention_has_no_way_to_be_told_in_private(stage: Stage) -> None:
    """Then the core posts."""
    asked = await stage.ask()
    assert not await stage.platform.whisper(asked.place, asked.person, "I cannot write here.")


async def test_a_command_delivered_twice_is_one_question(stage: Stage) -> None:
    """And is acknowledged once."""
    stage.server.gateway.twice("INTERACTION_CREATE")
    first = await stage.command("one")
    second = await stage.command("two")
    assert (first.text, second.text) == ("one", "two")
    await stage.record.wait(lambda r: len(r.entries("interaction", what="deferred")) == 2)
    assert len(stage.calls(CALLBACK)) == 2


async def test_a_command_in_a_direct_message_is_private(stage: Stage) -> None:
    """Its pages can be posted there."""
    incoming = await stage.command(channel=stage.direct)
    assert incoming.place.private
    await stage.post(incoming.place, "one", key="k1")
    await stage.post(incoming.place, "two", key="k2")
    assert [m["text"] for m in stage.by_the_bot(stage.direct)] == ["one", "two"]


async def test_a_dead_command_in_a_closed_channel_is_denied(stage: Stage) -> None:
    """Both roads are shut, and that is said."""
    await stage.server.revoke(stage.general, "send_messages", "view_channel")
    incoming = await stage.command()
    ref = await stage.post(incoming.place, "one")
    stage.clock.set_duration("discord.interaction_token", 0.0)
    assert await stage.platform.edit(incoming.place, ref, content("two")) == Denied("403/50001")


async def test_closing_ends_an_acknowledgement_under_way(stage: Stage) -> None:
    """Nothing is left running."""
    stage.server.faults.fault(CALLBACK, delay=20.0)
    incoming = await stage.command()
    waiting = asyncio.create_task(stage.platform.post(incoming.place, content("one"), key="k1"))
    await asyncio.sleep(0)
    await stage.platform.close()
    done, _ = await asyncio.wait((waiting,), timeout=5)
    assert done
