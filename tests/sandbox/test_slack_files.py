"""Files on the sandbox's Slack: the SDK's upload, downloads with and without the token."""

from __future__ import annotations

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.record import Entry
from sandbox.slack.server import SlackServer

GENERAL = "C0GENERAL"


def client(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)


async def test_a_file_is_uploaded_into_the_thread(slack: SlackServer) -> None:
    """files_upload_v2: an address, the bytes, the message with its comment."""
    root = await slack.say("U0ADA", GENERAL, "question")
    await client(slack).files_upload_v2(
        content="# Answer\n",
        filename="answer.md",
        title="The answer",
        channel=GENERAL,
        thread_ts=root,
        initial_comment="here",
    )
    assert len(slack.messages(GENERAL)) == 1, "it is posted a moment later"
    await shown_with(slack, "answer.md")
    _, message = slack.messages(GENERAL)
    assert (message["text"], message["thread"], message["author"]) == ("here", root, slack.bot_id)
    (file,) = message["files"]
    assert (file["name"], file["size"]) == ("answer.md", 9)
    assert slack.file(file["id"]) == b"# Answer\n"
    assert slack.record.entries("shown")[-1]["files"] == ["answer.md"]


async def shown_with(slack: SlackServer, name: str) -> Entry:
    """Wait for the message that has this file."""
    shown = await slack.record.wait(lambda record: record.entries("shown", files=[name]), within=5)
    return shown[-1]


async def test_where_a_file_stands_is_told_by_files_info(slack: SlackServer) -> None:
    """Nowhere while its message is on the way; then its channel, the message and the thread."""
    root = await slack.say("U0ADA", GENERAL, "question")
    web = client(slack)
    for channel, listed in ((GENERAL, "channels"), ("G0COUNCIL", "groups"), (slack.direct("U0ADA"), "ims")):
        name = f"{listed}.md"
        reserved = await web.files_getUploadURLExternal(filename=name, length=1)
        async with aiohttp.ClientSession() as session:
            await session.post(reserved["upload_url"], data=b"x")
        await web.files_completeUploadExternal(
            files=[{"id": reserved["file_id"], "title": name}],
            channel_id=channel,
            thread_ts=root if channel == GENERAL else None,
        )
        before = (await web.files_info(file=reserved["file_id"]))["file"]
        assert (before["shares"], before[listed]) == ({}, [])
        shown = await shown_with(slack, name)
        after = (await web.files_info(file=reserved["file_id"]))["file"]
        [share] = after["shares"]["public" if channel == GENERAL else "private"][channel]
        assert (share["ts"], share.get("thread_ts", "")) == (shown["message"], shown["thread"])
        assert {kind: after[kind] for kind in ("channels", "groups", "ims")} == {
            kind: [channel] if kind == listed else [] for kind in ("channels", "groups", "ims")
        }


async def test_an_upload_that_was_not_finished_is_not_shared(slack: SlackServer) -> None:
    """No bytes, no file; and a file is shared once."""
    web = client(slack)
    reserved = await web.files_getUploadURLExternal(filename="a.txt", length=1)
    with pytest.raises(SlackApiError, match="file_not_found"):
        await web.files_completeUploadExternal(
            files=[{"id": reserved["file_id"], "title": "a"}], channel_id=GENERAL
        )
    async with aiohttp.ClientSession() as session, session.post(reserved["upload_url"], data=b"x") as answer:
        assert await answer.text() == "OK - 1"
    done = [{"id": reserved["file_id"], "title": "a"}]
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await web.files_completeUploadExternal(files=done, channel_id="C0LOBBY")
    await web.files_completeUploadExternal(files=done, channel_id=GENERAL)
    with pytest.raises(SlackApiError, match="file_not_found"):
        await web.files_completeUploadExternal(files=done, channel_id=GENERAL)


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [("{token}", "text/plain"), ("Bearer xoxb-other", "text/html"), ("", "text/html")],
)
async def test_a_download_without_the_token_is_a_login_page(
    slack: SlackServer, authorization: str, kind: str
) -> None:
    """HTTP 200 all the same: a client must look at the content type."""
    await slack.say("U0ADA", GENERAL, "look", files=[("notes.txt", b"secret")])
    found = await client(slack).conversations_history(channel=GENERAL)
    url = found["messages"][0]["files"][0]["url_private_download"]
    said = authorization.format(token=f"Bearer {slack.bot_token}")
    headers = {"Authorization": said} if said else {}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        body = await answer.read()
        assert (answer.status, answer.content_type) == (200, kind)
        assert (body == b"secret") is (kind == "text/plain")


async def test_a_persons_file_can_be_looked_up_but_not_deleted(slack: SlackServer) -> None:
    """files.info, files.delete."""
    await slack.say("U0ADA", GENERAL, "", files=[("photo.png", b"\x89PNG")])
    (message,) = slack.messages(GENERAL)
    file = message["files"][0]["id"]
    web = client(slack)
    assert (await web.files_info(file=file))["file"]["mimetype"] == "image/png"
    with pytest.raises(SlackApiError, match="cant_delete_file"):
        await web.files_delete(file=file)
