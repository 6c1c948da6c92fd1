"""`inkstream demo`: the sandbox, and the same bot that `inkstream run` starts, as a process of its own between them.

Law: nothing is special about the bot of the demo. It gets ordinary settings, whose base URLs point at the sandbox.
With ANTHROPIC_API_KEY set the real Claude answers; otherwise the sandbox's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import typer

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackDialect
from bot import sentences
from bot.ports import Dialect
from bot.reply.pages import Document
from bot.settings import Settings
from sandbox.record import Entry, Record
from sandbox.slack.app import PROMPTS
from sandbox.world import PortError, World

# How long the bot may take to come up, and an answer of `--once` to be whole.
_READY_WITHIN = 30.0
_WHOLE_WITHIN = 300.0


@dataclass(frozen=True, slots=True)
class _Question:
    """One question of `--once`, and what its answer has to look like in the end."""

    platform: str
    channel: str
    message: str
    bot: str
    dialect: Dialect
    limit: int


async def run(*, once: str | None, port: int, log_level: str) -> int:
    """Run the demo until Ctrl-C, or until the answers to `once` are whole. Returns the exit code."""
    world = World()
    try:
        await world.start(page=0 if once is not None else port)
    except PortError as error:
        typer.echo(f"{error} Choose another: --port 0 takes any that is free.", err=True)
        return 2
    if os.environ.get("SLACK_AGENT") == "on":  # as if the app had been made from the other manifest
        world.slack.declare_agent(PROMPTS)
    try:
        async with _bot(world, log_level):
            if once is not None:
                return await _ask_once(world, once)
            typer.echo(f"\n  {world.url}\n")
            typer.echo(
                "  Open this page, mention @claude in either chat, and watch the answer grow. Ctrl-C ends it.\n"
                "  Then: Stop, Continue, Regenerate; /claude settings as Ada, who manages both; a file with +;\n"
                "  the menu of a message (its three dots). More stands on the page under Things to try.\n"
                "  SLACK_AGENT=on before the command shows Slack's agent surface in its direct messages, and\n"
                "  SLACK_STREAMING=native answers there that Slack itself lets grow."
            )
            await _until_signal()
            return 0
    except _BotError as error:
        typer.echo(str(error), err=True)
        return 1
    finally:
        await world.stop()


class _BotError(Exception):
    """The bot's process did not come up."""


@asynccontextmanager
async def _bot(world: World, log_level: str) -> AsyncIterator[None]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        health = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="inkstream-demo-") as folder:
        sandbox = world.environment()
        if os.environ.get("ANTHROPIC_API_KEY"):  # then the real Claude answers, where the environment says
            sandbox = {name: value for name, value in sandbox.items() if not name.startswith("ANTHROPIC_")}
        environment = {
            **os.environ,
            **sandbox,
            "DATABASE_URL": f"sqlite:///{folder}/inkstream.sqlite3",
            "HEALTH_PORT": str(health),
            "LOG_LEVEL": log_level,
        }
        process = await asyncio.create_subprocess_exec(
            # A new session: Ctrl-C reaches the demo alone, which then ends the bot in order.
            *(sys.executable, "-m", "bot", "run", "--env-file", os.devnull),
            env=environment,
            start_new_session=True,
        )
        try:
            await _ready(process, health)
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGINT)  # the second: no drain (two of a kind may arrive as one)
                await process.wait()


async def _ready(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until /readyz says that both platforms hear us."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READY_WITHIN
    async with aiohttp.ClientSession() as session:
        while loop.time() < deadline:
            if process.returncode is not None:
                raise _BotError(
                    f"The bot ended at once, with exit code {process.returncode}; its log is above."
                )
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass  # its port is not open yet
            await asyncio.sleep(0.05)
    raise _BotError(f"The bot was not ready after {_READY_WITHIN:g} s; its log is above.")


async def _until_signal() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


# ---------------------------------------------------------------------------------------------- --once


async def _ask_once(world: World, text: str) -> int:
    """Ask on both platforms, print how each answer grew; 0 if both are whole."""
    questions = []
    for name, dialect in (("slack", SlackDialect()), ("discord", DiscordDialect())):
        server = world.slack if name == "slack" else world.discord
        field = Settings.model_fields[f"{name}_page_characters"]
        channel = next(one["id"] for one in server.channels() if one["name"].lstrip("#") == "general")
        person = next(one["id"] for one in server.people() if not one["bot"])
        message = await server.say(person, channel, f"{server.mention} {text}")
        questions.append(_Question(name, channel, message, server.bot_id, dialect, field.default))
    results = await asyncio.gather(*(_follow(world, question, text) for question in questions))
    return 0 if all(results) else 1


async def _follow(world: World, question: _Question, text: str) -> bool:
    """Wait for one answer and print its timeline."""
    try:
        await world.record.wait(lambda record: _settled(world, record, question), within=_WHOLE_WITHIN)
    except TimeoutError:
        typer.echo(f"{question.platform}: the answer was not whole after {_WHOLE_WITHIN:g} s", err=True)
        return False
    record = world.record
    asked = record.entries("shown", question.platform, message=question.message)[0]
    frames = _frames(record, question)
    refusals = len(record.entries("refused", question.platform))
    pages = _last_frames(frames)
    whole = _is_whole(world, pages, question)
    typer.echo(f"\n{question.platform}: {text[:60]!r}")
    before: dict[str, int] = {}
    for frame in frames:
        length = len(frame["text"])
        grown = length - before.get(frame["message"], 0)
        before[frame["message"]] = length
        typer.echo(f"  {frame.at - asked.at:7.2f} s  {frame['verb']:<6} {length:6} characters ({grown:+})")
    typer.echo(
        f"  {len(frames)} calls, {len(pages)} message(s), {refusals} refusals; "
        + ("whole" if whole else "NOT WHOLE: what is shown is not what Claude said")
    )
    return whole and not refusals


def _frames(record: Record, question: _Question) -> list[Entry]:
    """What the bot showed since the question, leaving out what only one person sees."""
    entries = record.entries("shown", question.platform, channel=question.channel, author=question.bot)
    return [entry for entry in entries if entry["text"] and not entry.get("ephemeral")]


def _last_frames(frames: Sequence[Entry]) -> list[Entry]:
    last: dict[str, Entry] = {}
    for frame in frames:
        last[frame["message"]] = frame
    return list(last.values())


def _settled(world: World, record: Record, question: _Question) -> bool:
    """Nothing grows any more: Claude has ended everywhere, and no message carries a button."""
    pages = _last_frames(_frames(record, question))
    ended = all(request.ended for request in world.claude.requests)
    return bool(pages) and ended and not any(sentences.STOP in page["controls"] for page in pages)


def _is_whole(world: World, pages: Sequence[Entry], question: _Question) -> bool:
    """What is shown is what Claude said, after the documented conversion. The real Claude's words are not known."""
    if not world.claude.requests:
        return True
    for request in world.claude.requests:
        document = Document(question.dialect, question.limit)
        document.feed(request.said)
        document.end()
        if [page.text for page in document.pages()] == [page["text"] for page in pages]:
            return True
    return False
