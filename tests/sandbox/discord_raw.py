"""A bot of nothing but HTTP, for tests of what the sandbox's Discord answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from sandbox.discord.server import DiscordServer


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> int:
        code = self.json["code"]
        assert isinstance(code, int)
        return code


class Client:
    """A bot of nothing but HTTP."""

    def __init__(self, server: DiscordServer, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session
        self.general = server.state.channel("general").id

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        headers = {"Authorization": f"Bot {self.server.bot_token}", **more.pop("headers", {})}
        if body is not None:
            more["data"] = body if isinstance(body, (bytes, aiohttp.FormData)) else json.dumps(body)
            if not isinstance(body, aiohttp.FormData):
                headers.setdefault("Content-Type", "application/json")
        async with self.session.request(
            method, self.server.api_url + path, headers=headers, **more
        ) as response:
            return Answer(response.status, response.headers, await response.text())

    async def post(self, content: Any = "hello", **more: Any) -> Answer:
        return await self.call("POST", f"/channels/{self.general}/messages", {"content": content, **more})

    async def patch(self, message: str, content: Any = "changed", **more: Any) -> Answer:
        return await self.call(
            "PATCH", f"/channels/{self.general}/messages/{message}", {"content": content, **more}
        )


def wrong(answer: Answer, *path: str) -> str:
    """The code of the first error at a path of a 50035."""
    assert (answer.status, answer.code) == (400, 50035), answer.text
    node = answer.json["errors"]
    for step in path:
        node = node[step]
    code = node["_errors"][0]["code"]
    assert isinstance(code, str)
    return code
