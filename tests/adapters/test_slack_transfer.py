"""Files in and out, on the sandbox's Slack: what may be fetched, what is left, and where the token never goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from adapters.slack.transfer import Transfer
from adapters.slack.web import client, session
from bot.ports import (
    Attachment,
    Denied,
    File,
    Gone,
    Incoming,
    Place,
    Ref,
    Refused,
    Rejected,
    Sent,
    Unavailable,
    Unread,
)
from tests.adapters.slack_stage import ADA, GENERAL, TEAM, Workspace

TEN = b"0123456789"


def soon(slack: Workspace) -> None:
    """What is tried again, is so at once."""
    slack.platform._there.transfer.first_pause = 0.01


def shown_with_files(slack: Workspace) -> int:
    """How many messages with a file of ours stand in the channel."""
    return sum(bool(message["files"]) for message in slack.server.messages(GENERAL))


async def attached(slack: Workspace, name: str = "notes.txt", data: bytes = TEN) -> Attachment:
    """A file of Ada's, as it comes with her question."""
    await slack.server.say(ADA, GENERAL, f"{slack.server.mention} read this", files=[(name, data)])
    [attachment] = (await slack.next(Incoming)).files
    return attachment


@dataclass
class Elsewhere:
    """A host that is not Slack's, and what it was told."""

    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.read())
        return web.Response(body=b"stolen")


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    there = Elsewhere()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", there.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    there.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield there
    await runner.cleanup()


# ---------------------------------------------------------------------------------------------------- in


@pytest.mark.parametrize("times", range(2))
async def test_a_mention_brings_its_files_in_either_order_of_its_pair(slack: Workspace, times: int) -> None:
    """app_mention lacks them (fault 23); the sandbox sends the two in turn in either order."""
    for number in range(times + 2):
        attachment = await attached(slack, f"{number}.txt")
        assert (attachment.name, attachment.mime, attachment.size) == (f"{number}.txt", "text/plain", 10)


async def test_a_file_is_fetched_whole(slack: Workspace) -> None:
    """With the bot's token, from the address that Slack gave."""
    data = bytes(range(256)) * 2_000
    attachment = await attached(slack, "picture.png", data)
    assert await slack.platform.download(attachment, limit=len(data)) == File(
        "picture.png", "image/png", data
    )


async def test_a_file_that_is_only_named_is_looked_up(slack: Workspace) -> None:
    """Slack Connect: file_access is check_file_info, and `files.info` has the rest."""
    said = await slack.server.say(ADA, GENERAL, "hello", files=[("notes.txt", TEN)])
    first = await slack.next(Incoming)
    slack.server.only_named(first.files[0].id)
    await slack.server.change(ADA, GENERAL, said, "hello there")
    named = replace(first.files[0], url="", name=first.files[0].id, size=0, mime="")
    assert await slack.platform.download(named, limit=10) == File("notes.txt", "text/plain", TEN)
    assert await slack.platform.download(named, limit=9) == Unread("too_large")
    slack.server.scopes.discard("files:read")
    assert await slack.platform.download(named, limit=10) == Unread("denied", "missing_scope")


async def test_a_file_over_the_limit_is_not_fetched(slack: Workspace) -> None:
    """By what Slack told, by what the answer says, and by what comes: a limit is one byte sharp."""
    attachment = await attached(slack)
    assert await slack.platform.download(attachment, limit=9) == Unread("too_large")
    for told in (0, 5):
        unsure = replace(attachment, size=told)
        assert await slack.platform.download(unsure, limit=9) == Unread("too_large")
        assert isinstance(await slack.platform.download(unsure, limit=10), File)


@pytest.mark.parametrize("name", ["picture.png", "page.html"])
async def test_a_page_that_asks_to_sign_in_is_no_file(slack: Workspace, name: str) -> None:
    """Without the scope Slack answers 200 with HTML, which others took for the picture (fault 23)."""
    attachment = await attached(slack, name)
    slack.server.scopes.discard("files:read")
    assert await slack.platform.download(attachment, limit=10_000) == Unread("denied", "login_page")


async def test_a_page_that_somebody_attached_is_a_file(slack: Workspace) -> None:
    page = b"<!DOCTYPE html><html><body>Sign in to Slack</body></html>"
    attachment = await attached(slack, "page.html", page)
    assert await slack.platform.download(attachment, limit=1_000) == File("page.html", "text/html", page)


async def test_a_deleted_file_is_gone(slack: Workspace) -> None:
    attachment = await attached(slack)
    slack.server.drop_file(attachment.id)
    assert await slack.platform.download(attachment, limit=10) == Unread("gone", "http_404")
    assert await slack.platform.download(replace(attachment, url=""), limit=10) == Unread(
        "gone", "file_not_found"
    )


async def test_a_redirect_to_another_host_gets_neither_the_token_nor_a_call(
    slack: Workspace, elsewhere: Elsewhere
) -> None:
    """A token that follows a redirect is somebody else's token (fault 23)."""
    attachment = await attached(slack)
    slack.server.move_file(attachment.id, f"{elsewhere.url}/notes.txt")
    assert await slack.platform.download(attachment, limit=10) == Unread("foreign")
    assert elsewhere.headers == []


async def test_a_redirect_at_home_is_followed_with_the_token(slack: Workspace) -> None:
    """By hand: a client that loses the header on the way gets the login page (fault 23)."""
    first, second = await attached(slack, "a.txt"), await attached(slack, "b.txt", b"moved")
    slack.server.move_file(first.id, second.url)
    assert await slack.platform.download(first, limit=10) == File("a.txt", "text/plain", b"moved")
    slack.server.move_file(second.id, first.url)
    assert await slack.platform.download(first, limit=10) == Unread("unavailable", "too_many_redirects")


async def test_an_address_that_is_not_slacks_is_not_called(slack: Workspace, elsewhere: Elsewhere) -> None:
    """Whatever a payload says: files kept elsewhere (mode "external") are not Slack's to give."""
    attachment = replace(await attached(slack), url=f"{elsewhere.url}/notes.txt")
    assert await slack.platform.download(attachment, limit=10) == Unread("foreign")
    assert elsewhere.headers == []


@pytest.mark.parametrize(
    ("url", "slacks"),
    [
        ("https://files.slack.com/files-pri/T1-F1/a.png", True),
        ("https://acme.slack.com/files/a.png", True),
        ("https://slack.com/a", True),
        ("https://FILES.SLACK.COM/a", True),
        ("https://files.slack.com:443/a", True),
        ("http://127.0.0.1:4000/files-pri/T1-F1/a.png", True),
        ("http://127.0.0.1:4001/files-pri/T1-F1/a.png", False),
        ("https://127.0.0.1:4000/a", False),
        ("http://files.slack.com/a", False),  # the token in the clear
        ("https://files.slack.com:8443/a", False),
        ("https://files.slack.com.evil.example/a", False),
        ("https://evil-slack.com/a", False),
        ("https://files.slack.com@evil.example/a", False),
        ("https://evil.example@files.slack.com/a", False),
        ("https://evil.example/files.slack.com", False),
        ("https://evil.example\\@files.slack.com/a", False),
        ("//files.slack.com/a", False),
        ("ftp://files.slack.com/a", False),
        ("file:///etc/passwd", False),
        ("https://[::1", False),
        ("https://files.slack.com:x/a", False),
        ("", False),
    ],
)
async def test_the_token_is_shown_to_slack_alone(url: str, slacks: bool) -> None:
    """Its own hosts over TLS, and the server that is configured."""
    async with session() as http:
        transfer = Transfer(
            client("http://127.0.0.1:4000/api/", "xoxb", http), http, "http://127.0.0.1:4000/api/"
        )
        assert transfer.is_slacks(url) is slacks


async def test_a_server_that_is_away_is_unavailable(slack: Workspace) -> None:
    soon(slack)
    attachment = replace(await attached(slack), url="")
    slack.server.faults.fault("files.info", status=503, times=9)
    assert await slack.platform.download(attachment, limit=10) == Unread("unavailable", "internal_error")
    assert len(slack.calls("files.info")) == 4


@pytest.mark.parametrize(
    "fault",
    [{"status": 503}, {"status": 429, "retry_after": 1}, {"drop": "before"}, {"drop": "after"}],
    ids=str,
)
async def test_one_slow_moment_of_slacks_cost_the_file_that_was_only_named(
    slack: Workspace, fault: dict[str, str]
) -> None:
    soon(slack)
    attachment = replace(await attached(slack), url="")
    slack.server.faults.fault("files.info", **fault)  # type: ignore[arg-type]  # a table of what fault() takes
    assert isinstance(await slack.platform.download(attachment, limit=10), File)


@dataclass
class Failing:
    """The configured server, which answers so and so before it gives the file."""

    answers: list[int]
    retry_after: str = ""
    asked: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        if not self.answers:
            return web.Response(body=TEN)
        status = self.answers.pop(0)
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        told = {"Retry-After": self.retry_after} if self.retry_after else {}
        return web.Response(status=status or 500, headers=told)


@asynccontextmanager
async def fetching(there: Failing) -> AsyncIterator[Callable[[], Awaitable[File | Unread]]]:
    app = web.Application()
    app.router.add_get("/{path:.*}", there.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with session() as http:
            transfer = Transfer(client(f"{url}/api/", "xoxb", http), http, f"{url}/api/")
            transfer.first_pause = 0.01
            attachment = Attachment("F1", "a.txt", "text/plain", 10, f"{url}/files-pri/a.txt")
            yield lambda: transfer.download(attachment, 10)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("answers", [[429], [500], [503, 502, 500], [0], [0, 429, 0]], ids=str)
async def test_a_file_was_lost_to_a_single_bad_answer(answers: list[int]) -> None:
    there = Failing(answers)
    async with fetching(there) as fetch:
        assert await fetch() == File("a.txt", "text/plain", TEN)


async def test_a_download_waits_as_long_as_it_is_told_and_not_for_minutes() -> None:
    """Somebody waits for the answer that needs the file."""
    there = Failing([429], retry_after="1")
    async with fetching(there) as fetch:
        begun = asyncio.get_running_loop().time()
        assert isinstance(await fetch(), File)
        assert asyncio.get_running_loop().time() - begun >= 1.0
    there = Failing([429], retry_after="300")
    async with fetching(there) as fetch:
        assert await fetch() == Unread("unavailable", "http_429")
        assert there.asked == 1


async def test_there_is_an_end_to_fetching_and_a_no_is_a_no() -> None:
    there = Failing([503] * 9)
    async with fetching(there) as fetch:
        assert await fetch() == Unread("unavailable", "http_503")
        assert there.asked == 4
    there = Failing([403])
    async with fetching(there) as fetch:
        assert await fetch() == Unread("denied", "http_403")
        assert there.asked == 1


# ---------------------------------------------------------------------------------------------------- out


async def test_a_file_goes_into_the_thread_with_its_line(slack: Workspace) -> None:
    """And is taken away again by what `upload` gave for it."""
    place = (await slack.ask()).place
    sent = await slack.platform.upload(
        place, File("answer.md", "text/markdown", b"# Why"), "All of it: <@U0ADA> & co"
    )
    assert isinstance(sent, Sent)
    seen = await slack.seen(files=["answer.md"])
    assert (seen["thread"], seen["pings"]) == (place.thread, [])
    assert seen["text"] == "All of it: &lt;@U0ADA&gt; &amp; co"
    assert slack.server.file(sent.ref.message) == b"# Why"
    assert await slack.platform.delete(place, sent.ref) == Sent(sent.ref)
    assert await slack.platform.delete(place, sent.ref) == Sent(sent.ref)
    with pytest.raises(KeyError):
        slack.server.file(sent.ref.message)


async def test_bytes_go_to_slack_alone(slack: Workspace, elsewhere: Elsewhere) -> None:
    """An upload address is believed only where it is Slack's."""
    place = (await slack.ask()).place
    slack.server._workspace.url = elsewhere.url  # what the addresses begin with that it hands out
    assert await slack.platform.upload(place, File("a.md", "text/plain", b"x"), "") == Denied(
        "foreign_upload_url"
    )
    assert elsewhere.bodies == []


@pytest.mark.parametrize(
    ("method", "fault", "outcome"),
    [
        ("files.getUploadURLExternal", {"error": "missing_scope"}, Denied("missing_scope")),
        ("files.getUploadURLExternal", {"error": "file_upload_size_restricted"}, Rejected("file_upload_size_restricted")),
        ("files.getUploadURLExternal", {"status": 429, "retry_after": 60}, Refused(60.0, f"{TEAM}:files.getUploadURLExternal")),
        ("files.completeUploadExternal", {"error": "posting_to_channel_denied"}, Denied("posting_to_channel_denied")),
        ("files.completeUploadExternal", {"error": "not_in_channel"}, Denied("not_in_channel")),
    ],
)  # fmt: skip
async def test_what_slack_says_of_an_upload_is_data(
    slack: Workspace, method: str, fault: dict[str, str], outcome: object
) -> None:
    """Never an exception; and what Slack has decided is not asked again."""
    place = (await slack.ask()).place
    slack.server.faults.fault(method, **fault)  # type: ignore[arg-type]  # a table of what fault() takes
    assert await slack.platform.upload(place, File("a.md", "text/plain", b"x"), "x") == outcome
    assert len(slack.calls(method)) == 1


UPLOAD = ("files.getUploadURLExternal", "files.completeUploadExternal")


@pytest.mark.parametrize("method", UPLOAD)
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "times": 3},
        {"error": "internal_error"},
        {"drop": "before"},
        {"status": 429, "retry_after": 1},
    ],
    ids=str,
)
async def test_a_server_error_was_told_as_a_lack_of_permission(
    slack: Workspace, method: str, fault: dict[str, Any]
) -> None:
    """One 500, and the asker read that somebody has to allow files here."""
    soon(slack)
    place = (await slack.ask()).place
    slack.server.faults.fault(method, **fault)
    assert isinstance(await slack.platform.upload(place, File("a.md", "text/plain", b"x"), "x"), Sent)
    await slack.seen(files=["a.md"])
    assert shown_with_files(slack) == 1


async def test_a_file_that_stood_there_was_told_to_be_missing(slack: Workspace) -> None:
    """The answer of the last step was lost on its way: the file is there, once."""
    soon(slack)
    place = (await slack.ask()).place
    slack.server.faults.fault("files.completeUploadExternal", drop="after")
    sent = await slack.platform.upload(place, File("a.md", "text/plain", b"x"), "x")
    assert isinstance(sent, Sent)
    assert slack.server.file(sent.ref.message) == b"x"
    assert slack.calls("files.info"), "it was looked whether it is there"
    await slack.seen(files=["a.md"])
    assert shown_with_files(slack) == 1


async def test_an_upload_that_never_succeeds_ends(slack: Workspace) -> None:
    soon(slack)
    place = (await slack.ask()).place
    for method in UPLOAD:
        slack.server.faults.fault(method, status=503, times=4)
        outcome = await slack.platform.upload(place, File("a.md", "text/plain", b"x"), "x")
        assert outcome == Unavailable("internal_error", None)
        assert len(slack.calls(method)) == 4
        slack.server.faults.clear()
    assert shown_with_files(slack) == 0


@pytest.mark.parametrize("status", [500, 0], ids=["500", "dropped"])
async def test_bytes_that_were_lost_on_their_way_are_sent_again(status: int) -> None:
    """The address of an upload is a server of its own."""
    there = Uploads(status)
    async with there.up() as transfer:
        sent = await transfer.upload(Place("slack", TEAM, GENERAL), File("a.md", "text/plain", TEN), "")
    assert sent == Sent(Ref(GENERAL, "F2"))
    assert there.bodies == [TEN]


async def test_a_file_that_slack_names_in_the_place_is_not_completed_twice() -> None:
    """files.info tells where a file is shown; a second completion might show it again."""
    there = Uploads(200, lost=True)
    async with there.up() as transfer:
        sent = await transfer.upload(Place("slack", TEAM, GENERAL), File("a.md", "text/plain", TEN), "")
    assert sent == Sent(Ref(GENERAL, "F1"))
    assert there.completed == 1


@dataclass
class Uploads:
    """A Slack whose first upload address answers so; `lost`: its first completion is applied and not answered."""

    first: int
    lost: bool = False
    bodies: list[bytes] = field(default_factory=list)
    reserved: int = 0
    completed: int = 0
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        match request.path.rpartition("/")[2]:
            case "files.getUploadURLExternal":
                self.reserved += 1
                name = f"F{self.reserved}"
                return web.json_response({"ok": True, "upload_url": f"{self.url}/{name}", "file_id": name})
            case "files.completeUploadExternal":
                self.completed += 1
                if self.lost:
                    assert request.transport is not None
                    request.transport.abort()
                return web.json_response({"ok": True, "files": []})
            case "files.info":
                shares = {"private": {GENERAL: [{"ts": "1.0"}]}} if self.completed else {}
                return web.json_response({"ok": True, "file": {"id": "F1", "shares": shares}})
        body = await request.read()
        status, self.first = self.first, 200
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        if status == 200:
            self.bodies.append(body)
        return web.Response(status=status or 500)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Transfer]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with session() as http:
                transfer = Transfer(client(f"{self.url}/api/", "xoxb", http), http, f"{self.url}/api/")
                transfer.first_pause = 0.01
                yield transfer
        finally:
            await runner.cleanup()


# ---------------------------------------------------------------------------------------------------- deletion


async def test_our_own_message_is_taken_away(slack: Workspace) -> None:
    """Gone already counts as done."""
    place, ref = await slack.posted()
    assert await slack.platform.delete(place, ref) == Sent(ref)
    assert all(message["id"] != ref.message for message in slack.server.messages(GENERAL))
    assert await slack.platform.delete(place, ref) == Sent(ref)


async def test_what_is_not_ours_is_left(slack: Workspace) -> None:
    """Slack says no; and where it is busy, when to try again."""
    asked = await slack.ask()
    assert asked.message is not None
    assert await slack.platform.delete(asked.place, asked.message) == Denied("cant_delete_message")
    slack.server.faults.fault("chat.delete", status=429, retry_after=2)
    assert await slack.platform.delete(asked.place, asked.message) == Refused(2.0, f"{TEAM}:chat.delete")
    slack.server.faults.fault("chat.delete", error="channel_deleted")
    assert await slack.platform.delete(asked.place, Ref(GENERAL, "1.0")) == Gone("channel_deleted")


async def test_no_log_holds_an_address_or_a_token(slack: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    """A file's address may carry its own permission."""
    caplog.set_level(logging.DEBUG)
    attachment = await attached(slack, "SECRET.txt")
    await slack.platform.download(attachment, limit=100)
    await slack.platform.download(replace(attachment, url="https://evil.example/SECRET"), limit=100)
    slack.server.drop_file(attachment.id)
    await slack.platform.download(attachment, limit=100)
    place = Place("slack", TEAM, GENERAL)
    await slack.platform.upload(place, File("SECRET.md", "text/plain", b"SECRET"), "SECRET")
    said = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "SECRET" not in said
    assert "files-pri" not in said
    assert "xoxb-" not in said
