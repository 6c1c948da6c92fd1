"""Forms, menus, commands and words: what people do besides asking, with the real clients, on both platforms."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot import sentences
from bot.translations import say
from sandbox.record import Entry, Record
from sandbox.world import World
from tests.end_to_end.hands import Hands
from tests.end_to_end.stage import Bot, Chat

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bot")]

ADA, GRACE, LINUS, MARGARET = range(4)
MENU_ASK, MENU_SUMMARIZE = "Ask Claude about this", "Summarize thread"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bot")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(world: World, folder: Path) -> AsyncIterator[Bot]:
    made = Bot(folder, world.environment())
    await made.start()
    yield made
    await made.stop()


def hands(chat: Chat, person: int) -> Hands:
    return Hands(chat, chat.person(person))


async def shown(chat: Chat, part: str, *, since: int, within: float = 20.0) -> str:
    """Wait until everybody can see something of the bot's with this in it; the message's id."""

    def found(record: Record) -> str | None:
        for entry in record.entries("shown", chat.name, author=chat.server.bot_id):
            if (
                entry.number >= since
                and not entry["ephemeral"]
                and part in entry["text"].replace("&lt;", "<")
            ):
                return str(entry["message"])
        return None

    return await chat.world.record.wait(found, within=within)


# ------------------------------------------------------------------------------------------------ settings


async def test_a_manager_gives_a_channel_a_role_and_a_manner_and_they_hold_there_alone(chat: Chat) -> None:
    """`/claude settings`: on Slack one form, on Discord choices that only the manager sees and a form for each group."""
    ada, random, general = hands(chat, ADA), chat.channel("random"), chat.channel()
    persona = f"You are the librarian of {chat.name}."
    await ada.set(random, persona=persona, growing=sentences.GROWING_DONE, footer=sentences.YES)
    here = await chat.mention("Who are you here? #chars:700 #speed:400", channel=random)
    there = await chat.mention("Who are you there? #chars:700 #speed:400", channel=general)
    text = await chat.settled(here)
    await chat.settled(there)
    asked = await chat.asked("Who are you here?")
    assert asked.body["system"].endswith(persona)
    assert len([frame for frame in chat.frames(here) if frame["text"]]) == 1, "all at once"
    assert asked.model in text.removeprefix(asked.said), "the footer"
    assert persona not in str((await chat.asked("Who are you there?")).body)
    assert len(chat.frames(there)) > 1, "it grows"
    # Opened again, the form shows what holds, and what is left as it is stays so.
    since = await ada.open_settings(random)
    stands = (
        await ada.form(since=since) if chat.name == "slack" else await ada.open_group("persona", since=since)
    )
    assert stands["persona"] == persona
    await ada.send(persona="")
    await ada.told(sentences.SETTINGS_SAVED, since=since)
    after = await chat.mention("And who now? #chars:200 #speed:900", channel=random)
    await chat.settled(after)
    assert persona not in str((await chat.asked("And who now?")).body)
    assert len([frame for frame in chat.frames(after) if frame["text"]]) == 1, "all at once, still"


async def test_a_setting_for_everywhere_holds_where_a_channel_has_none_of_its_own(chat: Chat) -> None:
    ada, general, random = hands(chat, ADA), chat.channel(), chat.channel("random")
    await ada.set(random, persona="The channel's own.")
    await ada.set(general, sentences.SETTINGS_WORKSPACE, persona="Everybody's.")
    for channel, says in ((general, "Everybody's."), (random, "The channel's own.")):
        question = await chat.mention(f"Whose rule in {channel}? #chars:100 #speed:900", channel=channel)
        await chat.settled(question)
        system = (await chat.asked(f"Whose rule in {channel}?")).body["system"]
        assert system.endswith(says)
        assert ("Everybody's." in system) == (says == "Everybody's.")
    await ada.set(random, persona="-")
    await ada.set(general, sentences.SETTINGS_WORKSPACE, persona="")


async def test_who_manages_nothing_is_told_so_and_sees_no_form(chat: Chat) -> None:
    margaret = hands(chat, MARGARET)
    since = margaret.now
    await margaret.order(chat.channel(), "settings")
    told = await margaret.told(sentences.SETTINGS_FOR_MANAGERS, since=since)
    assert told["controls"] == []


async def test_a_mistake_keeps_slacks_form_open_and_stands_at_its_field(world: World, bot: Bot) -> None:
    """Nothing is saved before all of it is right; what was typed stays; a form that was opened before a restart, too."""
    chat = Chat(world, "slack")
    ada, random = hands(chat, ADA), chat.channel("random")
    await ada.form(since=await ada.open_settings(random))
    await bot.stop()
    await bot.start()
    since = ada.now
    await ada.send(person_daily="a lot", channel_daily="2.50")

    def blamed(record: Record) -> dict[str, str] | None:
        told = [one for one in record.entries("view", "slack", verb="errors") if one.number >= since]
        return dict(told[0]["body"]) if told else None

    problem = sentences.MISTAKE_DOLLARS[0].upper() + sentences.MISTAKE_DOLLARS[1:]
    assert await world.record.wait(blamed) == {"person_daily": problem}
    await ada.order(random, "usage")
    assert "$2.50" not in (await ada.told(sentences.USAGE_CHANNEL, since=since))["text"]
    since = ada.now
    await ada.send(person_daily="")  # the other stands there still
    await ada.told(sentences.SETTINGS_SAVED, since=since)
    since = ada.now
    await ada.order(random, "usage")
    await ada.told("The limit is $2.50 a day.", since=since)
    await ada.set(random, channel_daily="")


async def test_a_mistake_in_one_field_is_told_and_the_others_are_saved(world: World) -> None:
    """Discord closes every form that is sent off: the sentence says which field, and its button leads back to it."""
    chat = Chat(world, "discord")
    ada, random = hands(chat, ADA), chat.channel("random")
    since = await ada.open_settings(random)
    await ada.open_group("person_daily", since=since)
    await ada.send(person_daily="a lot", channel_daily="2.50")
    told = await ada.told(sentences.MISTAKE_DOLLARS, since=since)
    assert sentences.FIELD_PERSON_DAILY in told["text"]
    assert sentences.SETTINGS_REST_SAVED in told["text"]
    order = ada.now
    await ada.order(random, "usage")
    await ada.told("The limit is $2.50 a day.", since=order)
    again = await ada.open_group("person_daily", since=since)
    assert again["person_daily"] == "a lot", "what is to be mended"
    assert again["channel_daily"] == "2.50"
    saved = ada.now
    await ada.send(person_daily="", channel_daily="")
    await ada.told(sentences.SETTINGS_SAVED, since=saved)


# ------------------------------------------------------------------------------------------------ a message's menu


async def test_ask_claude_about_this_asks_with_the_message_as_context(chat: Chat) -> None:
    """A form for the question; the answer stands with the message, in the asker's name."""
    await ask_about(chat, "aardvark")


async def test_a_form_that_was_opened_before_a_restart_still_knows_its_message(chat: Chat, bot: Bot) -> None:
    """The words that a question is about come back with the form, or are looked up once more: all of them."""
    await ask_about(chat, "pangolin", restarted=bot, more=" Look: größer & <größer>." * 120)


async def ask_about(chat: Chat, animal: str, *, restarted: Bot | None = None, more: str = "") -> None:
    """The whole way, from the menu of Linus's message to Grace's answer."""
    grace, channel = hands(chat, GRACE), chat.channel()
    said = f"The build is red since the {animal} commit.{more if chat.name == 'slack' else more[:1_500]} End of it."
    about = await chat.server.say(chat.person(LINUS), channel, said)
    since = grace.now
    await grace.menu(channel, about, MENU_ASK)
    form = await grace.form(since=since)
    assert form == {"": sentences.ASK_TITLE, "question": ""}
    if restarted is not None:
        await restarted.stop()
        await restarted.start()
    await grace.send(question=f"What broke the {animal} on {chat.name}? #chars:300 #speed:900")
    request = await chat.asked(f"What broke the {animal} on {chat.name}?")
    assert f"The question is about this message of Linus:\n\n> {said}" in request.question
    await chat.world.record.wait(lambda _: bool(request.ended), within=10)
    await shown(chat, request.said, since=since)
    announced = await shown(chat, f"What broke the {animal} on {chat.name}?", since=since)
    [frame] = chat.world.record.entries("shown", chat.name, message=announced)[:1]
    assert "Grace" in frame["text"]
    if chat.name == "slack":
        assert frame["thread"] == about, "in the message's thread"
    else:
        assert frame["reply_to"] == about


async def test_summarize_thread_reads_what_people_said_there(chat: Chat) -> None:
    """Words that were never said to the bot; nothing else of the channel."""
    grace, channel = hands(chat, GRACE), chat.channel()
    await chat.server.say(chat.person(ADA), channel, "Elsewhere: the ibex.")
    root = await chat.server.say(chat.person(LINUS), channel, "Shall we ship the ocelot?")
    last = root
    if chat.name == "slack":
        place = channel
        for person, words in ((MARGARET, "Not before the tests."), (LINUS, "Then on Friday.")):
            last = await chat.server.say(chat.person(person), channel, words, thread=root)
    else:
        place = await chat.server.start_thread(chat.person(LINUS), channel, "Shipping", message=root)
        for person, words in ((MARGARET, "Not before the tests."), (LINUS, "Then on Friday.")):
            last = await chat.server.say(chat.person(person), place, words)
    since = grace.now
    await grace.menu(place, last, MENU_SUMMARIZE)
    request = await chat.asked(sentences.SUMMARIZE_QUESTION)
    sent = str(request.messages)
    # A Discord thread's root stands in its channel.
    for words in ("Not before the tests.", "Then on Friday.", "Margaret"):
        assert words in sent
    if chat.name == "slack":
        assert "ocelot" in sent
    assert "ibex" not in sent
    assert sent.count("Then on Friday.") == 1
    await shown(chat, sentences.SUMMARY_OF_THREAD.format(name="Grace"), since=since)


# ------------------------------------------------------------------------------------------------ commands


async def test_usage_tells_each_person_their_own_and_managers_everybodys(chat: Chat) -> None:
    channel = chat.channel()
    await chat.settled(await chat.mention("What does it cost? #chars:4000 #speed:4000", person=MARGARET))
    for person, manages in ((MARGARET, False), (ADA, True)):
        one = hands(chat, person)
        since = one.now
        await one.order(channel, "usage")
        told = (await one.told("today", since=since))["text"]
        assert sentences.USAGE_YOU in told
        assert (sentences.USAGE_CHANNEL in told) == manages
        assert (sentences.USAGE_WORKSPACE in told) == manages


async def test_new_begins_a_conversation_that_remembers_nothing(chat: Chat) -> None:
    """In a direct message, where a conversation goes on for hours."""
    await chat.tell(MARGARET, "My number is seventeen. #chars:100 #speed:2000")
    assert "seventeen" in str((await chat.tell(MARGARET, "Which number? #chars:110 #speed:2000")).messages)
    margaret = hands(chat, MARGARET)
    since = margaret.now
    await margaret.order(chat.direct(MARGARET), "new")
    await chat.world.record.wait(
        lambda record: any(
            sentences.NEW_CONVERSATION in one["text"]
            for one in record.entries("shown", chat.name, channel=chat.direct(MARGARET))
            if one.number >= since
        )
    )
    assert "seventeen" not in str(
        (await chat.tell(MARGARET, "And which now? #chars:120 #speed:2000")).messages
    )


async def test_forget_me_asks_first_and_then_forgets_this_person_alone(chat: Chat, folder: Path) -> None:
    """What stands in the channels stays; what another has asked stays, too."""
    await chat.settled(
        await chat.mention("I am the one with the quokka. #chars:100 #speed:2000", person=GRACE)
    )
    await chat.settled(
        await chat.mention("I am the one with the numbat. #chars:100 #speed:2000", person=LINUS)
    )
    grace, channel = hands(chat, GRACE), chat.channel()

    def kept(word: str) -> bool:
        with sqlite3.connect(folder / "inkstream.sqlite3") as store:
            place = (f"%{chat.name}%",)
            rows = store.execute(
                "select text from turns join conversations on conversations.id = conversation"
                " where platform like ?",
                place,
            ).fetchall()
        return any(word in text for (text,) in rows)

    since = grace.now
    await grace.order(channel, "forget me" if chat.name == "slack" else "forget")
    asked = await grace.told(sentences.FORGET_QUESTION, since=since)
    assert kept("quokka"), "nothing is deleted before it is confirmed"
    since = grace.now
    await grace.press(asked, sentences.FORGET_YES)
    done = await grace.told(sentences.FORGOTTEN, since=since)
    assert done["id"] == asked["id"], "in the place of the question,"
    assert done["controls"] == [], "which nobody can answer again"
    assert not kept("quokka")
    assert kept("numbat")


async def test_a_thumb_down_asks_what_was_wrong_and_keeps_the_comment(chat: Chat, folder: Path) -> None:
    margaret = hands(chat, MARGARET)
    question = await chat.mention("Rate me. #chars:200 #speed:900")
    await chat.settled(question)
    [page] = chat.pages(question)
    message = margaret.message(page)
    assert message is not None
    since = margaret.now
    await margaret.press(message, sentences.BAD)
    assert (await margaret.form(since=since))[""] == sentences.FEEDBACK_TITLE
    await margaret.send(comment=f"Too short for {chat.name}.")
    await margaret.told(sentences.THANK_YOU, since=since)
    with sqlite3.connect(folder / "inkstream.sqlite3") as store:
        rows = store.execute("select person, verdict, comment from feedback").fetchall()
    assert (margaret.id, "bad", f"Too short for {chat.name}.") in rows
    assert len([one for one in rows if chat.name in one[2]]) == 1


# ------------------------------------------------------------------------------------------------ words


async def in_thread(chat: Chat, question: str, person: int, words: str) -> str:
    """Say something under an answer, without a mention unless the words have one."""
    page = chat.pages(question)[-1]
    more = {"thread": question} if chat.name == "slack" else {"reply_to": page["message"]}
    return str(await chat.server.say(chat.person(person), page["channel"], words, **more))


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("usage", sentences.USAGE_YOU),
        ("settings", sentences.SETTINGS_WHERE),
        ("help", "**Commands**"),  # as it is laid out, also where everybody sees it
        ("forget me", sentences.FORGET_QUESTION),
        ("new", sentences.NEW_CONVERSATION),
    ],
)
async def test_a_mention_with_an_order_does_what_the_command_does(chat: Chat, word: str, part: str) -> None:
    """Slack takes no custom commands in threads; and an order is never sent to Claude."""
    question = await chat.mention(f"Before the word {word}. #chars:150 #speed:900")
    await chat.settled(question)
    asked, since = len(chat.world.claude.requests), len(chat.world.record)
    await in_thread(chat, question, ADA, f"{chat.server.mention} {word}")
    if chat.name == "discord" and word in ("usage", "settings", "forget me"):
        # Without an interaction nothing can be shown to one person alone.
        part = f"/claude {word.removesuffix(' me')}"

    def answered(record: Record) -> bool:
        said = record.entries("shown", chat.name, author=chat.server.bot_id)
        return any(one.number >= since and part in one["text"] for one in said)

    await chat.world.record.wait(answered, within=15)
    assert len(chat.world.claude.requests) == asked


async def test_a_follow_up_needs_no_mention_and_another_persons_is_told_apart(chat: Chat) -> None:
    """And neither is answered in a thread where the bot takes no part."""
    question = await chat.mention("What is a yak? #chars:150 #speed:900")
    await chat.settled(question)
    follow_up = f"And how heavy, on {chat.name}? #chars:160 #speed:900"
    await in_thread(chat, question, MARGARET, follow_up)
    request = await chat.asked(f"And how heavy, on {chat.name}?")
    assert [one["role"] for one in request.messages] == ["user", "assistant", "user"]
    assert "Margaret: And how heavy" in request.question
    await chat.world.record.wait(lambda _: bool(request.ended), within=10)
    asked = len(chat.world.claude.requests)
    await chat.server.say(chat.person(LINUS), chat.channel(), "How heavy is a yak, anyone?")
    await chat.settled(await chat.mention("Is that all? #chars:100 #speed:900"))
    assert len(chat.world.claude.requests) == asked + 1


# ------------------------------------------------------------------------------------------------ buttons


@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
async def test_an_answer_that_was_gone_on_with_offers_it_no_more(
    chat: Chat, bot: Bot, *, restarted: bool
) -> None:
    """What follows has buttons of its own; the words above stay as they are."""
    with chat.paced(400) as hurry:
        question = await chat.mention("Tell me of the dugong. #chars:6000")
        await chat.growing(question)
        await chat.press(question, sentences.STOP)
        stopped = await chat.settled(question)
        page = chat.pages(question)[-1]
        assert sentences.CONTINUE in page["controls"]
        if restarted:
            await bot.stop()
            await bot.start()
        await chat.press(question, sentences.CONTINUE)

        def gone(_: Record) -> Entry | None:
            now = next(one for one in chat.pages(question) if one["message"] == page["message"])
            return now if now["controls"] == [sentences.AS_FILE, sentences.DELETE] else None

        after = await chat.world.record.wait(gone, within=15)
        assert after["text"] == page["text"]
        assert sentences.STOPPED in stopped
        request = await chat.asked(sentences.GOING_ON)
        hurry()
        await chat.world.record.wait(lambda _: bool(request.ended), within=30)


# ------------------------------------------------------------------------------------------------ languages


async def test_who_uses_slack_in_german_reads_german(world: World) -> None:
    """Linus: buttons, notices, forms and whispers; Claude's words are Claude's, and Ada still reads English."""
    chat = Chat(world, "slack")
    linus, channel = hands(chat, LINUS), chat.channel()

    def german(sentence: str, **values: object) -> str:
        return say("de", sentence, **values)

    question = await chat.mention("Warum? #chars:20000 #speed:200", person=LINUS)
    await world.record.wait(
        lambda _: any(german(sentences.STOP) in page["controls"] for page in chat.pages(question)), within=20
    )
    [page] = chat.pages(question)
    growing = linus.message(page)
    assert growing is not None
    await linus.press(growing, german(sentences.STOP))
    await world.record.wait(lambda _: german(sentences.STOPPED) in chat.text(question), within=10)
    [page] = chat.pages(question)
    assert german(sentences.REGENERATE) in page["controls"]
    assert german(sentences.CONTINUE) in page["controls"]
    stopped = linus.message(page)
    assert stopped is not None
    [delete] = [one for one in stopped["controls"] if one["label"] == german(sentences.DELETE)]
    assert delete["confirm"]["text"] == german(sentences.DELETE_QUESTION)
    assert delete["confirm"]["deny"] == german(sentences.DELETE_KEEP)
    since = linus.now
    await linus.order(channel, "usage")
    await linus.told(german(sentences.USAGE_YOU), since=since)
    since = linus.now
    await linus.order(channel, "settings")
    await linus.told(german(sentences.SETTINGS_FOR_MANAGERS), since=since)
    since = linus.now
    await chat.server.command(linus.id, channel, "ask", "Und wie? #chars:100 #speed:900")
    await shown(chat, german(sentences.ASKS, name="Linus"), since=since)
    since = linus.now
    await linus.menu(channel, question, MENU_ASK)
    assert (await linus.form(since=since))[""] == german(sentences.ASK_TITLE)
    english = await chat.mention("Why? #chars:100 #speed:900", person=ADA)
    await chat.settled(english)
    assert sentences.REGENERATE in chat.pages(english)[-1]["controls"]
