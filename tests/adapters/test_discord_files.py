"""Files in and out: from Discord's hosts alone, without the token, no more than was asked for (fault 23)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from bot.ports import Attachment, Denied, File, Incoming, Place, Refused, Rejected, Sent, Unread
from tests.adapters.discord_stage import FOLLOW_UP, POST, Stage, staged

MIB = 1024 * 1024


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


def soon(stage: Stage) -> None:
    """What is tried again, is so at once."""
    stage.platform._files.first_pause = 0.01


async def sent(
    stage: Stage, name: str = "a.txt", kind: str = "text/plain", data: bytes = b"hello"
) -> Incoming:
    """A question with a file."""
    await stage.server.say(
        stage.ada, stage.general, f"{stage.server.mention} read this", files=[(name, kind, data)]
    )
    return await stage.next(Incoming)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def elsewhere(answer: Handler, seen: list[web.Request] | None = None) -> AsyncIterator[str]:
    """Another server on this machine; its address with a trailing slash."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if seen is not None:
            seen.append(request)
        return await answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = site._server
    assert server is not None
    port = server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio's, typed as its base
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


def file_at(url: str, *, mime: str = "image/png", size: int = 3) -> Attachment:
    return Attachment("9", "a.png", mime, size, url)


async def secret(_: web.Request) -> web.Response:
    return web.Response(body=b"secret")


# -------------------------------------------------------------------------------------------------------------- download


async def test_a_questions_file_is_read(stage: Stage) -> None:
    """As it was attached."""
    [attached] = (await sent(stage)).files
    assert (attached.name, attached.mime, attached.size) == ("a.txt", "text/plain", 5)
    assert await stage.platform.download(attached, limit=MIB) == File("a.txt", "text/plain", b"hello")


async def test_a_commands_file_is_read(stage: Stage) -> None:
    """It stands in no message."""
    await stage.server.command(
        stage.ada, stage.general, "ask", "what is it?", files=[("b.bin", "application/pdf", b"%PDF")]
    )
    [attached] = (await stage.next(Incoming)).files
    assert await stage.platform.download(attached, limit=MIB) == File("b.bin", "application/pdf", b"%PDF")


async def test_the_file_of_the_message_asked_about_comes_along(stage: Stage) -> None:
    """A reply to somebody's picture: "what is this?"."""
    picture = await stage.server.say(
        stage.linus, stage.general, "look", files=[("a.png", "image/png", b"png")]
    )
    await stage.next(Incoming)
    await stage.server.say(
        stage.ada, stage.general, f"{stage.server.mention} what is this?", reply_to=picture
    )
    incoming = await stage.next(Incoming)
    assert incoming.about is not None
    [attached] = incoming.about.files
    assert await stage.platform.download(attached, limit=MIB) == File("a.png", "image/png", b"png")


async def test_a_file_that_is_too_large_by_its_own_word_is_not_asked_for(stage: Stage) -> None:
    """Discord tells the size."""
    seen: list[web.Request] = []
    async with elsewhere(secret, seen) as url:
        assert await stage.platform.download(file_at(url, size=11), limit=10) == Unread("too_large")
    assert not seen


async def test_no_more_is_read_than_the_limit(stage: Stage) -> None:
    """Whatever the size was said to be, with or without a length."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 10_000)
        except ConnectionError:
            return response

    async def long(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 100_001)

    for answer in (endless, long):
        async with elsewhere(answer) as url:
            found = await stage.platform.download(file_at(url, size=0), limit=100_000)
            assert found == Unread("too_large")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/a.png",
        "https://evil.test/a.png",
        "https://cdn.discordapp.com.evil.test/a.png",
        "https://cdn.discordapp.com@evil.test/a.png",
        "https://cdn.discordapp.com:8443/a.png",
        "http://cdn.discordapp.com/a.png",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.png",
        "//127.0.0.1/a.png",
        "",
        "http://[",
    ],
)
async def test_a_foreign_address_is_not_asked(stage: Stage, url: str) -> None:
    """Whoever could name an address in a payload would else read our network."""
    assert await stage.platform.download(file_at(url), limit=MIB) == Unread("foreign")


async def test_a_redirect_is_followed_among_discords_hosts_without_the_token(stage: Stage) -> None:
    """One host of Discord's to another; nobody gets to see who we are."""
    seen: list[web.Request] = []
    [attached] = (await sent(stage)).files

    async def moved(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": attached.url})

    async with elsewhere(moved, seen) as url:
        found = await stage.platform.download(replace(attached, url=url), limit=MIB)
    assert found == File("a.txt", "text/plain", b"hello")
    assert all("Authorization" not in request.headers for request in seen)


async def test_a_redirect_elsewhere_is_not_followed(stage: Stage) -> None:
    """Nor one without an address."""
    seen: list[web.Request] = []
    async with elsewhere(secret, seen) as foreign:
        for where in (foreign.replace("127.0.0.1", "localhost"), "file:///etc/passwd", ""):

            async def moved(_: web.Request, where: str = where) -> web.Response:
                return web.Response(status=302, headers={"Location": where})

            async with elsewhere(moved) as url:
                found = await stage.platform.download(file_at(url), limit=MIB)
            assert isinstance(found, Unread)
    assert not seen


async def test_redirects_in_a_circle_end(stage: Stage) -> None:
    """After a few."""
    seen: list[web.Request] = []

    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": str(request.url)})

    async with elsewhere(moved, seen) as url:
        assert await stage.platform.download(file_at(url), limit=MIB) == Unread("unavailable", "redirects")
    assert len(seen) <= 5


async def test_a_page_instead_of_a_file_is_none(stage: Stage) -> None:
    """A proxy's login page is not the picture; a page that somebody attached is."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>Please log in</h1>", content_type="text/html")

    async with elsewhere(page) as url:
        assert await stage.platform.download(file_at(url), limit=MIB) == Unread("denied", "html")
        attached = file_at(url, mime="text/html; charset=utf-8")
        assert isinstance(await stage.platform.download(attached, limit=MIB), File)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "denied"),
        (403, "denied"),
        (404, "gone"),
        (410, "gone"),
        (429, "unavailable"),
        (503, "unavailable"),
    ],
)
async def test_a_refusal_says_why(stage: Stage, status: int, reason: str) -> None:
    """For one plain sentence to who asked."""

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status)

    soon(stage)
    async with elsewhere(refuse) as url:
        assert await stage.platform.download(file_at(url), limit=MIB) == Unread(reason, str(status))  # type: ignore[arg-type]  # a table's word


@pytest.mark.parametrize("answers", [[429], [500], [503, 502, 500], [0], [0, 429, 0]], ids=str)
async def test_a_file_was_lost_to_a_single_bad_answer(stage: Stage, answers: list[int]) -> None:
    """Nobody but us would fetch it again. 0: the connection breaks."""
    soon(stage)

    async def answer(request: web.Request) -> web.Response:
        if not answers:
            return web.Response(body=b"png")
        status = answers.pop(0)
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 500)

    async with elsewhere(answer) as url:
        found = await stage.platform.download(file_at(url), limit=MIB)
    assert found == File("a.png", "image/png", b"png")


async def test_a_download_waits_as_long_as_it_is_told_and_not_for_minutes(stage: Stage) -> None:
    """Somebody waits for the answer that needs the file."""
    soon(stage)
    told = ["1"]
    seen: list[web.Request] = []

    async def answer(_: web.Request) -> web.Response:
        if not told:
            return web.Response(body=b"png")
        return web.Response(status=429, headers={"Retry-After": told.pop(0)})

    async with elsewhere(answer, seen) as url:
        begun = asyncio.get_running_loop().time()
        assert await stage.platform.download(file_at(url), limit=MIB) == File("a.png", "image/png", b"png")
        assert asyncio.get_running_loop().time() - begun >= 1.0
        seen.clear()
        told[:] = ["300"]
        assert await stage.platform.download(file_at(url), limit=MIB) == Unread("unavailable", "429")
        assert len(seen) == 1
        seen.clear()
        told[:] = ["oddly"] * 9
        assert await stage.platform.download(file_at(url), limit=MIB) == Unread("unavailable", "429")
        assert len(seen) == 4


async def test_a_link_that_has_ended_is_gone(stage: Stage) -> None:
    """Discord signs its links for about a day."""
    [attached] = (await sent(stage)).files
    ended = attached.url.replace("ex=", "ex=0&x=")
    assert await stage.platform.download(replace(attached, url=ended), limit=MIB) == Unread("gone", "404")


async def test_nobody_there_is_unavailable(stage: Stage) -> None:
    """A refused connection, and a platform that was closed."""
    soon(stage)
    found = await stage.platform.download(file_at("http://127.0.0.1:1/a.png"), limit=MIB)
    assert isinstance(found, Unread)
    assert found.reason == "unavailable"
    [attached] = (await sent(stage)).files
    await stage.platform.close()
    assert await stage.platform.download(attached, limit=MIB) == Unread("unavailable", "closed")


def test_an_attachments_address_is_in_no_repr() -> None:
    """The link alone is enough to read the file."""
    assert "signed" not in repr(file_at("https://cdn.discordapp.com/signed"))


# ---------------------------------------------------------------------------------------------------------------- upload

ANSWER = File("answer.md", "text/markdown", "# Größe\n".encode())


async def test_a_file_stands_in_the_place_with_its_line(stage: Stage) -> None:
    """And pings nobody."""
    incoming = await stage.ask()
    outcome = await stage.platform.upload(incoming.place, ANSWER, "The answer as a file, @everyone")
    assert isinstance(outcome, Sent)
    shown = stage.shown(outcome.ref)
    assert shown["text"] == "The answer as a file, @everyone"
    [file] = shown["files"]
    assert (file["name"], file["type"], file["size"]) == ("answer.md", "text/markdown", len(ANSWER.data))
    assert stage.record.entries("shown", message=outcome.ref.message)[0]["pings"] == []
    assert stage.meter.spendings.count(stage.platform.buckets("post", incoming.place, None)[0].key) == 1


async def test_a_file_is_a_reply_to_its_answer(stage: Stage) -> None:
    """Whoever finds it later knows what it is of; an answer that was deleted meanwhile leaves it standing alone."""
    incoming = await stage.ask()
    page = await stage.post(incoming.place)
    await stage.server.say(stage.linus, stage.general, "meanwhile")
    for reply_to in (incoming.place.reply_to, page.message):
        outcome = await stage.platform.upload(replace(incoming.place, reply_to=reply_to), ANSWER, "")
        assert isinstance(outcome, Sent)
        assert stage.shown(outcome.ref)["reply_to"] == page.message
    await stage.platform.delete(incoming.place, page)
    assert isinstance(await stage.platform.upload(incoming.place, ANSWER, ""), Sent)


async def test_a_file_comes_without_an_arrow_where_there_may_be_none(stage: Stage) -> None:
    """160002: Read Message History is missing, which an arrow needs and a file does not."""
    incoming = await stage.ask()
    await stage.server.revoke(stage.general, "read_message_history")
    outcome = await stage.platform.upload(incoming.place, ANSWER, "")
    assert isinstance(outcome, Sent)
    assert stage.shown(outcome.ref)["reply_to"] == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('a "quoted"\r\nX-Evil: 1.md', "a _quoted_X-Evil_ 1.md"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("größe.md", "größe.md"),
        ("", "file"),
        ("x" * 300 + ".md", "x" * 97 + ".md"),
    ],
)
async def test_a_files_name_stands_in_a_header(stage: Stage, name: str, shown: str) -> None:
    """Whatever Claude calls it."""
    incoming = await stage.ask()
    outcome = await stage.platform.upload(incoming.place, replace(ANSWER, name=name), "")
    assert isinstance(outcome, Sent)
    assert [file["name"] for file in stage.shown(outcome.ref)["files"]] == [shown]


async def test_a_file_over_discords_limit_is_not_sent(stage: Stage) -> None:
    """10 MiB in a server without boosts."""
    incoming = await stage.ask()
    large = replace(ANSWER, data=bytes(10 * MIB + 1))
    assert await stage.platform.upload(incoming.place, large, "") == Rejected("too_large")
    assert not stage.calls(POST)
    whole = replace(ANSWER, data=bytes(10 * MIB))
    assert isinstance(await stage.platform.upload(incoming.place, whole, ""), Sent)


async def test_where_files_may_not_be_attached_it_is_denied(stage: Stage) -> None:
    """The core says so."""
    incoming = await stage.ask()
    await stage.server.revoke(stage.general, "attach_files")
    assert await stage.platform.upload(incoming.place, ANSWER, "") == Denied("403/50013")


async def test_an_upload_waits_for_a_budget_that_opens_soon(stage: Stage) -> None:
    """Nobody else will try it again."""
    incoming = await stage.ask()
    stage.server.faults.fault(POST, status=429, retry_after=0.2)
    assert isinstance(await stage.platform.upload(incoming.place, ANSWER, ""), Sent)
    stage.server.faults.fault(POST, status=429, retry_after=60.0)
    assert isinstance(await stage.platform.upload(incoming.place, ANSWER, ""), Refused)


async def test_where_the_bot_may_not_post_a_commands_file_follows_its_answer(stage: Stage) -> None:
    """By the command, as its pages do; without one there is no way."""
    await stage.server.revoke(stage.general, "send_messages")
    command = await stage.command()
    await stage.post(command.place)
    assert isinstance(await stage.platform.upload(command.place, ANSWER, ""), Sent)
    assert len(stage.calls(FOLLOW_UP)) == 1
    bare = Place("discord", command.place.workspace, command.place.channel)
    assert await stage.platform.upload(bare, ANSWER, "") == Denied("403/50013")
