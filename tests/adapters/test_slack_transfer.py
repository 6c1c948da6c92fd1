"""Files in and out, on the sandbox's Slack: what may be fetched, what is left, and where the token never goes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

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
    attachment = replace(await attached(slack), url="")
    slack.server.faults.fault("files.info", status=503)
    assert await slack.platform.download(attachment, limit=10) == Unread("unavailable", "internal_error")


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
        ("files.getUploadURLExternal", {"status": 429, "retry_after": 3}, Refused(3.0, f"{TEAM}:files.getUploadURLExternal")),
        ("files.completeUploadExternal", {"error": "posting_to_channel_denied"}, Denied("posting_to_channel_denied")),
        ("files.completeUploadExternal", {"error": "not_in_channel"}, Denied("not_in_channel")),
        ("files.completeUploadExternal", {"status": 503}, Unavailable("internal_error", None)),
        ("files.completeUploadExternal", {"drop": "after"}, Unavailable("connection_lost", None)),
    ],
)  # fmt: skip
async def test_what_slack_says_of_an_upload_is_data(
    slack: Workspace, method: str, fault: dict[str, str], outcome: object
) -> None:
    """Never an exception; and a lost answer is not sent again."""
    place = (await slack.ask()).place
    slack.server.faults.fault(method, **fault)  # type: ignore[arg-type]  # a table of what fault() takes
    assert await slack.platform.upload(place, File("a.md", "text/plain", b"x"), "x") == outcome
    assert len(slack.calls(method)) == 1


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
