"""A world for the page's tests: the sandbox's own servers, and a small bot that answers in plain HTTP.

The page must be right about any bot, so its tests use none of ours: this one edits each reply on a timer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from shutil import which
from typing import Any

import aiohttp

from sandbox.record import Entry
from sandbox.world import World

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def chromium() -> str | None:
    """The system's Chromium; None where there is none on PATH."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := which(name))), None
    )


@asynccontextmanager
async def staged(*, answering: bool = True) -> AsyncIterator[World]:
    async with World() as world, aiohttp.ClientSession() as session:
        bot = TimerBot(world, session)
        stop = world.record.listen(bot.hear) if answering else None
        try:
            yield world
        finally:
            if stop is not None:
                stop()
            await bot.close()


def general(world: World, platform: str) -> str:
    server = world.slack if platform == "slack" else world.discord
    return next(str(one["id"]) for one in server.channels() if one["name"] == "general")


def one_table(text: str) -> str:
    """What stands before the second table: Slack takes one in a message."""
    parts = text.split("\n\n")
    tables = [place for place, part in enumerate(parts) if part.startswith("|")]
    return "\n\n".join(parts[: tables[1]] if tables[1:] else parts)


@dataclass
class TimerBot:
    """Answers whoever mentions the bot: posts at the first text, edits every `pause` sandbox seconds, then once more."""

    world: World
    session: aiohttp.ClientSession
    pause: float = 1.0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def hear(self, entry: Entry) -> None:
        if entry.kind != "shown" or entry["verb"] != "post":
            return
        server = self.world.slack if entry.platform == "slack" else self.world.discord
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
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def said(self, question: str) -> AsyncIterator[tuple[str, bool]]:
        """(the text so far, whether it is whole), no more often than every `pause` seconds."""
        body = {
            "model": "claude-sonnet-5-5",
            "max_tokens": 8192,
            "stream": True,
            "messages": [{"role": "user", "content": question}],
        }
        headers = {"x-api-key": self.world.claude.api_key, "anthropic-version": "2023-06-01"}
        text, last = "", -1e9
        async with self.session.post(
            f"{self.world.claude.url}/v1/messages", json=body, headers=headers
        ) as answer:
            async for line in answer.content:
                if not line.startswith(b"data:"):
                    continue
                delta = json.loads(line[5:]).get("delta", {})
                text += delta.get("text", "") if delta.get("type") == "text_delta" else ""
                now = self.world.clock.now()
                if text.strip() and now - last >= self.pause:
                    last = now
                    yield text, False
        yield text, True

    async def slack(self, channel: str, root: str, question: str) -> None:
        await self.call_slack(
            "assistant.threads.setStatus", channel_id=channel, thread_ts=root, status="is thinking"
        )
        ts = ""
        async for text, whole in self.said(question):
            blocks: list[dict[str, Any]] = [{"type": "markdown", "text": one_table(text)[:11_000]}]
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
        headers = {"Authorization": f"Bearer {self.world.slack.bot_token}"}
        async with self.session.post(
            self.world.slack.api_url + method, json=fields, headers=headers
        ) as answer:
            said = await answer.json()
        # A timer is late for some calls, and these are refused: that is what timers do. Anything else is a mistake of the test.
        assert said["ok"] or answer.status == 429, f"{method}: {said}"
        return said

    async def discord(self, channel: str, asked: str, question: str) -> None:
        headers = {
            "Authorization": f"Bot {self.world.discord.bot_token}",
            "User-Agent": "DiscordBot (test, 1)",
        }
        path = f"{self.world.discord.api_url}/channels/{channel}"
        async with self.session.post(f"{path}/typing", headers=headers):
            pass
        message = ""
        async for text, whole in self.said(question):
            row = {"type": 1, "components": [{"type": 2, "style": 2, "label": "Stop", "custom_id": "stop"}]}
            body: dict[str, Any] = {"content": text[:2000], "components": [] if whole else [row]}
            if message:
                async with self.session.patch(
                    f"{path}/messages/{message}", json=body, headers=headers
                ) as answer:
                    assert answer.status in (200, 429), await answer.text()
            else:
                body["message_reference"] = {"message_id": asked}
                async with self.session.post(f"{path}/messages", json=body, headers=headers) as answer:
                    assert answer.status in (200, 429), await answer.text()
                    message = (await answer.json()).get("id", "")
