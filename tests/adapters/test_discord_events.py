"""What people do beside asking: edits, reactions, talk among themselves, other bots; and what is not taken for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.ports import (
    Content,
    Control,
    Deleted,
    Denied,
    Edited,
    Gone,
    Incoming,
    Place,
    Pressed,
    Ref,
    Sent,
)
from tests.adapters.discord_stage import DELETE, PATCH, POST, Stage, content, staged

BRANCH = "POST /channels/{c}/messages/{m}/threads"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


async def answered(stage: Stage, *, text: str = "because") -> tuple[Incoming, Ref]:
    incoming = await stage.ask()
    return incoming, await stage.post(incoming.place, text)


async def nothing_more(stage: Stage) -> None:
    """Nothing came of it: the next thing that is heard is the next thing that is said."""
    await stage.server.say(stage.ada, stage.general, f"{stage.server.mention} next")
    assert (await stage.next(Incoming)).text == "next"


# --------------------------------------------------------------------------------------------------------------- edits


async def test_an_edited_question_is_told_with_its_new_words(stage: Stage) -> None:
    """And where it stands, so that its answer can be made anew."""
    incoming = await stage.ask("what is a mond?")
    assert incoming.message is not None
    await stage.server.change(
        stage.ada, stage.general, incoming.message.message, f"{stage.server.mention} what is a monad?"
    )
    edited = await stage.next(Edited)
    assert (edited.message, edited.text, edited.person) == (
        incoming.message,
        "what is a monad?",
        incoming.person,
    )
    assert edited.place == incoming.place


async def test_fault_16_unfurls_threads_and_our_own_edits_are_no_edits(stage: Stage) -> None:
    """Fifty answers in eight seconds, once."""
    incoming, ref = await answered(stage)
    assert incoming.message is not None
    question = incoming.message.message
    for n in range(3):
        await stage.server.unfurl(stage.general, question, url=f"https://example.com/{n}")
    await stage.server.start_thread(stage.linus, stage.general, "about it", message=question)
    for n in range(3):
        await stage.platform.edit(incoming.place, ref, content(f"because {n}"))
    await stage.server.change(
        stage.ada, stage.general, question, f"{stage.server.mention} why? https://example.com"
    )
    assert (await stage.next(Edited)).text.startswith("why? https://example.com")
    for n in range(3):
        await stage.server.unfurl(stage.general, question, url=f"https://example.com/again/{n}")
    await nothing_more(stage)


async def test_an_edit_that_is_delivered_twice_is_one(stage: Stage) -> None:
    """Fault 15."""
    incoming = await stage.ask()
    assert incoming.message is not None
    stage.server.gateway.twice("MESSAGE_UPDATE")
    await stage.server.change(stage.ada, stage.general, incoming.message.message, "never mind")
    assert (await stage.next(Edited)).text == "never mind"
    await nothing_more(stage)


async def test_the_same_words_again_are_no_edit(stage: Stage) -> None:
    """Saved without a change, or changed and changed back."""
    incoming = await stage.ask("why?")
    assert incoming.message is not None
    await stage.server.change(
        stage.ada, stage.general, incoming.message.message, f"{stage.server.mention} why?"
    )
    await nothing_more(stage)


async def test_an_edit_while_the_connection_was_away_is_told_once(stage: Stage) -> None:
    """A RESUME replays it."""
    incoming = await stage.ask()
    assert incoming.message is not None
    await stage.server.disconnect(4000)
    await stage.server.change(stage.ada, stage.general, incoming.message.message, "never mind")
    assert (await stage.next(Edited)).text == "never mind"
    await stage.server.disconnect(4000)
    await nothing_more(stage)


# ----------------------------------------------------------------------------------------------------------- reactions


@pytest.mark.parametrize(
    ("sign", "control"), [("🛑", Control.STOP), ("👍", Control.GOOD), ("👎🏽", Control.BAD)]
)
async def test_a_sign_on_an_answer_is_a_button(stage: Stage, sign: str, control: Control) -> None:
    """Fault 26: in a server and in a direct conversation."""
    _, ref = await answered(stage)
    await stage.server.react(stage.linus, stage.general, ref.message, sign)
    pressed = await stage.next(Pressed)
    assert (pressed.control, pressed.reply, pressed.message) == (control, "", ref)
    assert (pressed.person.id, pressed.person.name) == (stage.linus, "Linus")
    await stage.server.say(stage.ada, stage.direct, "hello")
    direct = await stage.next(Incoming)
    alone = await stage.post(direct.place, key="k2", reply="r2")
    await stage.server.react(stage.ada, stage.direct, alone.message, sign)
    pressed = await stage.next(Pressed)
    assert (pressed.control, pressed.message, pressed.place.private) == (control, alone, True)


async def test_other_signs_other_messages_and_other_bots_stop_nothing(stage: Stage) -> None:
    """People react to what people say."""
    incoming, ref = await answered(stage)
    assert incoming.message is not None
    bot = await stage.server.invite_bot("Reacts to everything")
    await stage.server.react(bot, stage.general, ref.message, "🛑")
    await stage.server.react(stage.ada, stage.general, ref.message, "🎉")
    await stage.server.react(stage.ada, stage.general, incoming.message.message, "🛑")
    await nothing_more(stage)


async def test_a_sign_that_is_replayed_is_one_and_set_again_is_two(stage: Stage) -> None:
    """Fault 15: a replayed stop must not stop the next answer."""
    _, ref = await answered(stage)
    stage.server.gateway.twice("MESSAGE_REACTION_ADD")
    await stage.server.react(stage.ada, stage.general, ref.message, "👍")
    assert (await stage.next(Pressed)).control is Control.GOOD
    await stage.server.unreact(stage.ada, stage.general, ref.message, "👍")
    await stage.server.react(stage.ada, stage.general, ref.message, "👍")
    assert (await stage.next(Pressed)).control is Control.GOOD
    await nothing_more(stage)


# ---------------------------------------------------------------------------------------------- talk, and other bots


async def test_talk_is_overheard_with_its_place(stage: Stage) -> None:
    """For a channel in which the bot answers everything; the answer replies to it and pings its asker."""
    await stage.server.say(stage.linus, stage.general, "is it raining?")
    overheard = await stage.next(Incoming)
    assert (overheard.how, overheard.text, overheard.threaded) == ("overheard", "is it raining?", False)
    assert overheard.message is not None
    assert overheard.scope == f"message:{stage.general}:{overheard.message.message}"
    ref = await stage.post(overheard.place, "Yes.")
    assert stage.shown(ref)["reply_to"] == overheard.message.message
    assert stage.record.entries("shown", message=ref.message)[0]["pings"] == [stage.linus]


async def test_a_reply_among_people_brings_what_it_replies_to(stage: Stage) -> None:
    """The core may find that it belongs to a conversation of ours."""
    first = await stage.server.say(stage.ada, stage.general, "it rains")
    await stage.next(Incoming)
    await stage.server.say(stage.linus, stage.general, "really?", reply_to=first)
    overheard = await stage.next(Incoming)
    assert (overheard.how, overheard.answers, overheard.threaded) == (
        "overheard",
        Ref(stage.general, first),
        True,
    )
    assert overheard.about is not None
    assert overheard.about.text == "it rains"


async def test_fault_17_another_bot_is_heard_only_where_it_says_our_name(stage: Stage) -> None:
    """Marked as a bot, and it is not pinged back: two of them would talk for ever."""
    bot = await stage.server.invite_bot("Echo")
    _, ref = await answered(stage)
    await stage.server.say(bot, stage.general, "I say something")
    await stage.server.say(bot, stage.general, "you said: because", reply_to=ref.message)
    await stage.server.say(bot, stage.general, f"{stage.server.mention} and now?")
    incoming = await stage.next(Incoming)
    assert (incoming.bot, incoming.text, incoming.how) == (True, "and now?", "mention")
    answer = await stage.post(incoming.place, "This.", key="k2", reply="r2")
    assert stage.record.entries("shown", message=answer.message)[0]["pings"] == []
    await stage.server.change(
        bot, stage.general, incoming.place.reply_to, f"{stage.server.mention} and then?"
    )
    await nothing_more(stage)


async def test_fault_17_our_own_words_are_never_heard(stage: Stage) -> None:
    """Not even those that name us, in a post or by a command."""
    await answered(stage, text=f"{stage.server.mention} why?")
    command = await stage.command()
    await stage.post(command.place, f"{stage.server.mention} why?", key="k2", reply="r2")
    await nothing_more(stage)


# ---------------------------------------------------------------------------------------------------------- one person


async def test_an_answer_can_name_the_one_person_whom_it_tells(stage: Stage) -> None:
    """And nobody else, whatever stands in the text (fault 18)."""
    incoming, _ = await answered(stage)
    text = f"Your answer is ready. @everyone <@{stage.ada}>"
    told = await stage.platform.post(incoming.place, Content(text, ping=stage.linus, reply="r1"), key="k9")
    assert isinstance(told, Sent)
    assert stage.text(told.ref) == f"<@{stage.linus}> {text}"
    assert stage.record.entries("shown", message=told.ref.message)[0]["pings"] == [stage.linus]


# ------------------------------------------------------------------------------------------------------------- deletion


async def test_an_answer_is_taken_away(stage: Stage) -> None:
    """Once more is no trouble."""
    incoming, ref = await answered(stage)
    assert await stage.platform.delete(incoming.place, ref) == Sent(ref)
    assert stage.by_the_bot(stage.general) == []
    assert await stage.next(Deleted) == Deleted(ref)
    assert await stage.platform.delete(incoming.place, ref) == Gone("404/10008")


async def test_several_pages_are_taken_away_past_their_budget(stage: Stage) -> None:
    """Nobody else would try again; a lost answer is asked for once more, and then it is gone."""
    incoming = await stage.ask()
    refs = [await stage.post(incoming.place, f"page {n}", key=f"k{n}") for n in range(3)]
    stage.server.faults.fault(DELETE, status=429, retry_after=0.2)
    assert await stage.platform.delete(incoming.place, refs[0]) == Sent(refs[0])
    stage.server.faults.fault(DELETE, drop="after")
    assert await stage.platform.delete(incoming.place, refs[1]) == Gone("404/10008")
    stage.server.faults.fault(DELETE, status=503)
    assert await stage.platform.delete(incoming.place, refs[2]) == Sent(refs[2])
    assert stage.by_the_bot(stage.general) == []


async def test_somebody_elses_message_is_not_taken_away(stage: Stage) -> None:
    """The bot has no such permission, and asks for none."""
    incoming = await stage.ask()
    assert incoming.message is not None
    assert isinstance(await stage.platform.delete(incoming.place, incoming.message), Denied)


async def test_where_the_bot_cannot_see_the_channel_a_commands_answer_goes_by_the_command(
    stage: Stage,
) -> None:
    """While its token lives."""
    await stage.server.revoke(stage.general, "view_channel")
    command = await stage.command()
    first = await stage.post(command.place, "one", key="k1")
    second = await stage.post(command.place, "two", key="k2")
    assert await stage.platform.delete(command.place, second) == Sent(second)
    assert await stage.platform.delete(command.place, first) == Sent(first)
    assert stage.by_the_bot(stage.general) == []


# -------------------------------------------------------------------------------------------------------------- threads


async def test_a_question_gets_a_thread_of_its_own(stage: Stage) -> None:
    """Named once, by the question; what is said there is that conversation."""
    incoming = await stage.ask()
    assert incoming.message is not None
    name = "why is\nthe sky blue? " + "x" * 200
    thread = await stage.platform.branch(incoming.place, incoming.message, name)
    assert thread == Place(
        "discord", incoming.place.workspace, incoming.message.message, parent=stage.general
    )
    [made] = [one for one in stage.server.channels() if one["kind"] == "thread"]
    assert (len(made["name"]), made["name"][:23]) == (100, "why is the sky blue? xx")
    ref = await stage.post(thread, "Because.")
    assert (ref.channel, stage.shown(ref)["reply_to"]) == (thread.channel, "")
    await stage.server.say(stage.linus, thread.channel, "really?")
    overheard = await stage.next(Incoming)
    assert (overheard.how, overheard.scope) == ("overheard", f"thread:{thread.channel}")
    assert overheard.place.parent == stage.general
    assert await stage.platform.branch(overheard.place, Ref(thread.channel, "5"), "deeper") is None


async def test_a_thread_that_is_there_already_is_used(stage: Stage) -> None:
    """Somebody was quicker, or the answer to our call was lost."""
    incoming = await stage.ask()
    assert incoming.message is not None
    await stage.server.start_thread(stage.ada, stage.general, "mine", message=incoming.message.message)
    thread = await stage.platform.branch(incoming.place, incoming.message, "yours")
    assert thread is not None
    assert thread.channel == incoming.message.message


async def test_a_thread_that_may_not_be_made_is_none(stage: Stage) -> None:
    """The answer then stands in the channel; in a direct conversation nobody even asks."""
    incoming = await stage.ask()
    assert incoming.message is not None
    await stage.server.revoke(stage.general, "create_public_threads")
    assert await stage.platform.branch(incoming.place, incoming.message, "a thread") is None
    await stage.server.say(stage.ada, stage.direct, "hello")
    direct = await stage.next(Incoming)
    assert direct.message is not None
    assert await stage.platform.branch(direct.place, direct.message, "a thread") is None
    assert len(stage.calls(BRANCH)) == 1


# ------------------------------------------------------------------------------------------------------------- fault 31


async def test_fault_31_a_locked_thread_is_denied_and_an_archived_one_wakes_by_a_post(stage: Stage) -> None:
    """A post opens an archived thread again; nothing opens a locked one."""
    thread = await stage.server.start_thread(stage.ada, stage.general, "a thread")
    incoming = await stage.ask(channel=thread)
    ref = await stage.post(incoming.place, "one", key="k1")
    await stage.server.archive(thread)
    assert await stage.platform.edit(incoming.place, ref, content("two")) == Denied("400/50083")
    await stage.post(incoming.place, "two", key="k2")
    assert await stage.platform.edit(incoming.place, ref, content("one!")) == Sent(ref)
    await stage.server.archive(thread, locked=True)
    assert isinstance(await stage.platform.post(incoming.place, content("three"), key="k3"), Denied)
    assert isinstance(await stage.platform.edit(incoming.place, ref, content("three")), Denied)
    assert isinstance(await stage.platform.delete(incoming.place, ref), Denied)


async def test_fault_31_access_lost_while_it_grows_is_denied(stage: Stage) -> None:
    """Neither posted nor edited nor taken away; nothing is tried for long."""
    incoming, ref = await answered(stage)
    await stage.server.revoke(stage.general, "view_channel", "send_messages")
    async with asyncio.timeout(2.0):
        assert await stage.platform.edit(incoming.place, ref, content("two")) == Denied("403/50001")
        assert await stage.platform.post(incoming.place, content("two"), key="k2") == Denied("403/50001")
        assert await stage.platform.delete(incoming.place, ref) == Denied("403/50001")
    assert (len(stage.calls(PATCH)), len(stage.calls(POST)), len(stage.calls(DELETE))) == (1, 2, 1)


# ------------------------------------------------------------------------------------------------------------ malformed


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("MESSAGE_CREATE", {"id": "1"}),
        ("MESSAGE_CREATE", {"id": "1", "channel_id": "2", "author": None}),
        ("MESSAGE_UPDATE", {}),
        ("MESSAGE_UPDATE", {"id": "1", "author": {}, "content": "secret words", "edited_timestamp": "x"}),
        ("MESSAGE_REACTION_ADD", {}),
        ("MESSAGE_REACTION_ADD", {"user_id": "1", "emoji": "🛑"}),
        ("MESSAGE_REACTION_REMOVE", {"message_id": "1"}),
        ("MESSAGE_DELETE", {"id": "1"}),
        ("INTERACTION_CREATE", {"id": "1", "type": 2}),
        (
            "INTERACTION_CREATE",
            {"id": "2", "type": 3, "token": "secret words", "data": "x", "user": {"id": "1"}},
        ),
        (
            "INTERACTION_CREATE",
            {"id": "3", "type": 5, "token": "t", "user": {"id": "1"}, "data": {"components": 5}},
        ),
    ],
)
async def test_what_cannot_be_read_costs_one_line_and_no_connection(
    stage: Stage, caplog: pytest.LogCaptureFixture, event: str, data: dict[str, object]
) -> None:
    """A newer Discord, or a broken one; nobody's words are logged."""
    with caplog.at_level("INFO"):
        stage.server.gateway.dispatch(event, data)
        assert (await stage.ask("after")).text == "after"
    assert "secret words" not in caplog.text
    assert len(stage.gateway("READY")) == 1


# --------------------------------------------------------------------------------------------------------------- setting


async def test_by_a_setting_no_answer_pings_its_asker() -> None:
    """The arrow stays."""
    async with staged(ping_asker=False) as stage:
        _, ref = await answered(stage)
        [shown] = stage.record.entries("shown", message=ref.message)
        assert (shown["pings"], bool(shown["reply_to"])) == ([], True)


async def test_only_the_first_page_rings(stage: Stage) -> None:
    """The others point at the question where somebody spoke in between, and are silent."""
    incoming, _ = await answered(stage)
    await stage.server.say(stage.linus, stage.general, "in between")
    assert (await stage.next(Incoming)).how == "overheard"
    second = await stage.post(incoming.place, "two", key="k2")
    [shown] = stage.record.entries("shown", message=second.message)
    assert (shown["reply_to"], shown["pings"]) == (incoming.place.reply_to, [])
