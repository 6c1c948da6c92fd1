"""The app as one of Slack's agents, made from its opt-in manifest: the real bot with its real client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
import yaml

from bot import sentences
from sandbox.claude.choice import Request
from sandbox.claude.script import Script
from sandbox.record import Entry, Record
from sandbox.world import World
from tests.end_to_end.stage import ROOT, Bot, Chat

with_one_bot = pytest.mark.asyncio(loop_scope="module")

ADA, GRACE, _, MARGARET = range(4)
MANIFEST = ROOT / "deploy" / "slack-manifest-agent.yaml"
SLOWLY, QUICKLY = 60.0, 1_500.0  # characters a second


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    world.slack.install(yaml.safe_load(MANIFEST.read_text()))
    made = Bot(tmp_path_factory.mktemp("bot"), world.environment())
    await made.start(SLACK_AGENT="on")
    yield made
    await made.stop()


@pytest.fixture
def chat(world: World, bot: Bot) -> Chat:
    return Chat(world, "slack")


@dataclass(frozen=True)
class Tab:
    """Somebody at the Messages tab of the agent."""

    chat: Chat
    number: int

    @property
    def person(self) -> str:
        return self.chat.person(self.number)

    @property
    def direct(self) -> str:
        return self.chat.direct(self.number)

    async def ask(self, words: str, thread: str = "", *, speed: float = QUICKLY, length: int = 6) -> str:
        """A message of theirs; its answer will be like no other."""
        said = f"Answer {len(self.chat.world.claude.requests)}: {'it is as it is, ' * length}so it is."
        self.chat.world.claude.script(Script.say(said, speed=speed), when=words)
        return str(await self.chat.server.say(self.person, self.direct, words, thread=thread))

    async def answered(self, words: str, thread: str) -> Request:
        """Wait until the answer stands whole in the thread."""
        request = await self.chat.asked(words)

        def whole(record: Record) -> bool:
            shown = record.entries("shown", "slack", channel=self.direct, thread=thread)
            return bool(request.ended) and any(
                one["text"] == request.said and sentences.REGENERATE in one["controls"] for one in shown
            )

        await self.chat.world.record.wait(whole, within=20)
        return request

    def states(self, thread: str) -> list[str]:
        """What Slack has shown of the conversation, in order."""
        told = self.chat.world.record.entries("session", "slack", channel=self.direct, thread=thread)
        return [one["status"] for one in told if one["status"]]

    async def works(self, thread: str) -> None:
        """Wait until Slack shows that something is being done there."""
        await self.chat.world.record.wait(lambda _: self.states(thread)[-1:] == ["processing"], within=10)

    async def rests(self, thread: str) -> None:
        """Wait until Slack shows that nothing is being done there any more."""
        await self.chat.world.record.wait(lambda _: self.states(thread)[-1:] == ["active"], within=10)

    async def grows(self, thread: str) -> Entry:
        """Wait until some of the answer is seen."""

        def seen(record: Record) -> Entry | None:
            shown = record.entries("shown", "slack", channel=self.direct, thread=thread)
            return next((one for one in shown if sentences.STOP in one["controls"]), None)

        return await self.chat.world.record.wait(seen, within=10)

    def last(self, thread: str) -> str:
        shown = self.chat.world.record.entries("shown", "slack", channel=self.direct, thread=thread)
        return str(shown[-1]["text"]) if shown else ""

    async def stopped(self, thread: str) -> None:
        await self.chat.world.record.wait(lambda _: sentences.STOPPED in self.last(thread), within=5)


@with_one_bot
async def test_a_suggested_prompt_begins_a_conversation_with_a_title_and_a_state(chat: Chat) -> None:
    """As the manifest says them; Slack lists what was asked, and shows that the agent works and when it has done."""
    ada = Tab(chat, ADA)
    await chat.server.open_home(ada.person)
    prompts = yaml.safe_load(MANIFEST.read_text())["features"]["agent_view"]["suggested_prompts"]
    assert chat.server.prompts(ada.person) == [one["title"] for one in prompts]
    chat.world.claude.script(
        Script.say("In channels, mention me. " * 4, first_text=1.5), when="What can you do"
    )
    question = await chat.server.choose_prompt(ada.person, "What can you do?")
    request = await chat.asked("What can you do here")
    assert len(request.messages) == 1
    await ada.rests(question)
    assert ada.states(question) == ["processing", "active"]
    [session] = chat.server.sessions(ada.person)
    assert session["thread"] == question
    assert session["title"].startswith("What can you do here, and how do I use you")
    thinking = chat.world.record.entries("status", "slack", channel=ada.direct, thread=question)
    assert [one["text"] for one in thinking] == [sentences.THINKING, ""], "until there is something to read"
    assert ada.last(question) == "In channels, mention me. " * 3 + "In channels, mention me."


@with_one_bot
async def test_each_message_begins_a_conversation_and_what_is_said_in_its_thread_goes_on_with_it(
    chat: Chat,
) -> None:
    grace = Tab(chat, GRACE)
    first = await grace.ask("My number is seventeen.", speed=SLOWLY, length=10)
    await grace.grows(first)
    second = await grace.ask("My colour is teal.")
    await grace.answered("My colour is teal.", second)
    assert sentences.STOP in chat.world.record.entries("shown", "slack", thread=first)[-1]["controls"], (
        "one does not wait for the other"
    )
    await grace.answered("My number is seventeen.", first)
    await grace.ask("Which number was it?", first)
    asked = await grace.answered("Which number was it?", first)
    assert "seventeen" in str(asked.messages)
    assert "teal" not in str(asked.messages)
    await grace.rests(first)
    assert [one["title"] for one in chat.server.sessions(grace.person)] == [
        "My number is seventeen.",
        "My colour is teal.",
    ]


@with_one_bot
async def test_slacks_own_stop_button_stops_an_answer_that_grows_by_edits(chat: Chat) -> None:
    """It names no message, since no stream grows; and it is gone when the answer has ended."""
    ada = Tab(chat, ADA)
    question = await ada.ask("Talk on and on.", speed=SLOWLY, length=400)
    other = await ada.ask("Talk on beside it.", speed=SLOWLY, length=400)
    await ada.works(question)
    await ada.works(other)
    await chat.server.stop_session(ada.person, ada.direct, question)
    request = await chat.asked("Talk on and on.")
    await chat.world.record.wait(lambda _: bool(request.ended), within=2)
    await ada.stopped(question)
    await ada.rests(question)
    assert not (await chat.asked("Talk on beside it.")).ended, "the other conversation goes on"
    assert ada.states(other) == ["processing"]
    with pytest.raises(LookupError):
        await chat.server.stop_session(ada.person, ada.direct, question)
    await chat.server.stop_session(ada.person, ada.direct, other)
    await ada.rests(other)


@with_one_bot
async def test_slacks_own_stop_button_stops_an_answer_of_which_nothing_is_seen_yet(chat: Chat) -> None:
    margaret = Tab(chat, MARGARET)
    words = "Think about it for long."
    chat.world.claude.script(Script.say("At last.", first_text=60.0), when=words)
    question = str(await chat.server.say(margaret.person, margaret.direct, words))
    request = await chat.asked(words)
    await margaret.works(question)
    await chat.server.stop_session(margaret.person, margaret.direct, question)
    await chat.world.record.wait(lambda _: bool(request.ended), within=2)
    await margaret.stopped(question)
    await margaret.rests(question)


@with_one_bot
async def test_a_follow_up_that_waits_its_turn_is_work_until_it_is_answered(chat: Chat) -> None:
    margaret = Tab(chat, MARGARET)
    question = await margaret.ask("What is first?", speed=SLOWLY, length=10)
    await margaret.grows(question)
    await margaret.ask("And what is second?", question)
    await margaret.answered("And what is second?", question)
    await margaret.rests(question)
    with pytest.raises(LookupError):
        await chat.server.stop_session(margaret.person, margaret.direct, question)


@with_one_bot
async def test_an_agent_in_a_channel_is_as_any_app_there(chat: Chat) -> None:
    """No title, no session: a thread in a channel is nobody's conversation with it alone."""
    question = await chat.mention("And in a channel? #chars:200 #speed:900")
    await chat.settled(question)
    assert chat.world.record.entries("session", "slack", channel=chat.channel()) == []


@with_one_bot
async def test_nothing_that_the_agent_did_was_refused(chat: Chat) -> None:
    """With the manifest's scopes and events, and no more."""
    calls = chat.world.record.entries("call", "slack")
    assert {one["error"] for one in calls} == {""}
    assert {"agents.sessions.setStatus", "assistant.threads.setTitle"} <= {one["method"] for one in calls}


async def test_answers_that_grow_natively_are_stopped_by_slacks_own_button_too(
    own_world: World, own_bot: Bot
) -> None:
    own_world.slack.install(yaml.safe_load(MANIFEST.read_text()))
    await own_bot.start(SLACK_AGENT="on", SLACK_STREAMING="native")
    ada = Tab(Chat(own_world, "slack"), ADA)
    whole = await ada.ask("Say it all.")
    request = await ada.answered("Say it all.", whole)
    assert own_world.record.entries("shown", "slack", thread=whole, verb="append"), "it grew natively"
    await ada.rests(whole)
    assert ada.last(whole) == request.said
    question = await ada.ask("Talk on and on.", speed=SLOWLY, length=400)
    await ada.works(question)

    def grown(record: Record) -> bool:
        frames = record.entries("shown", "slack", thread=question)
        return len(frames) > 1 and frames[-1].at - frames[0].at > 3.0

    await own_world.record.wait(grown, within=20)
    assert set(ada.states(question)) == {"processing"}, "or else Slack would show no stop button"
    await own_world.slack.stop_session(ada.person, ada.direct, question)
    request = await ada.chat.asked("Talk on and on.")
    await own_world.record.wait(lambda _: bool(request.ended), within=2)
    await ada.rests(question)
    await ada.stopped(question)


async def test_an_app_that_is_no_agent_answers_all_the_same(own_world: World, own_bot: Bot) -> None:
    """The setting is on, and the app was made from the other manifest: Slack is not asked over and over."""
    await own_bot.start(SLACK_AGENT="on")
    ada = Tab(Chat(own_world, "slack"), ADA)
    methods = ("agents.sessions.setStatus", "assistant.threads.setTitle")

    def asked(record: Record) -> list[int]:
        return [len(record.entries("call", "slack", method=method)) for method in methods]

    for words in ("What is one?", "What is two?"):
        question = await ada.ask(words, speed=SLOWLY, length=8)
        await ada.answered(words, question)
        await own_world.record.wait(lambda record: all(asked(record)))
    assert asked(own_world.record) == [1, 1]
