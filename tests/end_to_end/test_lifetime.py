"""Starting, draining, crashing, and being refused: what the one who runs the bot meets."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bot import sentences
from bot.translations import LANGUAGES, say
from sandbox.world import World
from tests.end_to_end.stage import ROOT, Bot, Chat


async def test_sigterm_lets_answers_end_and_tells_only_the_others(own_world: World, own_bot: Bot) -> None:
    """Ten replies on each platform: those that Claude ends within the drain are whole; the others say so; exit 0."""
    chats = [Chat(own_world, "slack"), Chat(own_world, "discord")]
    await own_bot.start(DRAIN_SECONDS="6")
    short: dict[str, list[str]] = {}
    endless: dict[str, list[str]] = {}
    for chat in chats:
        short[chat.name] = [
            await chat.mention(f"Short {chat.name} {n} #chars:500 #speed:100", person=n % 4) for n in range(5)
        ]
        endless[chat.name] = [
            await chat.mention(f"Endless {chat.name} {n} #chars:15000 #speed:40", person=n % 4)
            for n in range(5)
        ]
    await asyncio.gather(
        *(chat.growing(one) for chat in chats for one in (*short[chat.name], *endless[chat.name]))
    )
    own_bot.signal(signal.SIGTERM)
    await own_bot.ready(status="draining")
    late = {chat.name: await chat.mention("Too late?") for chat in chats}
    assert await own_bot.ended(within=30) == 0
    said = {request.question.split(": ")[-1]: request.said for request in own_world.claude.requests}
    for chat in chats:
        for n, question in enumerate(short[chat.name]):
            assert chat.text(question) == said[f"Short {chat.name} {n} #chars:500 #speed:100"]
            assert chat.is_settled(question)
        for n, question in enumerate(endless[chat.name]):
            text = chat.text(question)
            assert any(say(language, sentences.INTERRUPTED) in text for language in LANGUAGES)
            assert text[:40] == said[f"Endless {chat.name} {n} #chars:15000 #speed:40"][:40]
            assert chat.is_settled(question)
        assert sentences.RESTARTING in chat.text(late[chat.name])


async def test_after_a_kill_no_reply_stays_frozen_without_a_word(own_world: World, own_bot: Bot) -> None:
    chats = [Chat(own_world, "slack"), Chat(own_world, "discord")]
    await own_bot.start()
    questions = [
        (
            chat,
            f"Endless {chat.name} {n}",
            await chat.mention(f"Endless {chat.name} {n} #chars:9000 #speed:80", person=n),
        )
        for chat in chats
        for n in range(3)
    ]
    # The journal follows about a second behind what people see.
    await own_world.record.wait(
        lambda _: all(len(chat.text(one)) > 150 for chat, _, one in questions), within=30
    )
    own_bot.signal(signal.SIGKILL)
    await own_bot.ended()
    assert not any(chat.is_settled(question) for chat, _, question in questions)
    await own_bot.start()
    for chat, asked, question in questions:
        text = await chat.settled(question, within=30)
        assert sentences.INTERRUPTED in text
        request = await chat.asked(asked)
        shown = text.split(sentences.INTERRUPTED)[0].rstrip("\n _*-#")
        assert len(shown) > 20
        assert request.said.startswith(shown), "what had been said is still there"
        assert len(chat.pages(question)) == 1, "and nothing was posted again"


@pytest.mark.parametrize(
    ("name", "post"), [("slack", "chat.postMessage"), ("discord", "POST /channels/{c}/messages")]
)
async def test_words_that_were_seen_for_a_moment_only_stand_after_a_kill(
    own_world: World, own_bot: Bot, name: str, post: str
) -> None:
    """Killed as they appear, and nobody heard the answer to the post: they stay, with one honest line below."""
    chat = Chat(own_world, name)
    await own_bot.start()
    chat.server.faults.fault(post, delay=0.15, linger=60.0)  # on its way as long as on a real network
    question = await chat.mention("Endless #chars:9000 #speed:80")
    await own_world.record.wait(lambda _: bool(chat.text(question)), within=20)
    own_bot.signal(signal.SIGKILL)
    seen = chat.text(question)
    await own_bot.ended()
    await own_bot.start()
    text = await chat.settled(question, within=30)
    assert sentences.INTERRUPTED in text
    assert text.startswith(seen.rstrip())
    assert len(chat.pages(question)) == 1


async def test_a_stream_killed_before_anybody_heard_of_it_is_the_answers_message(
    own_world: World, own_bot: Bot
) -> None:
    """A start bears no mark by which a restart could find it: its words must not stand twice all the same."""
    chat = Chat(own_world, "slack")
    await own_bot.start(SLACK_STREAMING="native")
    chat.server.faults.fault("chat.startStream", delay=0.15, linger=60.0)
    question = str(
        await chat.server.say(chat.person(), chat.direct(), "Endless, natively #chars:9000 #speed:80")
    )
    await own_world.record.wait(lambda _: bool(chat.text(question)), within=20)
    own_bot.signal(signal.SIGKILL)
    seen = chat.text(question)
    await own_bot.ended()
    await own_bot.start(SLACK_STREAMING="native")
    await own_world.record.wait(lambda _: sentences.INTERRUPTED in chat.text(question), within=30)
    [page] = chat.pages(question)
    assert page["text"].startswith(seen.rstrip())
    assert sentences.CONTINUE in page["controls"]


async def test_a_question_killed_before_its_first_word_is_answered_for(
    own_world: World, own_bot: Bot
) -> None:
    chat = Chat(own_world, "slack")
    await own_bot.start()
    question = await chat.mention("Slowly #first_byte:30")
    await chat.asked("Slowly")
    own_bot.signal(signal.SIGKILL)
    await own_bot.ended()
    await own_bot.start()
    assert sentences.INTERRUPTED_EARLY in await chat.settled(question, within=30)


async def test_a_second_signal_ends_the_waiting_and_the_next_start_mends(
    own_world: World, own_bot: Bot
) -> None:
    chat = Chat(own_world, "slack")
    await own_bot.start(DRAIN_SECONDS="60")
    question = await chat.mention("Endless #chars:9000 #speed:50")
    await chat.growing(question)
    own_bot.signal(signal.SIGTERM)
    own_bot.signal(signal.SIGINT)
    assert await own_bot.ended(within=10) == 0
    await own_bot.start()
    assert sentences.INTERRUPTED in await chat.settled(question, within=30)


async def test_the_usage_of_each_reply_is_kept(own_world: World, own_bot: Bot, tmp_path: Path) -> None:
    chat = Chat(own_world, "slack")
    await own_bot.start()
    await chat.settled(await chat.mention("How much? #chars:400 #speed:2000"))
    own_bot.signal(signal.SIGTERM)
    assert await own_bot.ended() == 0
    with sqlite3.connect(tmp_path / "inkstream.sqlite3") as store:
        [(state, tokens_in, tokens_out)] = store.execute(
            "select state, tokens_in, tokens_out from replies"
        ).fetchall()
    assert state == "shown"
    assert tokens_in > 0
    assert tokens_out > 50
    assert any(event.get("event") == "reply.settled" for event in own_bot.events())


async def test_without_the_message_content_intent_it_still_answers_mentions(
    own_world: World, own_bot: Bot
) -> None:
    """Discord closes the Gateway with 4014: connect without it, and say what is missing."""
    own_world.discord.gateway.allowed_intents &= ~(1 << 15)  # MESSAGE_CONTENT
    await own_bot.start()
    chat = Chat(own_world, "discord")
    await chat.settled(await chat.mention("Still there? #chars:200 #speed:2000"))
    told = await own_bot.ready()
    assert "Message Content" in str(told)


async def test_one_platform_alone_suffices(own_world: World, own_bot: Bot) -> None:
    await own_bot.start(DISCORD_BOT_TOKEN="")
    chat = Chat(own_world, "slack")
    await chat.settled(await chat.mention("Alone? #chars:200 #speed:2000"))


@pytest.mark.parametrize(
    ("variable", "words"),
    [("SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN"), ("DISCORD_BOT_TOKEN", "DISCORD_BOT_TOKEN")],
)
async def test_a_wrong_token_is_one_clear_line(
    own_world: World, own_bot: Bot, variable: str, words: str
) -> None:
    await own_bot.start(ready=False, **{variable: "wrong.but.plausible"})
    assert await own_bot.ended(within=30) == 1
    assert words in own_bot.said()
    assert "wrong.but.plausible" not in own_bot.said()
    assert "Traceback" not in own_bot.said()


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a bare environment."""
    bare = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_wrong_settings_end_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    done = run("run", folder=tmp_path, INKSTREAM_MAX_TOKENS="many")
    assert done.returncode == 2
    assert "3 settings are missing or wrong" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_cannot_be_opened_is_one_clear_line(tmp_path: Path) -> None:
    settings = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "ANTHROPIC_API_KEY": "k"}
    done = run("run", folder=tmp_path, DATABASE_URL="sqlite:////nowhere/at/all.sqlite3", **settings)
    assert done.returncode == 1
    assert "app.no_database" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_once_prints_both_timelines_and_ends_well(tmp_path: Path) -> None:
    done = run("demo", "--once", "Why? #chars:300 #speed:600", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for platform in ("slack", "discord"):
        assert f"{platform}: 'Why?" in done.stdout
    assert done.stdout.count("0 refusals; whole") == 2
    assert done.stdout.count("post") == 2


def test_demo_once_fails_when_an_answer_is_not_whole(tmp_path: Path) -> None:
    """A test that cannot fail proves nothing: here Claude breaks off."""
    done = run("demo", "--once", "Why? #chars:300 #speed:600 #fault:fin@100", folder=tmp_path)
    assert done.returncode == 1
    assert "NOT WHOLE" in done.stdout


async def test_buttons_work_after_a_restart(own_world: World, own_bot: Bot) -> None:
    """Everything that a button needs is in the store."""
    world = own_world
    await own_bot.start()
    chats = [Chat(world, "slack"), Chat(world, "discord")]
    questions = [await chat.mention("Before the restart. #chars:300 #speed:900") for chat in chats]
    for chat, question in zip(chats, questions, strict=True):
        await chat.settled(question)
    own_bot.signal(signal.SIGTERM)
    assert await own_bot.ended() == 0
    await own_bot.start()
    for chat, question in zip(chats, questions, strict=True):
        await chat.press(question, sentences.REGENERATE)
    await world.record.wait(
        lambda _: sum("Before the restart." in one.question for one in world.claude.requests) == 4, within=20
    )
