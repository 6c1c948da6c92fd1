"""Conversations that outgrow what Claude is to be told: the real bot with its real clients, on both platforms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from bot import sentences
from bot.conversation import history
from sandbox.claude.choice import Request
from sandbox.claude.script import Script
from sandbox.record import Entry, Record
from sandbox.world import World
from tests.end_to_end.stage import Bot, Chat

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bot")]

ADA, GRACE, LINUS = range(3)
# The budget is 1,000 tokens of three characters each: two exchanges of this size fit, three do not.
LENGTH = 1_100
SLOWLY = 20.0  # characters a second
TOPICS = ("aardvark", "bilby", "capybara", "dingo", "echidna", "fossa", "gerenuk")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    world.claude.speed = 4_000.0
    for topic in TOPICS:
        world.discord.state.add_channel(topic)
    made = Bot(tmp_path_factory.mktemp("bot"), world.environment())
    await made.start(INKSTREAM_HISTORY_TOKENS="1000")
    yield made
    await made.stop()


@dataclass(frozen=True)
class Turn:
    """A question with its answer. `below`: what stands under Claude's words."""

    question: str
    request: Request
    page: Entry
    below: str

    @property
    def sent(self) -> str:
        return str(self.request.messages)


@dataclass
class Talk:
    """One conversation, in a thread on Slack and in a chain of replies on Discord."""

    chat: Chat
    topic: str  # a channel of Discord's is called so, too, that nobody waits for another's messages
    turns: list[Turn] = field(default_factory=list)

    def words(self, number: int) -> str:
        return f"Question {number} of the {self.topic} on {self.chat.name}?"

    @property
    def channel(self) -> str:
        return self.chat.channel(self.topic if self.chat.name == "discord" else "general")

    async def say(self, number: int, person: int = ADA, *, under: int = -1) -> str:
        """The next question, under the last answer (or another one); its message."""
        if not self.turns:
            return await self.chat.mention(self.words(number), person=person, channel=self.channel)
        return await self.put(self.words(number), person, under=under)

    async def put(self, text: str, person: int = ADA, *, under: int = -1) -> str:
        """Any words there, without a mention."""
        page = self.turns[under].page
        more = {"thread": page["thread"]} if self.chat.name == "slack" else {"reply_to": page["message"]}
        return str(await self.chat.server.say(self.chat.person(person), page["channel"], text, **more))

    async def ask(self, number: int, person: int = ADA, *, under: int = -1) -> Turn:
        start = f"Answer {number} of the {self.topic} on {self.chat.name}: "
        self.chat.world.claude.script(start + "so it is. " * (LENGTH // 10), when=self.words(number))
        question = await self.say(number, person, under=under)
        turn = await self.answered(question, self.words(number))
        self.turns.append(turn)
        return turn

    async def answered(self, question: str, words: str) -> Turn:
        """Wait until the answer to it stands there whole."""
        request = await self.chat.asked(words)

        def whole(record: Record) -> Entry | None:
            shown = record.entries("shown", self.chat.name, author=self.chat.server.bot_id)
            if not request.ended:
                return None
            return next(
                (
                    one
                    for one in reversed(shown)
                    if request.said.strip() in one["text"] and sentences.REGENERATE in one["controls"]
                ),
                None,
            )

        page = await self.chat.world.record.wait(whole, within=20)
        return Turn(question, request, page, str(page["text"]).replace(request.said.strip(), ""))

    @property
    def summaries(self) -> list[Request]:
        """The requests for a summary of this conversation."""
        return [
            one
            for one in self.chat.world.claude.requests
            if history.SUMMARISE in one.question
            and f"of the {self.topic} on {self.chat.name}" in str(one.messages)
        ]

    def summary(self, text: str, **more: Any) -> str:
        """What Claude is to say to the next request for one."""
        self.chat.world.claude.script(Script.say(text, **more), when=history.SUMMARISE)
        return text


async def test_the_oldest_turns_are_summarised_once_and_it_says_so(chat: Chat) -> None:
    """What comes later carries the summary in the place of the oldest turns, word for word the same each time."""
    talk = Talk(chat, "aardvark")
    made = talk.summary("They spoke of an animal, twice.")
    for number in range(4):
        await talk.ask(number, (ADA, GRACE)[number % 2])
    marked = [sentences.SUMMARISED in turn.below for turn in talk.turns]
    assert marked == [False, False, False, True]
    [summary] = talk.summaries
    third = talk.turns[2].request
    assert summary.messages[:4] == third.messages[:4], "asked with what Claude has in its cache"
    assert summary.body["system"] == third.body["system"]
    assert [one["role"] for one in summary.messages] == ["user", "assistant"] * 2 + ["user"]
    last = talk.turns[3].request
    begins = str(last.messages[0]["content"])
    assert begins.startswith(history.SUMMARY.format(text=made))
    assert talk.words(2) in begins
    for number in range(2):
        assert talk.words(number) not in str(last.messages)
    later = await talk.ask(4)
    assert sentences.SUMMARISED not in later.below
    assert later.request.messages[:3] == last.messages
    assert len(talk.summaries) == 1
    assert sentences.SUMMARISED not in later.sent, "our own words are never told"


async def test_where_no_summary_is_had_the_answer_comes_and_says_what_it_lacks(chat: Chat) -> None:
    talk = Talk(chat, "bilby")
    for number in range(3):
        await talk.ask(number)
    chat.world.claude.fault("empty", when=history.SUMMARISE)
    without = await talk.ask(3)
    assert sentences.HISTORY_LEFT_OUT in without.below
    assert talk.words(0) not in without.sent
    assert talk.words(2) in without.sent
    made = talk.summary("They spoke of a marsupial.")
    again = await talk.ask(4)
    assert sentences.SUMMARISED in again.below, "nothing is lost for good"
    assert made in again.sent
    assert talk.words(0) in str(talk.summaries[-1].messages)


async def test_a_long_thread_that_the_bot_comes_into_is_summarised(chat: Chat) -> None:
    talk = Talk(chat, "capybara")
    made = talk.summary("Ten lines about a rodent.")
    lines = [f"Line {number} of the capybara on {chat.name}. " + "It swims. " * 30 for number in range(10)]
    root = str(await chat.server.say(chat.person(LINUS), talk.channel, lines[0]))
    place = talk.channel
    more: dict[str, Any] = {"thread": root}
    if chat.name == "discord":
        place = await chat.server.start_thread(chat.person(LINUS), talk.channel, "Rodents", message=root)
        more = {}
    for number, line in enumerate(lines[1:], 1):
        await chat.server.say(chat.person((LINUS, GRACE)[number % 2]), place, line, **more)
    question = await chat.mention("So what is it, then?", channel=place, **more)
    turn = await talk.answered(question, "So what is it, then?")
    assert sentences.SUMMARISED in turn.below
    assert history.SUMMARY.format(text=made) in turn.sent.replace("\\n", "\n")
    assert "It swims." not in turn.sent
    [summary] = talk.summaries
    told = str(summary.messages)
    places = [told.find(f"Line {number} of") for number in range(1, 10)]
    assert places == sorted(places)
    assert -1 not in places


async def test_a_stop_while_a_summary_is_made_ends_that_at_once(chat: Chat) -> None:
    talk = Talk(chat, "dingo")
    for number in range(3):
        await talk.ask(number)
    talk.summary("They spoke of a dog. " * 20, speed=SLOWLY)
    await talk.say(3)
    await chat.world.record.wait(lambda _: bool(talk.summaries and talk.summaries[0].said), within=10)
    since = len(chat.world.record)
    await talk.put("stop")
    [summary] = talk.summaries

    def stopped(record: Record) -> bool:
        shown = record.entries("shown", chat.name, author=chat.server.bot_id)
        return any(one.number >= since and sentences.STOPPED in one["text"] for one in shown)

    await chat.world.record.wait(lambda _: bool(summary.ended), within=5)
    assert summary.ended == "closed by client"
    await chat.world.record.wait(stopped, within=5)
    assert not any(talk.words(3) in one.question for one in chat.world.claude.requests)


async def edit(talk: Talk, number: int, words: str) -> None:
    """Whoever asked changes the words of a question; the bot was addressed in the first one alone."""
    chat, turn = talk.chat, talk.turns[number]
    text = words if number else f"{chat.server.mention} {words}"
    await chat.server.change(chat.person(), turn.page["channel"], turn.question, text)


async def test_a_question_that_is_edited_while_it_is_summarised_is_summarised_in_its_new_words(
    chat: Chat,
) -> None:
    talk = Talk(chat, "fossa")
    for number in range(3):
        await talk.ask(number)
    stale = talk.summary("They spoke in the old words.", speed=SLOWLY)
    fresh = talk.summary("They spoke in the new words.")
    await talk.say(3)
    await chat.world.record.wait(lambda _: bool(talk.summaries and talk.summaries[0].said), within=10)
    changed = f"Rather this of the fossa on {chat.name}!"
    await edit(talk, 1, changed)
    turn = await talk.answered("", talk.words(3))
    assert sentences.SUMMARISED in turn.below
    assert fresh in turn.sent
    assert stale not in turn.sent
    first, second = (str(one.messages) for one in talk.summaries)
    assert talk.words(1) in first
    assert talk.words(1) not in second
    assert changed in second
    anew = await talk.answered("", changed)
    assert anew.page["message"] == talk.turns[1].page["message"], "and it is answered anew, in its place"


async def test_what_is_edited_after_it_was_summarised_is_summarised_again(chat: Chat) -> None:
    talk = Talk(chat, "gerenuk")
    stale = talk.summary("They spoke in the old words.")
    for number in range(4):
        await talk.ask(number)
    assert stale in talk.turns[3].sent
    changed = f"Rather this of the gerenuk on {chat.name}!"
    await edit(talk, 0, changed)
    anew = await talk.answered("", changed)
    assert anew.page["message"] == talk.turns[0].page["message"]
    fresh = talk.summary("They spoke in the new words.")
    turn = await talk.ask(4)
    assert fresh in turn.sent
    assert stale not in turn.sent
    assert stale not in str(talk.summaries[-1].messages)
    assert changed in str(talk.summaries[-1].messages)


async def test_a_reply_to_an_older_answer_has_its_words_and_not_the_summary(world: World) -> None:
    """Discord: it goes on from there, in a conversation of its own."""
    talk = Talk(Chat(world, "discord"), "echidna")
    made = talk.summary("They spoke of a monotreme.")
    for number in range(4):
        await talk.ask(number)
    assert made in talk.turns[-1].sent
    fork = await talk.ask(9, GRACE, under=1)
    assert made not in fork.sent
    assert [talk.words(number) in fork.sent for number in range(4)] == [True, True, False, False]
