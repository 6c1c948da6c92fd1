"""The whole process from its first connection to its exit code, with a platform and a Claude in memory and a real store."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import sentences
from bot.app import App
from bot.claude.events import Done
from bot.ports import ConnectError, Event, Health, Incoming, Meter, Person, Place, Profile
from bot.reply.outbox import Outbox
from bot.service import logs
from bot.store.nouns import Question
from bot.store.store import Store
from tests.conversation.stage import DIALECT, Chat, FakeClaude, growing, settings

WORDS = "The quick brown fox jumps over the lazy dog and rests. " * 5
SOON = 10.0  # seconds within which a condition holds; nothing here takes a second on a machine at rest


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait for a condition, not for a time."""
    try:
        async with asyncio.timeout(SOON):
            while not condition():  # noqa: ASYNC110 - what is waited for belongs to others, who tell nobody
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"it never came to pass: {what or condition}") from None


@dataclass
class Town(Chat):
    """A platform whose people speak through `hear`."""

    name_: str = "fake"
    call: float = 0.005
    status_takes: float = 0.0
    connects: Callable[[], object] | None = None
    closes: Callable[[], object] | None = None
    # Raised once by `events`, before it goes on.
    trips: list[BaseException] = field(default_factory=list)
    closed_times: int = 0
    listened: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.connected = False

    @property
    def profile(self) -> Profile:
        return Profile(self.name_, self.page_limit, DIALECT, 8.0)

    async def connect(self, meter: Meter) -> None:
        if self.connects is not None:
            made = self.connects()
            if asyncio.iscoroutine(made):
                await made
        await super().connect(meter)
        self.connected = True

    async def close(self) -> None:
        self.closed_times += 1
        self.connected = False
        if self.closes is not None and self.closed_times == 1:
            made = self.closes()
            if asyncio.iscoroutine(made):
                await made
        await super().close()

    async def events(self) -> AsyncIterator[Event]:
        self.listened += 1
        while (event := await self._events.get()) is not None:
            yield event
            if self.trips:
                raise self.trips.pop()

    def health(self) -> Health:
        return Health(ready=self.connected)

    def hear(self, text: str, thread: str = "1") -> None:
        place = Place(self.name_, "T1", "C1", thread=thread)
        key = f"{self.name_}:{thread}:{text}"
        self._events.put_nowait(
            Incoming(key, Person("U1", "Ada"), text, "mention", place, f"thread:C1:{thread}")
        )

    def end_events(self) -> None:
        self._events.put_nowait(None)


@dataclass
class Process:
    """An App that runs in a task, as its operator sees it."""

    folder: Path
    claude: FakeClaude
    caplog: pytest.LogCaptureFixture
    options: dict[str, Any]
    task: asyncio.Task[int] | None = None

    def start(self, *towns: Town, **more: str) -> None:
        database = f"sqlite:///{self.folder}/s.sqlite3"
        made = settings(**{"DATABASE_URL": database, "DRAIN_SECONDS": "30"} | self.options | more)
        self.task = asyncio.create_task(App(made, towns).run())

    async def ended(self, within: float = SOON) -> int:
        assert self.task is not None
        async with asyncio.timeout(within):
            return await asyncio.shield(self.task)

    def signal(self, number: int = signal.SIGTERM) -> None:
        os.kill(os.getpid(), number)

    async def stop(self) -> int:
        self.signal()
        return await self.ended()

    def logged(self, event: str) -> bool:
        return event in self.caplog.messages

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self.folder / "s.sqlite3") as store:
            return store.execute(query).fetchall()


@pytest.fixture
async def process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Process]:
    caplog.set_level("INFO")
    claude = FakeClaude(*growing(WORDS, seconds=0.2, step=0.02))
    monkeypatch.setattr("bot.app.Claude", lambda **_: claude)
    made = Process(tmp_path, claude, caplog, {})
    yield made
    if made.task is not None and not made.task.done():
        made.task.cancel()
        await asyncio.gather(made.task, return_exceptions=True)


@pytest.fixture(autouse=True)
def hidden() -> Iterator[set[str]]:
    """The log's memory of secrets is the process's."""
    before = set(logs._hidden)
    yield logs._hidden
    logs._hidden.clear()
    logs._hidden.update(before)


# ------------------------------------------------------------------------------------------------ serving


async def test_it_answers_and_ends_in_order_at_a_signal(process: Process) -> None:
    town = Town()
    process.start(town)
    town.hear("Why?")
    await until(lambda: town.texts() == [WORDS.strip()])
    await until(lambda: process.rows("select state from replies") == [("shown",)])
    assert await process.stop() == 0
    assert process.logged("app.ended")
    assert town.closed_times >= 1
    assert not [record for record in process.caplog.records if record.levelname in ("ERROR", "CRITICAL")]


async def test_it_hides_its_settings_secrets_from_the_log(process: Process, hidden: set[str]) -> None:
    process.start(Town(), ANTHROPIC_API_KEY="another-servers-key", SLACK_BOT_TOKEN="xoxb-bot-token")
    await until(lambda: {"another-servers-key", "xoxb-bot-token"} <= hidden)
    assert await process.stop() == 0


async def test_an_adapter_whose_events_break_is_listened_to_again(process: Process) -> None:
    """A bug in an adapter costs an event, not the bot; nor do events that end."""
    town = Town(trips=[ZeroDivisionError()])
    process.start(town)
    town.hear("One?", "1")
    await until(lambda: town.thread("1") == [WORDS.strip()])
    assert process.logged("platform.events_failed")
    town.hear("Two?", "2")
    await until(lambda: town.thread("2") == [WORDS.strip()])
    town.end_events()
    town.hear("Three?", "3")
    await until(lambda: town.thread("3") == [WORDS.strip()])
    assert town.listened == 3
    assert await process.stop() == 0


async def test_what_the_budgets_learned_outlives_the_process(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored: list[object] = []
    monkeypatch.setattr(Outbox, "restore", lambda _self, learned, _elapsed: restored.append(dict(learned)))
    for number in range(2):
        town = Town(headers=True)
        process.start(town)
        town.hear("Why?", f"{number}")
        await until(town.texts)
        assert await process.stop() == 0
    [learned] = restored
    assert learned


async def test_what_is_old_is_forgotten_while_it_answers(process: Process) -> None:
    """In parts of a few hundred rows, from the first minute on; today's words stay."""
    store = await Store.open(f"sqlite:///{process.folder}/s.sqlite3")
    for number in range(60):
        place, anchors = Place("fake", "T1", "C1", thread=f"old{number}"), [f"old{number}"]
        asked = Question(f"key{number}", anchors, anchors, place, "U1", "Ada", "OLD?")
        await store.begin(asked, reply=f"old{number}", model="m", silence=1.0, now=1000.0)
        await store.closed(f"old{number}", "shown", now=1000.0)
    await store.close()
    town = Town()
    process.start(town, INKSTREAM_KEEP_DAYS="1")
    town.hear("Why?")
    await until(lambda: town.texts() == [WORDS.strip()])
    await until(lambda: process.rows("select text from turns where role = 'user'") == [("Why?",)])
    await until(lambda: process.logged("store.old_forgotten"))
    assert process.rows("select distinct conversation from replies") == [(61,)]
    assert await process.stop() == 0


# ------------------------------------------------------------------------------------------------ not starting


def refuse() -> None:
    raise ConnectError("SLACK_BOT_TOKEN is refused: invalid_auth")


def trip() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("other", ["serving", "still connecting"])
async def test_a_platform_that_will_not_have_us_ends_the_process(process: Process, other: str) -> None:
    """Code 1 and one sentence; the other platform is closed in order, and nothing is waited for."""
    hangs = Town(name_="other", connects=(lambda: asyncio.sleep(3600)) if other != "serving" else None)
    process.start(Town(connects=refuse), hangs)
    assert await process.ended() == 1
    [reason] = [vars(record)["reason"] for record in process.caplog.records if record.levelname == "CRITICAL"]
    assert reason == "SLACK_BOT_TOKEN is refused: invalid_auth"
    assert hangs.closed_times >= 1


async def test_a_platform_that_is_refused_late_interrupts_what_grows_elsewhere(process: Process) -> None:
    """Whoever asked meanwhile is told."""
    gate = asyncio.Event()

    async def late() -> None:
        await gate.wait()
        refuse()

    town = Town()
    process.claude.will("Why", *growing(WORDS, seconds=600))
    process.start(town, Town(name_="other", connects=late))
    town.hear("Why?")
    await until(town.texts)
    gate.set()
    assert await process.ended() == 1
    assert town.texts()[0].endswith(DIALECT.notice(sentences.INTERRUPTED))


async def test_an_adapter_that_breaks_while_connecting_ends_the_process_in_order(process: Process) -> None:
    town = Town(name_="other")
    process.start(Town(connects=trip), town)
    assert await process.ended() == 1
    assert process.logged("platform.connect_failed")
    assert process.logged("app.cannot_connect")
    assert town.closed_times >= 1


async def test_a_taken_health_port_is_one_sentence(process: Process) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process.start(Town(), HEALTH_PORT=str(port))
        assert await process.ended() == 1
    [record] = [record for record in process.caplog.records if record.levelname == "CRITICAL"]
    assert (record.message, record.exc_info) == ("app.cannot_start", None)
    assert f"127.0.0.1:{port}" in vars(record)["reason"]


async def test_a_database_that_is_none_is_one_sentence(process: Process) -> None:
    (process.folder / "s.sqlite3").write_bytes(
        b"not a database at all, though long enough to be read as one" * 50
    )
    process.start(Town())
    assert await process.ended() == 1
    [record] = [record for record in process.caplog.records if record.levelname == "CRITICAL"]
    assert (record.message, record.exc_info) == ("app.no_database", None)


async def test_a_database_that_breaks_behind_the_opening_is_one_sentence(process: Process) -> None:
    process.start(Town())
    await until(lambda: process.logged("platform.connected"))
    assert await process.stop() == 0
    with sqlite3.connect(process.folder / "s.sqlite3") as store:
        store.execute("drop table replies")
    process.start(Town())
    assert await process.ended() == 1
    assert process.logged("app.no_database")


async def test_a_bug_that_ends_the_outbox_is_logged_and_ends_the_process(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not healthy: whoever watches starts it again, and the next start mends."""

    async def broken(_self: Outbox) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Outbox, "run", broken)
    town = Town()
    process.start(town)
    assert await process.ended() == 1
    assert process.logged("app.failed")
    assert town.closed_times >= 1


# ------------------------------------------------------------------------------------------------ ending


async def test_a_drain_waits_for_answers_and_readyz_says_so(process: Process) -> None:
    town = Town()
    process.claude.will("Why", *growing(WORDS, seconds=1))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process.start(town, HEALTH_PORT=str(port))
    await until(lambda: process.logged("health.listening"))
    async with aiohttp.ClientSession() as session:

        async def status() -> tuple[int, str]:
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                return answer.status, (await answer.json())["status"]

        await until(lambda: town.connected)
        assert await status() == (200, "ready")
        town.hear("Why?")
        await until(town.texts)
        process.signal()
        await until(lambda: process.logged("app.signal"))
        await until(lambda: process.logged("drain.begun"))
        assert await status() == (503, "draining")
        town.hear("And now?", "late")
        await until(lambda: town.thread("late") == [DIALECT.notice(sentences.RESTARTING)])
    assert await process.ended() == 0
    assert town.thread("1") == [WORDS.strip()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_waiting_and_the_next_start_mends(
    process: Process, number: signal.Signals
) -> None:
    town = Town()
    process.claude.will("Why", *growing(WORDS * 100, seconds=600))
    process.start(town)
    town.hear("Why?")
    await until(lambda: town.texts() and len(town.texts()[0]) > 80)
    process.signal(number)
    await until(lambda: process.logged("drain.begun"))
    process.signal(number)
    assert await process.ended(within=3) == 0
    assert process.claude.open == 0
    [(state, text)] = process.rows("select state, text from replies")
    frozen = town.texts()[0]
    assert state == "growing"
    assert text.startswith(frozen), "nothing that people saw is lost"
    # The same channel, another process.
    town.connects = lambda: _still(town, frozen)
    process.start(town)
    await until(lambda: town.texts()[0].endswith(DIALECT.notice(sentences.INTERRUPTED)))
    assert len(town.texts()) == 1
    assert await process.stop() == 0
    assert process.rows("select state from replies") == [("shown",)]


def _still(town: Town, frozen: str) -> None:
    """Nothing is mended before the platform is connected."""
    assert town.texts() == [frozen]


async def test_a_signal_while_connecting_ends_at_once(process: Process) -> None:
    process.start(Town(connects=lambda: asyncio.sleep(3600)))
    await until(lambda: process.folder.joinpath("s.sqlite3").exists())
    process.signal()
    assert await process.ended() == 0


def close_trips() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("closes", [close_trips, lambda: asyncio.sleep(3600)], ids=["raises", "hangs"])
async def test_a_platform_that_does_not_close_costs_nobody_his_end(
    process: Process, closes: Callable[[], object]
) -> None:
    """The other is closed, and the journal written."""
    town, other = Town(closes=closes), Town(name_="other")
    process.claude.will("Why", *growing(WORDS * 100, seconds=600))
    process.start(town, other, DRAIN_SECONDS="0")
    town.hear("Why?")
    other.hear("Why?")
    await until(lambda: town.texts() and other.texts())
    assert await process.stop() == 0
    assert process.logged("app.step_failed")
    assert other.closed_times >= 1
    assert process.rows("select state from replies") == [("shown",)] * 2


async def test_a_database_that_fails_in_service_costs_no_answer_and_no_process(process: Process) -> None:
    """A disk that is full until the end: the answer is whole, and the exit in order."""
    town = Town()
    process.start(town)
    town.hear("Why?")
    await until(lambda: process.logged("question.taken"))
    locked = sqlite3.connect(process.folder / "s.sqlite3", isolation_level=None)
    locked.execute(
        "create trigger full before update on replies begin select raise(fail, 'disk is full'); end"
    )
    await until(lambda: town.texts() == [WORDS.strip()])
    await until(lambda: process.logged("journal.not_written"))
    locked.execute("drop trigger full")
    locked.close()
    await until(lambda: process.rows("select state from replies") == [("shown",)])
    assert await process.stop() == 0


async def test_an_answer_without_a_question_of_ours_never_ends_the_process(process: Process) -> None:
    """Claude's own surprises stay in their reply."""
    town = Town()
    process.claude.will("Bad", "Half", ZeroDivisionError())
    process.claude.will("Good", "All of it.", Done("end_turn"))
    process.start(town)
    town.hear("Bad?", "1")
    town.hear("Good?", "2")
    await until(lambda: town.thread("2") == ["All of it."])
    await until(lambda: "".join(town.thread("1")).endswith(DIALECT.notice(sentences.OUR_FAULT)))
    assert await process.stop() == 0
