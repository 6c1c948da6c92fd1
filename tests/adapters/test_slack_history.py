"""What came before a question on Slack, and what people in it are called, read from the sandbox's server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError

from adapters.slack.dialect import SlackDialect
from adapters.slack.events import Identity
from adapters.slack.history import MOST_PAGES, line, read_thread
from adapters.slack.names import Names
from adapters.slack.platform import SlackPlatform
from bot.ports import Bucket, Content, Control, Incoming, Line, Person, Place, Ref, Sent
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Entry, Record
from sandbox.slack.server import SlackServer

GENERAL, ADA, GRACE, LINUS = "C0GENERAL", "U0ADA", "U0GRACE", "U0LINUS"
REPLIES, INFO = "conversations.replies", "users.info"
ME = Identity("T1", "UBOT", "BBOT")


class Meter:
    def spent(self, bucket: Bucket) -> None: ...
    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None: ...
    def refused(self, bucket: Bucket, retry_after: float) -> None: ...


class Workspace:
    """The sandbox's Slack and the adapter in it."""

    def __init__(self) -> None:
        clock = Clock()
        self.record = Record(clock)
        self.server = SlackServer(clock, Limits(), self.record)
        self.platform: SlackPlatform

    async def connect(self) -> None:
        await self.server.start()
        self.platform = SlackPlatform(
            bot_token=self.server.bot_token, app_token=self.server.app_token, api_url=self.server.api_url
        )
        await self.platform.connect(Meter())
        self._events = self.platform.events().__aiter__()
        await self.record.wait(lambda _: self.server.connections == 2)

    async def next(self, text: str) -> Incoming:
        """The next question with this text."""
        async with asyncio.timeout(10):
            while True:
                event = await anext(self._events)
                if isinstance(event, Incoming) and event.text == text:
                    return event

    async def ask(self, text: str = "well?", *, thread: str = "") -> Incoming:
        await self.server.say(LINUS, GENERAL, f"{self.server.mention} {text}", thread=thread)
        return await self.next(text)

    async def answer(self, place: Place, text: str) -> Ref:
        """An answer as it stands when it was stopped: with a notice and its button."""
        notice = SlackDialect().notice("Stopped.")
        content = Content(f"{text}\n\n{notice}", (Control.STOP,), "r1")
        sent = await self.platform.post(place, content, key="k1")
        assert isinstance(sent, Sent)
        return sent.ref

    async def history(self, question: Incoming, limit: int = 50) -> list[Line]:
        return list(await self.platform.history(question, limit=limit))

    def calls(self, method: str) -> list[Entry]:
        return self.record.entries("call", "slack", method=method)


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    workspace = Workspace()
    await workspace.connect()
    yield workspace
    await workspace.platform.close()
    await workspace.server.stop()


def told(lines: Sequence[Line]) -> list[tuple[str, str]]:
    return [(one.person.name, one.text) for one in lines]


# ---------------------------------------------------------------------------------------------------- threads


async def test_a_thread_is_read_in_order_by_name_and_with_files(slack: Workspace) -> None:
    """Our own words come without notice and button; the question itself is not among them."""
    root = await slack.server.say(
        ADA, GENERAL, "the *build* is red, <@U0GRACE>", files=[("log.txt", b"boom")]
    )
    await slack.server.say(GRACE, GENERAL, "since `main` & <https://a.b|this>?", thread=root)
    await slack.server.say(GRACE, GENERAL, "unrelated")
    first = await slack.ask("why?", thread=root)
    ours = await slack.answer(first.place, "Because 1 &lt; 2.")
    question = await slack.ask(thread=root)
    assert question.threaded
    lines = await slack.history(question)
    assert told(lines) == [
        ("Ada", "the *build* is red, @Grace"),
        ("Grace", "since `main` & [this](https://a.b)?"),
        ("Linus", "why?"),
        ("claude", "Because 1 < 2."),
    ]
    assert [one.ours for one in lines] == [False, False, False, True]
    assert [one.message for one in lines[::3]] == [Ref(GENERAL, root), ours]
    [file] = lines[0].files
    assert (file.name, file.mime, file.size) == ("log.txt", "text/plain", 4)
    assert file.url.startswith(slack.server.url)


async def test_of_a_long_thread_the_newest_are_read_and_the_root(slack: Workspace) -> None:
    """Slack gives the oldest first: a thread of more than a page is read to its end."""
    root = await slack.server.say(ADA, GENERAL, "what it is about")
    for number in range(250):
        await slack.server.say(GRACE, GENERAL, f"message {number}", thread=root)
    question = await slack.ask(thread=root)
    lines = await slack.history(question, 101)
    assert [one.text for one in lines] == [
        "what it is about",
        *(f"message {number}" for number in range(150, 250)),
    ]
    assert len(slack.calls(REPLIES)) == 2
    assert [one.text for one in await slack.history(question, 1)] == ["what it is about"]
    assert len(await slack.history(question, 1_000)) == 251


async def test_a_question_at_top_level_has_no_history(slack: Workspace) -> None:
    """Other people's talk in the channel is nobody's context; nor is Slack asked."""
    await slack.server.say(GRACE, GENERAL, "something private")
    question = await slack.ask()
    assert not question.threaded
    assert await slack.history(question) == []
    assert slack.calls(REPLIES) == []


async def test_people_who_came_late_to_an_older_question_are_not_in_its_past(slack: Workspace) -> None:
    """What is read is what stood there when it was asked."""
    root = await slack.server.say(ADA, GENERAL, "root")
    question = await slack.ask(thread=root)
    await slack.server.say(GRACE, GENERAL, "too late", thread=root)
    assert told(await slack.history(question)) == [("Ada", "root")]


# ---------------------------------------------------------------------------------------------------- faults


async def test_a_short_refusal_is_waited_for(slack: Workspace) -> None:
    """Slack counts in whole seconds."""
    root = await slack.server.say(ADA, GENERAL, "root")
    question = await slack.ask(thread=root)
    slack.server.faults.fault(REPLIES, retry_after=1.0)
    assert told(await slack.history(question)) == [("Ada", "root")]


async def test_a_long_refusal_is_not(slack: Workspace) -> None:
    """Somebody waits for an answer: what has come so far has to do."""
    root = await slack.server.say(ADA, GENERAL, "root")
    for number in range(201):
        await slack.server.say(GRACE, GENERAL, f"message {number}", thread=root)
    question = await slack.ask(thread=root)
    slack.server.faults.fault(REPLIES, delay=0.001)  # the first page as usual
    slack.server.faults.fault(REPLIES, times=9, retry_after=60.0)
    async with asyncio.timeout(5):
        lines = await slack.history(question, 500)
    assert [one.text for one in lines] == ["root", *(f"message {n}" for n in range(199))]


@pytest.mark.parametrize("error", ["missing_scope", "not_in_channel", "thread_not_found"])
async def test_a_thread_that_may_not_be_read_is_empty_at_once(slack: Workspace, error: str) -> None:
    """Slack's no is a no: it is asked once, and the question is answered without."""
    root = await slack.server.say(ADA, GENERAL, "root")
    question = await slack.ask(thread=root)
    slack.server.faults.fault(REPLIES, times=9, error=error)
    assert await slack.history(question) == []
    assert len(slack.calls(REPLIES)) == 1


async def test_a_slack_at_fault_is_asked_once_more(slack: Workspace) -> None:
    """One bad answer is weather, two are a reason to go on without."""
    root = await slack.server.say(ADA, GENERAL, "root")
    question = await slack.ask(thread=root)
    slack.server.faults.fault(REPLIES, status=503)
    assert told(await slack.history(question)) == [("Ada", "root")]
    slack.server.faults.fault(REPLIES, times=2, status=503)
    assert await slack.history(question) == []


class Meagre:
    """conversations.replies for an app that is sold outside the Marketplace: 15 messages a call, one call a minute;
    each page begins with the root.
    """

    def __init__(self, messages: list[Any], *, calls: int) -> None:
        self.messages = messages
        self.left = calls
        self.asked: list[dict[str, Any]] = []

    async def conversations_replies(self, **said: Any) -> Any:
        self.asked.append(said)
        if not self.left:
            raise SlackApiError("", Response({"ok": False, "error": "ratelimited"}, 429))  # type: ignore[no-untyped-call]  # the SDK's
        self.left -= 1
        start = int(said["cursor"] or 1)
        page = [self.messages[0], *self.messages[start : start + 14]]
        more = str(start + 14) if start + 14 < len(self.messages) else ""
        return Response({"ok": True, "messages": page, "response_metadata": {"next_cursor": more}}, 200)

    async def users_info(self, user: str, **_: Any) -> Any:
        return Response({"ok": True, "user": {"name": user.lower()}}, 200)


class Response:
    def __init__(self, data: Any, status_code: int) -> None:
        self.data = data
        self.status_code = status_code
        self.headers = {"Retry-After": "60"} if status_code == 429 else {}


def spoken(number: int) -> dict[str, Any]:
    return {"ts": f"{number}.000001", "user": "U1", "text": f"m{number}"}


async def read(client: Any, **more: Any) -> list[Line]:
    names = Names(client)
    settings = {"root": "1.000001", "before": "", "limit": 50, **more}
    try:
        return await read_thread(client, channel="C1", me=ME, names=names, **settings)
    finally:
        await names.close()


async def test_where_slack_gives_fifteen_messages_a_minute_those_are_what_is_read() -> None:
    """The second call is refused for a minute, which nobody waits for; with more calls, all are read, the root once."""
    messages = [spoken(n) for n in range(1, 41)]
    lines = await read(Meagre(messages, calls=1))
    assert told(lines) == [("u1", f"m{n}") for n in range(1, 16)]
    lines = await read(Meagre(messages, calls=9))
    assert [one.text for one in lines] == [f"m{n}" for n in range(1, 41)]


async def test_a_cursor_without_end_ends() -> None:
    """A server that always has one page more."""
    client = Meagre([spoken(1)] * 100_000, calls=1_000)
    assert told(await read(client)) == [("u1", "m1")]
    assert len(client.asked) == MOST_PAGES


LEAF = st.none() | st.booleans() | st.integers() | st.sampled_from(["1.000001", "2.0", "U1", "UBOT", "bot_message"])  # fmt: skip
KEYS = ["ts", "user", "text", "subtype", "bot_id", "bot_profile", "user_profile", "username", "name", "profile", "blocks", "hidden", "files", "id"]  # fmt: skip
ANYTHING = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=100)
@given(st.lists(ANYTHING, min_size=1, max_size=4))
def test_no_answer_is_fatal(messages: list[Any]) -> None:
    """Wrong types everywhere: lines or none."""
    asyncio.run(read(Meagre(messages, calls=9)))
    for one in messages:
        if isinstance(one, dict):
            line(one, "C1", ME, lambda _: "")


def test_what_says_nothing_is_no_line() -> None:
    """A notice alone, a tombstone's like, a message without an identity."""

    def made(**said: Any) -> Line | None:
        return line({"ts": "1.0", "user": "U1", **said}, "C1", ME, lambda _: "")

    assert made(user="UBOT", text="_Stopped._") is None
    assert made(text="") is None
    assert made(ts=1.0, text="x") is None
    assert made(text="x") == Line(Ref("C1", "1.0"), Person("U1"), "x")
    robot = made(user="", bot_id="B9", username="CI", text="red")
    assert robot == Line(Ref("C1", "1.0"), Person("B9", "CI"), "red")


# ---------------------------------------------------------------------------------------------------- names


async def test_people_mentioned_in_a_question_are_named_in_it(slack: Workspace) -> None:
    """The first time somebody is mentioned their name is looked up before the question is handed on."""
    await slack.server.say(ADA, GENERAL, f"{slack.server.mention} ask <@U0GRACE> or <@U0LINUS>")
    await slack.next("ask @Grace or @Linus")
    assert len(slack.calls(INFO)) == 3, "and that of who asks"
    await slack.server.say(ADA, GENERAL, f"{slack.server.mention} again <@U0GRACE>")
    await slack.next("again @Grace")
    assert len(slack.calls(INFO)) == 3


async def test_a_slow_slack_holds_no_question_up(slack: Workspace) -> None:
    """Half a second at most, then the id has to do; questions keep their order."""
    slack.server.faults.fault(INFO, times=9, delay=30.0)
    await slack.server.say(ADA, GENERAL, f"{slack.server.mention} ask <@U0GRACE>")
    await slack.server.say(ADA, GENERAL, f"{slack.server.mention} second")
    async with asyncio.timeout(5):
        first = await slack.next("ask @U0GRACE")
        assert (await slack.next("second")).key > first.key


async def test_a_refused_look_up_quietens_the_others(slack: Workspace) -> None:
    """Slack counts users.info for all people together: after one 429 nobody is asked for until it is over."""
    slack.server.faults.fault(INFO, times=9, retry_after=60.0)
    for _ in range(3):
        await slack.server.say(ADA, GENERAL, f"{slack.server.mention} ask <@U0GRACE>")
        await slack.next("ask @U0GRACE")
        assert await slack.platform.name(Person(LINUS)) == ""
    assert len(slack.calls(INFO)) == 2, "side by side, of who asks and of who is mentioned"


async def test_channels_and_groups_are_named_where_the_app_may_look(slack: Workspace) -> None:
    """Slack's text often has their ids alone; without the scope the id stays, and Slack is asked once an hour."""
    group = f"{slack.server.mention} tell <!subteam^S0EDITORS> in <#C0RANDOM>"
    slack.server.scopes.discard("usergroups:read")
    await slack.server.say(ADA, GENERAL, group)
    await slack.next("tell @subteam in #random")
    await slack.server.say(ADA, GENERAL, group)
    await slack.next("tell @subteam in #random")
    assert len(slack.calls("usergroups.list")) == 1


async def test_a_group_is_named_by_its_handle(slack: Workspace) -> None:
    """All groups come in one answer; one that is not among them is not asked for again and again."""
    for _ in range(2):
        await slack.server.say(
            ADA, GENERAL, f"{slack.server.mention} <!subteam^S0EDITORS>, <!subteam^S0NONE>!"
        )
        await slack.next("@editors, @subteam!")
    assert len(slack.calls("usergroups.list")) == 1
