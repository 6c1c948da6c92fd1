"""The models to choose from: through the real SDK, and whatever the server does, the form has one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from aiohttp import web

from bot.claude.models import Model, Models

CONFIGURED = "claude-sonnet-5-5"


def listed(id_: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "model", "id": id_, "display_name": id_.replace("-", " ").title(),
        "created_at": "2026-09-28T00:00:00Z", "lifecycle": "active", **more,
    }  # fmt: skip


class Server:
    """`GET /v1/models`, as told."""

    def __init__(self) -> None:
        self.pages: list[list[dict[str, Any]]] = []
        self.status = 200
        self.hold = asyncio.Event()
        self.hold.set()
        self.asked = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.hold.wait()
        if self.status != 200:
            return web.json_response(
                {"type": "error", "error": {"type": "not_found_error", "message": "no"}}, status=self.status
            )
        after = request.query.get("after_id")
        starts = [page[-1]["id"] for page in self.pages]
        number = starts.index(after) + 1 if after else 0
        page = self.pages[number]
        return web.json_response(
            {
                "data": page,
                "has_more": number + 1 < len(self.pages),
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
            }
        )


@pytest.fixture
async def server() -> Server:
    return Server()


@asynccontextmanager
async def offering(server: Server) -> AsyncIterator[Models]:
    app = web.Application()
    app.router.add_get("/v1/models", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    client = anthropic.AsyncAnthropic(api_key="k", base_url=f"http://127.0.0.1:{port}", max_retries=0)
    models = Models(client, configured=CONFIGURED)
    try:
        yield models
    finally:
        server.hold.set()
        await models.close()
        await client.close()
        await runner.cleanup()


async def test_every_page_of_the_list_is_offered_once_without_what_is_retired(server: Server) -> None:
    server.pages = [
        [listed("claude-haiku-5-5"), listed(CONFIGURED)],
        [
            listed(CONFIGURED),
            listed("claude-old-1", lifecycle="retired"),
            listed("claude-opus-5", lifecycle="deprecated"),
        ],
    ]
    async with offering(server) as models:
        assert await models.offered(within=20) == (
            Model("claude-haiku-5-5", "Claude Haiku 5 5"),
            Model(CONFIGURED, "Claude Sonnet 5 5"),
            Model("claude-opus-5", "Claude Opus 5"),
        )
        assert server.asked == 2
        await models.offered()
        assert server.asked == 2, "the list is kept for an hour"


async def test_a_configured_model_that_is_not_listed_is_offered_all_the_same(server: Server) -> None:
    """An alias, or another server's name."""
    server.pages = [[listed("claude-haiku-5-5")]]
    async with offering(server) as models:
        assert [model.id for model in await models.offered(within=20)] == ["claude-haiku-5-5", CONFIGURED]


async def test_a_server_without_a_list_offers_the_configured_model(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.status = 404
    async with offering(server) as models:
        for _ in range(3):
            assert await models.offered(within=20) == (Model(CONFIGURED, CONFIGURED),)
        assert server.asked == 1, "it is not asked again at once"
    assert [record.getMessage() for record in caplog.records] == ["models.not_listed"]


async def test_another_servers_list_is_taken_as_far_as_it_can_be_read(server: Server) -> None:
    """llama.cpp, Ollama and their like leave fields out."""
    server.pages = [[{"id": "llama4"}, {"id": "qwen", "display_name": None}]]
    async with offering(server) as models:
        offered = await models.offered(within=20)
    assert offered == (Model("llama4", "llama4"), Model("qwen", "qwen"), Model(CONFIGURED, CONFIGURED))


async def test_no_form_waits_for_a_server_that_does_not_answer(server: Server) -> None:
    server.pages = [[listed("claude-haiku-5-5")]]
    server.hold.clear()
    async with offering(server) as models:
        for offered in await asyncio.gather(models.offered(within=0.05), models.offered(within=0.05)):
            assert offered == (Model(CONFIGURED, CONFIGURED),)
        assert server.asked <= 1, "and it is asked once for all"
        server.hold.set()
        assert len(await models.offered(within=20)) == 2
