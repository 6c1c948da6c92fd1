"""A world for the page's tests: the sandbox's own servers, and a small bot that answers in plain HTTP.

The page must be right about any bot, so its tests use none of ours: this one edits each reply on a timer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.claude import ClaudeServer
from sandbox.clock import Clock
from sandbox.discord.server import DiscordServer
from sandbox.limits import Limits
from sandbox.page.app import page_app
from sandbox.record import Entry, Record
from sandbox.slack.server import SlackServer


class Stage:
    """A world with its page; `url` is the page's address."""

    def __init__(self) -> None:
        self.clock, self.limits = Clock(), Limits()
        self.record = Record(self.clock)
        self.slack = SlackServer(self.clock, self.limits, self.record)
        self.discord = DiscordServer(self.clock, self.limits, self.record)
        self.claude = ClaudeServer(self.clock, self.limits, self.record)
        self.url = ""

    def general(self, platform: str) -> str:
        server = self.slack if platform == "slack" else self.discord
        return next(str(one["id"]) for one in server.channels() if one["name"] == "general")


@asynccontextmanager
async def staged(*, answering: bool = True) -> AsyncIterator[Stage]:
    stage = Stage()
    for server in (stage.slack, stage.discord, stage.claude):
        await server.start()
    runner = web.AppRunner(page_app(stage), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stage.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        bot = TimerBot(stage, session)
        stop = stage.record.listen(bot.hear) if answering else None
        try:
            yield stage
        finally:
            if stop is not None:
                stop()
            await bot.close()
            await runner.cleanup()
            for server in (stage.claude, stage.discord, stage.slack):
                await server.stop()


@dataclass
class TimerBot:
    """Answers whoever mentions the bot: posts at the first text, edits every `pause` sandbox seconds, then once more."""

    stage: Stage
    session: aiohttp.ClientSession
    pause: float = 1.0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def hear(self, entry: Entry) -> None:
        if entry.kind != "shown" or entry["verb"] != "post":
            return
        server = self.stage.slack if entry.platform == "slack" else self.stage.discord
        if entry["author"] == server.bot_id or server.mention not in entry["text"]:
            return
        question = entry["text"].replace(server.mention, "").strip()
        answer = self.slack if entry.platform == "slack" else self.discord
        task = asyncio.get_running_loop().create_task(answer(entry["channel"], entry["message"], question))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        tasks = tuple(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def said(self, question: str) -> AsyncIterator[tuple[str, bool]]:
        """(the text so far, whether it is whole), no more often than every `pause` seconds."""
        body = {
            "model": "claude-sonnet-5-5",
            "max_tokens": 8192,
            "stream": True,
            "messages": [{"role": "user", "content": question}],
        }
        headers = {"x-api-key": self.stage.claude.api_key, "anthropic-version": "2023-06-01"}
        text, last = "", -1e9
        async with self.session.post(f"{self.stage.claude.url}/v1/messages", json=body, headers=headers) as answer:
            async for line in answer.content:
                if not line.startswith(b"data:"):
                    continue
                delta = json.loads(line[5:]).get("delta", {})
                text += delta.get("text", "") if delta.get("type") == "text_delta" else ""
                now = self.stage.clock.now()
                if text.strip() and now - last >= self.pause:
                    last = now
                    yield text, False
        yield text, True

    async def slack(self, channel: str, root: str, question: str) -> None:
        await self.call_slack("assistant.threads.setStatus", channel_id=channel, thread_ts=root, status="is thinking")
        ts = ""
        async for text, whole in self.said(question):
            blocks: list[dict[str, Any]] = [{"type": "markdown", "text": text[:11_000]}]
            if not whole:
                stop = {"type": "button", "action_id": "stop", "text": {"type": "plain_text", "text": "Stop"}}
                blocks.append({"type": "actions", "elements": [stop]})
            if ts:
                await self.call_slack("chat.update", channel=channel, ts=ts, text=text[:100], blocks=blocks)
            else:
                posted = await self.call_slack(
                    "chat.postMessage", channel=channel, thread_ts=root, text=text[:100], blocks=blocks
                )
                ts = posted.get("ts", "")

    async def call_slack(self, method: str, **fields: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.stage.slack.bot_token}"}
        async with self.session.post(self.stage.slack.api_url + method, json=fields, headers=headers) as answer:
            return await answer.json()

    async def discord(self, channel: str, asked: str, question: str) -> None:
        headers = {"Authorization": f"Bot {self.stage.discord.bot_token}", "User-Agent": "DiscordBot (test, 1)"}
        path = f"{self.stage.discord.api_url}/channels/{channel}"
        async with self.session.post(f"{path}/typing", headers=headers):
            pass
        message = ""
        async for text, whole in self.said(question):
            row = {"type": 1, "components": [{"type": 2, "style": 2, "label": "Stop", "custom_id": "stop"}]}
            body: dict[str, Any] = {"content": text[:2000], "components": [] if whole else [row]}
            if message:
                await self.session.patch(f"{path}/messages/{message}", json=body, headers=headers)
            else:
                body["message_reference"] = {"message_id": asked}
                async with self.session.post(f"{path}/messages", json=body, headers=headers) as answer:
                    message = (await answer.json()).get("id", "")
