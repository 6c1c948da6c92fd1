"""From a mention to a whole answer, on both platforms, with the bot as a process of its own."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

import aiohttp
import pytest

from bot import sentences
from sandbox.claude.script import Script
from sandbox.world import World
from tests.end_to_end.stage import Bot, Chat
from tests.service.counted import sample

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bot")]

QUICK = {"speed": 2_000.0}


async def test_an_answer_grows_in_steps_and_ends_as_claude_said_it(chat: Chat) -> None:
    """First text at once, growth by edits of one message, the end whole to the character, no refusal."""
    question = await chat.mention("Why? #chars:900 #speed:300")
    text = await chat.settled(question)
    request = await chat.asked("#chars:900 #speed:300")
    assert text == request.said
    frames = [frame for frame in chat.frames(question) if frame["text"]]
    assert len({frame["message"] for frame in frames}) == 1, "one message"
    assert len(frames) >= 4, "in steps"
    lengths = [len(frame["text"]) for frame in frames]
    assert lengths == sorted(lengths), "it only grows"
    assert chat.refusals == []


async def test_operators_see_what_people_waited_for(chat: Chat, bot: Bot) -> None:
    """Each answer counts once on its platform; nothing is left over when it is whole."""
    before = await bot.counted()
    question = await chat.mention("Who counts? #chars:300")
    text = await chat.settled(question)
    whole = sample("inkstream_last_edit_seconds_count", platform=chat.name)
    after = await bot.counted(whole, over=before.get(whole, 0.0))
    assert after[whole] == before.get(whole, 0.0) + 1.0
    words = sample("inkstream_first_words_seconds_count", platform=chat.name)
    assert after[words] == before.get(words, 0.0) + 1.0
    # 300 characters are said in less than three seconds, and a person's first words come long before.
    assert after[sample("inkstream_first_words_seconds_bucket", platform=chat.name, le="5.0")] >= 1.0
    tokens = sample("inkstream_claude_tokens_total", kind="tokens_out")
    assert after[tokens] - before.get(tokens, 0.0) >= len(text) / 10
    assert after[sample("inkstream_platform_ready", platform=chat.name)] == 1.0
    assert after[sample("inkstream_unseen_characters", platform=chat.name)] == 0.0
    assert not [labels for _, labels in after if ("level", "error") in labels]


async def test_the_first_text_comes_at_three_words_or_after_a_moment(chat: Chat) -> None:
    """Within one call of three words or 0.3 s after Claude's first text, whichever is first."""
    question = await chat.mention("First words? #chars:300 #speed:100")
    await chat.settled(question)
    request = await chat.asked("First words?")
    first_said = chat.world.record.entries("said", "claude", request=request.number)[0].at
    first_shown = next(frame.at for frame in chat.frames(question) if frame["text"])
    # One call on loopback takes some ms; the rest is what a machine with two busy cores may take.
    assert first_shown - first_said < 0.3 + 0.5


async def test_claude_is_asked_before_anything_is_said_to_the_platform(chat: Chat) -> None:
    """No status, typing or look-up stands in front of the question."""
    question = await chat.mention("Who is first? #chars:200")
    request = await chat.asked("Who is first?")
    await chat.settled(question)
    asked_at = next(entry.at for entry in chat.world.record.entries("shown", chat.name, message=question))
    before = [
        entry["method"]
        for entry in chat.world.record.entries("call", chat.name)
        if asked_at <= entry.at < request.at and "callback" not in entry["method"]
    ]
    assert before == []


async def test_ten_people_ask_at_once_and_all_answers_grow_together(chat: Chat) -> None:
    """One-page answers in one channel: no refusal, ten whole answers, none starved."""
    before = len(chat.refusals)
    questions = [
        await chat.mention(f"Ten at once, number {n}. #chars:1900 #speed:75", person=n % 4) for n in range(10)
    ]
    texts = await asyncio.gather(*(chat.settled(question) for question in questions))
    said = {request.said for request in chat.world.claude.requests if "Ten at once" in request.question}
    assert set(texts) == said
    assert len(chat.refusals) == before
    # The post bucket allows five at once and one a second after that: the tenth text is due after about five.
    firsts = [next(frame.at for frame in chat.frames(question) if frame["text"]) for question in questions]
    asked = min(e.at for e in chat.world.record.entries("shown", chat.name) if e["message"] in questions)
    assert max(firsts) - asked < 5.5 + 1.0 + 1.0
    for question in questions:
        assert len(chat.frames(question)) >= 3, "each of them grew"


async def test_a_long_answer_goes_on_in_further_messages(chat: Chat) -> None:
    """Every page within the limit, every word there, the end as well."""
    question = await chat.mention("At length, please. #script:long #speed:6000")
    request = await chat.asked("At length, please.")

    def words(text: str) -> list[str]:
        return re.findall(r"\w+", text)

    # Claude ends long before the post bucket has let every page through.
    await chat.world.record.wait(
        lambda _: (
            request.ended
            and chat.is_settled(question)
            and words(request.said)[-1] in words(chat.text(question))[-20:]
        ),
        within=60,
    )
    pages = chat.pages(question)
    limit = 12_000 if chat.name == "slack" else 2_000
    assert len(pages) >= 3
    assert all(len(page["text"]) <= limit for page in pages)
    assert not Counter(words(request.said)) - Counter(words(chat.text(question))), "no word is lost"


async def test_stop_stops(chat: Chat) -> None:
    """Claude's connection is closed at once, what was said stays, and a sentence says so."""
    question = await chat.mention("Go on and on. #chars:20000 #speed:200")
    await chat.growing(question)
    page = chat.pages(question)[-1]
    pressed = chat.world.clock.now()
    button = next(one for one in chat.server.messages(page["channel"]) if one["id"] == page["message"])[
        "controls"
    ][0]["id"]
    await chat.server.press(chat.person(), page["channel"], page["message"], button)
    request = await chat.asked("Go on and on.")
    ended = await chat.world.record.wait(
        lambda record: record.entries("ended", "claude", request=request.number), within=5
    )
    assert ended[0]["reason"] == "closed by client"
    assert ended[0].at - pressed < 1.0
    text = await chat.settled(question)
    assert sentences.STOPPED in text
    kept = text.split("\n")[0]
    assert kept
    assert request.said.startswith(kept)


async def test_a_follow_up_goes_on_with_its_conversation_and_another_does_not(chat: Chat) -> None:
    """Without a mention in the thread (Slack), by replying to the answer (Discord); nothing leaks elsewhere."""
    question = await chat.mention("The word is heliotrope. #chars:200 #speed:2000")
    await chat.settled(question)
    answer = chat.pages(question)[-1]["message"]
    channel = chat.channel()
    if chat.name == "slack":
        await chat.server.say(
            chat.person(1), channel, "And what was the word? #chars:210 #speed:2000", thread=question
        )
    else:
        await chat.server.say(
            chat.person(1), channel, "And what was the word? #chars:210 #speed:2000", reply_to=answer
        )
    follow_up = await chat.asked("And what was the word?")
    sent = str(follow_up.body["messages"])
    assert "heliotrope" in sent
    assert len(follow_up.messages) == 3, "question, answer, question"
    other = await chat.mention("Do you know a word? #chars:220 #speed:2000")
    await chat.settled(other)
    assert "heliotrope" not in str((await chat.asked("Do you know a word?")).body)


async def test_a_direct_message_needs_no_mention_and_is_one_conversation(chat: Chat) -> None:
    await chat.tell(2, "My colour is vermilion. #chars:150 #speed:2000")
    request = await chat.tell(2, "Which colour? #chars:160 #speed:2000")
    assert "vermilion" in str(request.body)
    other = await chat.tell(3, "What is my colour? #chars:170 #speed:2000")
    assert "vermilion" not in str(other.body), "another person's direct messages"


async def test_a_slash_command_is_answered_where_it_was_typed(chat: Chat) -> None:
    await chat.server.command(chat.person(), chat.channel(), "ask", "By command? #chars:400 #speed:800")
    request = await chat.asked("By command?")

    def whole(_: object) -> bool:
        shown = chat.world.record.entries("shown", chat.name, author=chat.server.bot_id)
        return bool(request.ended) and any(
            one["text"].replace("&lt;", "<") == request.said and sentences.STOP not in one["controls"]
            for one in shown
        )

    await chat.world.record.wait(whole, within=20)
    if chat.name == "slack":
        roots = [one for one in chat.server.messages(chat.channel()) if "By command?" in one["text"]]
        assert len(roots) == 1, "the question stands in the channel, once"
        name = next(one["name"] for one in chat.server.people() if one["id"] == chat.person())
        assert name.lower() in roots[0]["text"].lower(), "in the asker's name"


async def test_nobody_is_pinged_by_what_claude_writes(chat: Chat) -> None:
    """Mentions, broadcasts and roles in the answer are text."""
    hostile = "Hello <!channel>, <@U0ADA>, <!here|x>, @everyone, <@&1>, <@1180000000000000001> and [a](https://x.y/)."
    chat.world.claude.script(Script.say(hostile, **QUICK), when="Ping them all")
    question = await chat.mention("Ping them all")
    await chat.settled(question)
    raw = "".join(page["text"] for page in chat.pages(question))
    if chat.name == "slack":
        assert not re.search(r"<[@!#]", raw)
    else:
        assert not any(page.get("pings") for page in chat.pages(question))


FAULTS = [
    ("#fault:529", sentences.BUSY, ""),
    ("#fault:401", sentences.BAD_KEY, ""),
    ("#fault:400", sentences.BAD_REQUEST, ""),
    ("#fault:overloaded_error@80", sentences.BUSY, "some"),
    ("#fault:fin@80", sentences.BROKEN_OFF, "some"),
    ("#fault:unfinished@80", sentences.BROKEN_OFF, "some"),
    ("#fault:max_tokens@80", sentences.CUT_BY_LIMIT, "some"),
    ("#fault:refusal@0", sentences.REFUSED, ""),
    ("#fault:empty", sentences.NOTHING_SAID, ""),
]


@pytest.mark.parametrize(("fault", "sentence", "some"), FAULTS, ids=[case[0] for case in FAULTS])
async def test_whatever_goes_wrong_with_claude_is_told_and_what_was_said_stays(
    chat: Chat, fault: str, sentence: str, some: str
) -> None:
    question = await chat.mention(f"Faulty {fault} #chars:400 #speed:1000")
    text = await chat.settled(question, within=40)
    assert sentence in text
    request = await chat.asked(f"Faulty {fault}")
    if some:
        assert text.startswith(request.said[:40])
        assert 40 < len(request.said) < 400


async def test_an_empty_question_gets_a_sentence(chat: Chat) -> None:
    asked = len(chat.world.claude.requests)
    question = str(await chat.server.say(chat.person(), chat.channel(), chat.server.mention))
    assert sentences.EMPTY_QUESTION in await chat.settled(question)
    assert len(chat.world.claude.requests) == asked


async def test_a_huge_question_gets_a_sentence(world: World) -> None:
    """Discord lets nobody type so much; Slack does."""
    chat = Chat(world, "slack")
    question = await chat.mention("huge " * 20_000)
    assert "I can read at most 50,000" in await chat.settled(question)


async def test_a_deleted_answer_is_over_quietly(chat: Chat) -> None:
    """Claude's request is closed and nothing is posted again."""
    question = await chat.mention("Delete me. #chars:20000 #speed:200")
    await chat.growing(question)
    page = chat.pages(question)[-1]
    await chat.server.delete(chat.person(), page["channel"], page["message"])
    request = await chat.asked("Delete me.")
    ended = await chat.world.record.wait(
        lambda record: record.entries("ended", "claude", request=request.number), within=10
    )
    assert ended[0]["reason"] == "closed by client"
    assert chat.pages(question) == []


async def test_a_second_delivery_is_not_answered_twice(world: World) -> None:
    chat = Chat(world, "slack")
    chat.server.deliver_twice(4)
    question = await chat.mention("Once only? #chars:200 #speed:2000")
    await chat.settled(question)
    after = await chat.mention("And after? #chars:200 #speed:2000")
    await chat.settled(after)
    assert len([one for one in world.claude.requests if "Once only?" in one.question]) == 1
    assert len(chat.pages(question)) == 1


async def test_a_channel_where_it_may_not_write_is_told_in_private(world: World) -> None:
    chat = Chat(world, "slack")
    private = next(one["id"] for one in chat.server.channels() if one["private"] and not one["member"])
    await chat.server.command(chat.person(), private, "ask", "Are you there?")

    def told(_: object) -> bool:
        return any(
            sentences.NOT_A_MEMBER in one["text"]
            for one in world.record.entries("shown", "slack", channel=private)
            if one.get("ephemeral")
        )

    await world.record.wait(told, within=20)


async def test_health_says_who_is_heard(bot: Bot) -> None:
    told = await bot.ready()
    assert told["status"] == "ready"
    async with (
        aiohttp.ClientSession() as session,
        session.get(bot.readyz.replace("readyz", "healthz")) as answer,
    ):
        assert answer.status == 200


async def test_nothing_that_people_or_claude_wrote_is_in_the_log(bot: Bot, world: World) -> None:
    """Law: secrets and people's words stay out of logs. Runs last, over all that the tests above said."""
    log = bot.said()
    for words in (
        "heliotrope",
        "vermilion",
        "Ten at once",
        "Ping them all",
        world.slack.bot_token,
        world.slack.app_token,
    ):
        assert words not in log
    assert world.claude.api_key not in log
    assert world.discord.bot_token not in log
    for request in world.claude.requests:
        if len(request.said) > 60:
            assert request.said[:60] not in log
    assert "Traceback" not in log
