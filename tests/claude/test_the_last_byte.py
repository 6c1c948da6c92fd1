"""Answers whose connection ends badly once all was said: `message_stop` is the end, whatever comes of the body."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

import pytest

from bot.claude.answer import Ask, Claude
from bot.claude.events import Done, Text

End: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]

WORDS = "Forty-two, and the question is still open."
USAGE = {"input_tokens": 3, "output_tokens": 9}
SAID: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {"id": "msg_1", "type": "message", "role": "assistant", "usage": USAGE},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": WORDS}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": USAGE},
    {"type": "message_stop"},
]
BODY = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in SAID).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def closes(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets(writer: asyncio.StreamWriter) -> None:
    # What was said has to be read before the reset throws it away.
    await asyncio.sleep(0.2)
    writer.transport.abort()


async def hangs(writer: asyncio.StreamWriter) -> None:
    await writer.wait_closed()


@asynccontextmanager
async def claude_whose_body(ends: End) -> AsyncIterator[Claude]:
    """A server that says everything but the end of the body, and then does this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        writer.write(HEAD + f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n")
        await writer.drain()
        try:
            await ends(writer)
        except ConnectionError:
            pass  # the client may be the first to go
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    claude = Claude(api_key="k", base_url=f"http://127.0.0.1:{port}", silence=20.0)
    try:
        yield claude
    finally:
        await claude.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("ends", [closes, resets, hangs])
async def test_an_answer_that_said_its_end_is_whole_whatever_its_connection_does(
    ends: End,
) -> None:
    """No sentence about a broken connection stands under an answer that lacks nothing, and nobody waits for a body."""
    asked = Ask(model="m", messages=[{"role": "user", "content": "why?"}], max_tokens=100)
    async with (
        asyncio.timeout(10),
        claude_whose_body(ends) as claude,
        aclosing(claude.answer(asked)) as events,
    ):
        heard = [event async for event in events]
    assert "".join(event.text for event in heard if isinstance(event, Text)) == WORDS
    assert heard[-1] == Done("end_turn")
