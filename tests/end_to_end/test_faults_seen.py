"""What went wrong with other bots, with the real clients on both platforms: each test is named after it (see
tests/test_faults.py for all of them).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot import sentences
from sandbox.claude.script import Script
from sandbox.record import Entry
from sandbox.world import World
from tests.end_to_end.stage import Bot, Chat

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("footed")]

EDIT = {"slack": "chat.update", "discord": "PATCH /channels/{c}/messages/{m}"}
POST = {"slack": "chat.postMessage", "discord": "POST /channels/{c}/messages"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def footed(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    """One bot for all tests of this module, with a footer under its answers."""
    made = Bot(tmp_path_factory.mktemp("bot"), world.environment())
    await made.start(INKSTREAM_FOOTER="on")
    yield made
    await made.stop()


def calls(chat: Chat, name: str, *, since: float) -> list[Entry]:
    return [
        one
        for one in chat.world.record.entries("call", chat.name)
        if one.at >= since and one["method"] == name
    ]


async def follow_up(chat: Chat, question: str, text: str) -> None:
    page = chat.pages(question)[-1]
    more = {"thread": question} if chat.name == "slack" else {"reply_to": page["message"]}
    await chat.server.say(chat.person(), page["channel"], text, **more)


async def test_a_refusal_neither_ends_the_growth_for_good_nor_storms(chat: Chat) -> None:
    """Fault 10: after one 429 others fell back to posts for ever, or sent placeholder after placeholder."""
    since = chat.world.clock.now()
    chat.server.faults.fault(EDIT[chat.name], status=429, retry_after=1.5, times=2)
    question = await chat.mention(f"Refused on {chat.name}. #chars:900 #speed:250")
    text = await chat.settled(question)
    assert (await chat.asked(f"Refused on {chat.name}.")).said in text
    assert len(chat.pages(question)) == 1
    assert len([one for one in calls(chat, EDIT[chat.name], since=since) if one["status"] == 429]) <= 2
    after = await chat.mention(f"And after it, on {chat.name}? #chars:1900 #speed:250")
    await chat.settled(after)
    assert len({frame["text"] for frame in chat.frames(after)}) >= 3, "it grows again"
    assert len(chat.pages(after)) == 1


ENDS = ["#chars:300 #speed:900", "#fault:fin@80 #chars:300 #speed:900", "#fault:529", "#fault:empty"]


@pytest.mark.parametrize("end", ENDS)
async def test_no_cursor_placeholder_or_reaction_is_left_behind(chat: Chat, end: str) -> None:
    """Fault 12: however an answer ends, what stood in for its words is gone, and nobody is thinking any more."""
    question = await chat.mention(f"Leave nothing. {end}")
    text = await chat.settled(question, within=40)
    request = await chat.asked(f"Leave nothing. {end}")
    for sign in ("▌", "⏳", "▍", "⚪", sentences.THINKING):
        assert sign not in text
    assert text.startswith(request.said[:60].rstrip())
    assert not any(page.get("loading") for page in chat.pages(question))
    record = chat.world.record
    reacted = [*record.entries("reacted", "slack"), *record.entries("reaction", "discord")]
    assert not [one for one in reacted if chat.server.bot_id in one.fields.values()]

    def thinks_no_more(_: object) -> bool:
        statuses = record.entries("status", chat.name)
        if chat.name == "slack":
            statuses = [one for one in statuses if one["thread"] == question]
        return not statuses or statuses[-1]["text"] == ""

    await record.wait(thinks_no_more, within=15)


async def test_everyone_is_not_pinged_by_an_answer_that_says_so_in_pieces(chat: Chat) -> None:
    """Fault 18: by posts and by edits, whole or as it grows, nobody but the asker is ever notified."""
    hostile = "Now: @everyone, @here, <!channel>, <!here|now>, <@U0GRACE>, <@&1>, `@everyone` **@here** <!subteam^S1>. "
    chat.world.claude.script(Script.say(hostile * 6, speed=300.0, piece=3), when="Say it in pieces")
    question = await chat.mention("Say it in pieces")
    await chat.settled(question)
    frames = chat.frames(question)
    assert len(frames) >= 3, "it grew through every half of a mention"
    assert {person for frame in frames for person in frame["pings"]} <= {chat.person()}
    if chat.name == "slack":
        assert not any(frame["pings"] for frame in frames)


async def test_a_question_of_somebodys_pings_nobody_when_the_bot_shows_it(chat: Chat) -> None:
    """Fault 18: what was typed into a command is said in the bot's name."""
    since = len(chat.world.record)
    asked = "Are @everyone and <!channel> here? #chars:100 #speed:900"
    await chat.server.command(chat.person(), chat.channel(), "ask", asked)
    request = await chat.asked("here? #chars:100 #speed:900")

    def shown(_: object) -> bool:
        said = chat.world.record.entries("shown", chat.name, author=chat.server.bot_id)
        return bool(request.ended) and any(
            one.number >= since and request.said in one["text"].replace("&lt;", "<") for one in said
        )

    await chat.world.record.wait(shown, within=20)
    said = chat.world.record.entries("shown", chat.name, author=chat.server.bot_id)
    assert {person for one in said if one.number >= since for person in one["pings"]} <= {chat.person()}


async def test_two_bots_do_not_talk_to_each_other(chat: Chat) -> None:
    """Fault 17: neither a mention by another bot nor its words in our thread are answered, not even by a refusal."""
    question = await chat.mention("Before the other bot. #chars:100 #speed:900")
    await chat.settled(question)
    robot = "U0ROBOT" if chat.name == "slack" else await chat.server.invite_bot("robo")
    asked = len(chat.world.claude.requests)
    since = len(chat.world.record)
    page = chat.pages(question)[-1]
    more = {"thread": question} if chat.name == "slack" else {"reply_to": page["message"]}
    await chat.server.say(robot, chat.channel(), f"{chat.server.mention} sorry, what?", **more)
    await chat.server.say(robot, chat.channel(), "An error occurred, please try again.", **more)
    await chat.settled(await chat.mention("Behind the other bot. #chars:100 #speed:900"))
    assert len(chat.world.claude.requests) == asked + 1
    said = chat.world.record.entries("shown", chat.name, author=chat.server.bot_id)
    places = {
        one["thread"] or one.get("reply_to", "")
        for one in said
        if one.number >= since and one["verb"] == "post"
    }
    assert len(places) == 1, "one answer, to the person"


async def test_our_own_errors_buttons_and_footers_are_not_fed_back_as_history(chat: Chat) -> None:
    """Fault 20: Claude sees its own words as far as they came, and nothing that we said around them."""
    question = await chat.mention("Break off, please. #fault:fin@120 #chars:500 #speed:900")
    text = await chat.settled(question)
    assert sentences.BROKEN_OFF in text
    first = await chat.asked("Break off, please.")
    await follow_up(chat, question, f"What did you say on {chat.name}? #chars:150 #speed:900")
    request = await chat.asked(f"What did you say on {chat.name}?")
    sent = str(request.messages)
    assert first.said[:100] in sent
    for ours in (sentences.BROKEN_OFF, sentences.REGENERATE, " · "):
        assert ours not in sent
    await chat.world.record.wait(lambda _: bool(request.ended), within=10)


async def test_a_thread_does_not_die_with_the_answer_that_is_deleted_in_it(chat: Chat) -> None:
    """Fault 20: where the history was kept in the bot's own messages, deleting one ended the conversation."""
    question = await chat.mention("The word is chamois. #chars:100 #speed:900")
    await chat.settled(question)
    page = chat.pages(question)[-1]
    await follow_up(chat, question, f"And another, on {chat.name}. #chars:120 #speed:900")
    second = await chat.asked(f"And another, on {chat.name}.")
    await chat.world.record.wait(lambda _: bool(second.ended), within=10)
    await chat.server.delete(chat.person(), page["channel"], page["message"])
    mention = f"{chat.server.mention} Are you still there, on {chat.name}? #chars:100 #speed:900"
    more = {"thread": question} if chat.name == "slack" else {"reply_to": question}
    last = await chat.server.say(chat.person(), chat.channel(), mention, **more)
    request = await chat.asked(f"Are you still there, on {chat.name}?")
    assert last
    await chat.world.record.wait(lambda _: request.ended == "end_turn", within=10)


async def test_an_interaction_whose_token_dies_goes_on_through_the_channel(world: World) -> None:
    """Fault 22: a long answer to a command outlives the token that it began with; nothing is posted twice."""
    chat = Chat(world, "discord")
    world.clock.set_duration("discord.interaction_token", 2.0)
    try:
        await chat.server.command(
            chat.person(), chat.channel("random"), "ask", "Outlive it. #chars:1500 #speed:350"
        )
        request = await chat.asked("Outlive it.")

        def whole(_: object) -> bool:
            stands = chat.server.messages(chat.channel("random"))
            return bool(request.ended) and any(request.said in one["text"] for one in stands)

        await world.record.wait(whole, within=30)
    finally:
        world.clock.set_duration("discord.interaction_token", 900.0)
    stands = chat.server.messages(chat.channel("random"))
    assert sum(request.said[:100] in one["text"] for one in stands) == 1
    assert not any(one["loading"] for one in stands)


async def test_a_place_that_is_lost_in_the_middle_ends_its_answer_and_no_other(
    chat: Chat, footed: Bot
) -> None:
    """Fault 31: Claude's request is closed when nobody can be shown its words; nothing is hammered or raised."""
    lost, kept = chat.channel("random"), chat.channel()
    question = await chat.mention("Lose this place. #chars:9000 #speed:150", channel=lost)
    other = await chat.mention("Keep this one. #chars:900 #speed:200", channel=kept)
    await chat.growing(question)
    since = chat.world.clock.now()
    if chat.name == "slack":
        chat.server.set_archived(lost)
    else:
        await chat.server.revoke(lost, "view_channel", "send_messages")
    try:
        request = await chat.asked("Lose this place.")
        await chat.world.record.wait(lambda _: bool(request.ended), within=20)
        assert request.ended == "closed by client"
        assert (await chat.asked("Keep this one.")).said in await chat.settled(other)
        tried = calls(chat, EDIT[chat.name], since=since) + calls(chat, POST[chat.name], since=since)
        assert len([one for one in tried if one["channel"] == lost]) <= 4
    finally:
        if chat.name == "slack":
            chat.server.set_archived(lost, archived=False)
        else:
            await chat.server.grant(lost, "view_channel", "send_messages")
    again = await chat.mention("And again. #chars:100 #speed:900", channel=lost)
    assert (await chat.asked("And again.")).said in await chat.settled(again)
    assert "Traceback" not in footed.said()


async def test_a_thread_that_is_locked_while_an_answer_grows_in_it_ends_it(world: World) -> None:
    """Fault 31: Discord's archived threads wake by a post, locked ones by nobody's."""
    chat = Chat(world, "discord")
    thread = await chat.server.start_thread(chat.person(), chat.channel(), "To be locked")
    question = await chat.mention("In the thread. #chars:9000 #speed:150", channel=thread)
    await chat.growing(question)
    await chat.server.archive(thread, locked=True)
    request = await chat.asked("In the thread.")
    await world.record.wait(lambda _: bool(request.ended), within=20)
    assert request.ended == "closed by client"


async def test_editing_an_old_answer_meets_its_own_limit_and_still_ends_whole(world: World) -> None:
    """Fault 31: Discord counts edits of messages older than an hour apart (30046); "old" is made to come soon here."""
    chat = Chat(world, "discord")
    question = await chat.mention("Of long ago. #chars:700 #speed:900")
    await chat.settled(question)
    page = chat.pages(question)[-1]
    chat.server.faults.fault(
        EDIT["discord"],
        status=429,
        retry_after=2.0,
        times=2,
        body='{"message": "Maximum number of edits to messages older than 1 hour reached.", "code": 30046,'
        ' "retry_after": 2.0, "global": false}',
    )
    button = next(
        one["id"]
        for message in chat.server.messages(page["channel"])
        if message["id"] == page["message"]
        for one in message["controls"]
        if one["label"] == sentences.REGENERATE
    )
    await chat.server.press(chat.person(), page["channel"], page["message"], button)

    def again(_: object) -> bool:
        asked = [one for one in world.claude.requests if "Of long ago." in one.question]
        return len(asked) == 2 and bool(asked[1].ended) and not chat.server.faults.pending

    await world.record.wait(again, within=30)
    assert (await chat.asked("Of long ago.")).said in await chat.settled(question, within=30)
    assert [one["message"] for one in chat.pages(question)] == [page["message"]], "in its old message"
