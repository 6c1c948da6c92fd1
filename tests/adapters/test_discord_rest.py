"""One call to Discord over a connection that is cut in the middle of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict

from adapters.discord.outcomes import LONGEST_SECONDS, Keys, read
from adapters.discord.rest import Answer, Rest
from bot.ports import Ref, Unavailable


@pytest.fixture
async def met(request: pytest.FixtureRequest) -> AsyncIterator[Rest]:
    """Discord, whose answers are this status line and these headers, and half of a body."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + request.param.encode() + b'\r\nContent-Length: 40\r\n\r\n{"id": "17')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    rest = Rest(token="t", api_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield rest
    await rest.close()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("met", "applied"),
    [
        ("200 OK", True),
        ("404 Not Found", False),
        ("429 Too Many Requests", False),
        ("502 Bad Gateway", None),
        ("504 Gateway Timeout", None),
    ],
    indirect=["met"],
)
async def test_half_an_answer_tells_by_its_status_what_became_of_the_call(
    met: Rest, applied: bool | None
) -> None:
    """A gateway may fail after Discord has done it: such a post is looked for before it is made again."""
    answer = await met.call("GET", "/channels/1/messages")
    assert (answer.failure, answer.applied) == ("cut", applied)


@pytest.mark.parametrize("met", ["429 Too Many Requests\r\nRetry-After: 7"], indirect=True)
async def test_half_a_refusal_is_heeded_as_far_as_it_came(met: Rest) -> None:
    """The header names the wait; the body, which was cut, would only have named it more exactly."""
    answer = await met.call("GET", "/channels/1/messages")
    assert read(answer, Keys("route"), ref=Ref("1", "2")) == Unavailable(
        "cut", applied=False, retry_after=7.0
    )


def test_a_proxy_that_wants_a_day_gets_an_hour() -> None:
    """No single answer is believed for longer: then one call asks again."""
    answer = Answer(status=503, headers=CIMultiDict({"Retry-After": "86400"}))
    assert read(answer, Keys("route"), ref=Ref("1", "2")) == Unavailable("503", None, LONGEST_SECONDS)
