"""The bot as a process of its own, against a sandbox in the test's process: nothing between them but sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from bot import sentences
from bot.translations import LANGUAGES, say
from sandbox.claude.choice import Request
from sandbox.record import Entry, Record
from sandbox.world import World
from tests.end_to_end.born import bear
from tests.service.counted import Sample, samples

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

ROOT = Path(__file__).parents[2]
STOP = {say(language, sentences.STOP) for language in LANGUAGES}
AGAIN = {say(language, sentences.REGENERATE) for language in LANGUAGES}


def squeezed(text: str) -> str:
    """Layout is not text: page cuts take white space with them."""
    return "".join(text.replace("&lt;", "<").split())


class Bot:
    """`inkstream run` with nothing but environment variables."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._process: ForkServerProcess | None = None
        self.log = folder / "bot.log"

    async def start(self, *, ready: bool = True, **settings: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "LOG_FORMAT": "json",
            "HEALTH_PORT": str(port),
            **self._environment,
            **settings,
        }
        self._process = bear(environment, self._folder, self.log)
        self.readyz = f"http://127.0.0.1:{port}/readyz"
        self.metrics = f"http://127.0.0.1:{port}/metrics"
        if ready:
            await self.ready()

    async def ready(self, within: float = 30.0, *, status: str = "ready") -> dict[str, object]:
        """What /readyz says, once it says this; asked again while the process is coming up."""
        async with aiohttp.ClientSession() as session, asyncio.timeout(within):
            while True:
                assert self._process is not None
                assert self._process.is_alive(), f"the bot has ended:\n{self.said()}"
                try:
                    async with session.get(self.readyz) as answer:
                        told: dict[str, object] = await answer.json()
                        if told["status"] == status:
                            return told
                except aiohttp.ClientConnectionError:
                    pass  # not listening yet
                await asyncio.sleep(0.02)

    async def counted(
        self, wanted: Sample | None = None, *, over: float = 0.0, within: float = 10.0
    ) -> dict[Sample, float]:
        """What /metrics says; once this sample is over so much."""
        async with aiohttp.ClientSession() as session, asyncio.timeout(within):
            while True:
                async with session.get(self.metrics) as answer:
                    told = samples(await answer.text())
                if wanted is None or told.get(wanted, 0.0) > over:
                    return told
                await asyncio.sleep(0.02)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def events(self) -> list[dict[str, object]]:
        """The log's lines."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    async def ended(self, within: float = 30.0) -> int:
        """The exit code."""
        assert self._process is not None
        await asyncio.to_thread(self._process.join, within)
        if self._process.exitcode is None:
            raise TimeoutError("the bot has not ended")
        return self._process.exitcode

    async def stop(self) -> int:
        if self._process is None:
            return 0
        if self._process.is_alive():
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGINT)  # a second signal: no drain (two of a kind may arrive as one)
        return await self.ended()


@dataclass
class Chat:
    """One platform of a world, as a person and a viewer meet it. Waits are for conditions of the record."""

    world: World
    name: str

    @property
    def server(self) -> Any:
        return self.world.slack if self.name == "slack" else self.world.discord

    def person(self, number: int = 0) -> str:
        return str([one["id"] for one in self.server.people() if not one["bot"]][number])

    def channel(self, name: str = "general") -> str:
        return str(next(one["id"] for one in self.server.channels() if one["name"].lstrip("#") == name))

    def direct(self, number: int = 0) -> str:
        person = self.person(number)
        return str(
            next(
                one["id"] for one in self.server.channels() if one["kind"] == "dm" and one["person"] == person
            )
        )

    async def mention(self, text: str, *, person: int = 0, channel: str = "", **more: str) -> str:
        """Somebody mentions the bot; the message's id."""
        asked = f"{self.server.mention} {text}"
        return str(await self.server.say(self.person(person), channel or self.channel(), asked, **more))

    @contextmanager
    def paced(self, speed: float) -> Iterator[Callable[[], None]]:
        """Claude says so many characters a second where a question says nothing of it; what is called ends the wait for more."""
        claude = self.world.claude
        before, claude.speed = claude.speed, speed

        def hurry() -> None:
            claude.speed = 4_000.0

        try:
            yield hurry
        finally:
            claude.speed = before

    # ------------------------------------------------------------------------------------------ what a viewer saw

    def frames(self, question: str) -> list[Entry]:
        """What the bot showed in answer to this message, in order.

        Slack: in its thread. Discord: a reply to it, or to one of the answer's messages, or a message of the bot's
        right under one.
        """
        shown = [one for one in self.world.record.entries("shown", self.name) if not one.get("ephemeral")]
        answer = set()
        above: dict[str, str] = {}  # channel -> its newest message
        for one in shown:
            if one["verb"] == "post":
                parent = (
                    one["thread"] if self.name == "slack" else one["reply_to"] or above.get(one["channel"])
                )
                if one["author"] == self.server.bot_id and (parent == question or parent in answer):
                    answer.add(one["message"])
                above[one["channel"]] = one["message"]
        return [one for one in shown if one["message"] in answer]

    def pages(self, question: str) -> list[Entry]:
        """The messages of the answer as they look now."""
        last: dict[str, Entry] = {}
        for frame in self.frames(question):
            last[frame["message"]] = frame
        removed = {entry["message"] for entry in self.world.record.entries("removed", self.name)}
        return [frame for message, frame in last.items() if message not in removed]

    def text(self, question: str) -> str:
        """What a viewer reads: Slack's one escape undone, pages joined."""
        return "\n".join(str(page["text"]).replace("&lt;", "<") for page in self.pages(question))

    def is_settled(self, question: str) -> bool:
        pages = self.pages(question)
        if any(STOP & set(page["controls"]) for page in pages):
            return False
        # An answer that ends can be asked for again; a sentence of the bot's own cannot, and is one message.
        return len(pages) == 1 or any(AGAIN & set(page["controls"]) for page in pages)

    async def settled(self, question: str, *, within: float = 60.0) -> str:
        """Wait until the answer can no longer be stopped; what it says then."""
        await self.world.record.wait(lambda _: self.is_settled(question), within=within)
        return self.text(question)

    async def growing(self, question: str, *, within: float = 20.0) -> None:
        """Wait until some of the answer is seen, with its Stop button."""
        await self.world.record.wait(
            lambda _: any(STOP & set(page["controls"]) for page in self.pages(question)), within=within
        )

    async def press(self, question: str, label: str, *, person: int = 0) -> None:
        """Press a button under the last page of an answer."""
        page = self.pages(question)[-1]
        shown = next(one for one in self.server.messages(page["channel"]) if one["id"] == page["message"])
        button = next(one["id"] for one in shown["controls"] if one["label"] == label)
        await self.server.press(self.person(person), page["channel"], page["message"], button)

    async def asked(self, part: str, *, within: float = 20.0) -> Request:
        """Wait until Claude was asked something that contains this; the request."""

        def found(_: Record) -> Request | None:
            return next((one for one in reversed(self.world.claude.requests) if part in one.question), None)

        return await self.world.record.wait(found, within=within)

    async def tell(self, person: int, text: str) -> Request:
        """Somebody writes a direct message; waits until the answer stands there whole. What Claude was asked."""
        direct = self.direct(person)
        await self.server.say(self.person(person), direct, text)
        request = await self.asked(text)

        def whole(record: Record) -> bool:
            shown = record.entries("shown", self.name, channel=direct)
            return bool(request.ended) and any(
                one["text"].replace("&lt;", "<") == request.said for one in shown
            )

        await self.world.record.wait(whole, within=20)
        return request

    @property
    def refusals(self) -> list[Entry]:
        return self.world.record.entries("refused", self.name)
