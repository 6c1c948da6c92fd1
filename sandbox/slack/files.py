"""Files: the three-step upload, files.info, and downloads. Law: a file's bytes are given only to the bot's token.

An upload is shown a moment after its completion was answered; files.info tells where. Without a token, or with another,
a download answers HTTP 200 with a login page, as Slack does: a client must look at the content type.
"""

from __future__ import annotations

import mimetypes
import secrets
from typing import Any

from aiohttp import web

from sandbox.slack.arguments import Arguments, body_of, fields_of
from sandbox.slack.chat import content
from sandbox.slack.nouns import BOT_USER, TEAM, Channel, File
from sandbox.slack.places import Places
from sandbox.slack.refusals import SlackError
from sandbox.slack.web_api import Handler, Tokens

MOST_BYTES = 1_000_000_000  # documented: 1 GB a file
_LOGIN = (
    "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body>Sign in to Slack</body></html>"
)


class Files:
    """Files of the workspace."""

    def __init__(self, places: Places, tokens: Tokens) -> None:
        self._places = places
        self._workspace = places.workspace
        self._tokens = tokens
        self.moved: dict[str, str] = {}  # file -> where its downloads are sent
        self._uploads: dict[str, File] = {}  # secret of an upload's address -> its file

    def handlers(self) -> dict[str, Handler]:
        return {
            "files.getUploadURLExternal": self.reserve,
            "files.completeUploadExternal": self.complete,
            "files.info": self.info,
            "files.delete": self.delete,
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/upload/v1/{secret}", self.upload),
            web.get(f"/files-pri/{TEAM}-{{file}}/{{rest:.*}}", self.download),
        ]

    def keep(self, owner: str, name: str, data: bytes, mimetype: str = "") -> File:
        """A person's file."""
        guessed = mimetype or mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = File(_file_id(), name, name, guessed, len(data), owner, content=data)
        self._workspace.files[file.id] = file
        return file

    async def reserve(self, said: Arguments) -> dict[str, Any]:
        name, length = said.text("filename"), said.number("length", 0)
        if length <= 0:
            raise SlackError("invalid_arguments", ["length must be greater than 0 [json-pointer:/length]"])
        if length > MOST_BYTES:
            raise SlackError("file_upload_size_restricted")
        if said.text("snippet_type") and length > 1_000_000:
            raise SlackError("snippet_too_large")
        guessed = mimetypes.guess_type(name)[0] or "text/plain"
        file = File(_file_id(), name, name, guessed, length, BOT_USER)
        self._workspace.files[file.id] = file
        secret = secrets.token_urlsafe(16)
        self._uploads[secret] = file
        return {"upload_url": f"{self._workspace.url}/upload/v1/{secret}", "file_id": file.id}

    async def upload(self, request: web.Request) -> web.Response:
        file = self._uploads.get(request.match_info["secret"])
        if file is None:
            return web.Response(status=404, text="no such upload")
        try:
            data = await _uploaded(request)
        except SlackError as refused:
            return web.Response(status=400, text=refused.code)
        file.content = data
        file.length = len(data)
        return web.Response(text=f"OK - {len(data)}")

    async def complete(self, said: Arguments) -> dict[str, Any]:
        wanted = said.structure("files", "invalid_arguments")
        if not isinstance(wanted, list) or not wanted or not all(isinstance(one, dict) for one in wanted):
            raise SlackError("invalid_arguments", ["files must be a list of objects [json-pointer:/files]"])
        files = []
        for one in wanted:
            file = self._workspace.files.get(str(one.get("id")))
            if file is None or file.content is None or file.owner != BOT_USER or file.shared:
                raise SlackError("file_not_found")
            file.title = str(one.get("title") or file.name)
            files.append(file)
        place = said.text("channel_id") or said.text("channels").partition(",")[0]
        if place:
            self._share(said, place, files)
        self._uploads = {secret: file for secret, file in self._uploads.items() if file not in files}
        return {"files": [self._workspace.file_json(file) for file in files]}

    def _share(self, said: Arguments, place: str, files: list[File]) -> None:
        named = Arguments({"channel": place, "thread_ts": said.text("thread_ts")})
        channel = self._places.writable(named)
        thread = self._places.thread(channel, named)
        blocks = content(Arguments({"blocks": said.structure("blocks", "invalid_blocks")})).blocks
        for file in files:
            file.shared = True
        what = {"thread": thread, "files": files, "blocks": blocks}
        self._workspace.spawn(self._appear(channel, said.text("initial_comment"), what))

    async def _appear(self, channel: Channel, words: str, what: dict[str, Any]) -> None:
        clock = self._workspace.clock
        await clock.sleep(clock.duration("slack.share"))
        self._workspace.post(channel, BOT_USER, words, **what)

    async def info(self, said: Arguments) -> dict[str, Any]:
        file = self._file(said)
        return {
            "file": self._workspace.file_json(file) | self._shares(file),
            "comments": [],
            "response_metadata": {"next_cursor": ""},
        }

    def _shares(self, file: File) -> dict[str, Any]:
        """Where a file stands, as far as the bot may know: nowhere yet while its message is on the way."""
        body: dict[str, Any] = {"channels": [], "groups": [], "ims": [], "shares": {}}
        for channel in self._workspace.channels.values():
            messages = [one for one in channel.messages.values() if file in one.files]
            if not messages or not (channel.kind == "channel" or self._workspace.is_member(channel)):
                continue
            body[{"channel": "channels", "private": "groups", "im": "ims"}[channel.kind]].append(channel.id)
            place = body["shares"].setdefault("public" if channel.kind == "channel" else "private", {})
            place[channel.id] = [
                {"ts": one.ts, "channel_name": channel.name, "team_id": TEAM, "share_user_id": one.author}
                | ({"thread_ts": one.thread} if one.thread else {})
                for one in messages
            ]
        return body

    async def delete(self, said: Arguments) -> dict[str, Any]:
        file = self._file(said)
        if file.owner != BOT_USER:
            raise SlackError("cant_delete_file")
        del self._workspace.files[file.id]
        return {}

    def _file(self, said: Arguments) -> File:
        file = self._workspace.files.get(said.text("file"))
        if file is None:
            raise SlackError("file_not_found")
        return file

    async def download(self, request: web.Request) -> web.Response:
        moved = self.moved.get(request.match_info["file"])
        if moved is not None:
            return web.Response(status=302, headers={"Location": moved})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        may = token == self._tokens.bot and not self._tokens.revoked and "files:read" in self._tokens.scopes
        if not may:
            return web.Response(text=_LOGIN, content_type="text/html")
        file = self._workspace.files.get(request.match_info["file"])
        if file is None or file.content is None:
            return web.Response(status=404, text="not found")
        return web.Response(body=file.content, content_type=file.mimetype)


async def _uploaded(request: web.Request) -> bytes:
    """Raw bytes, or the first file of a form (which is how curl sends one)."""
    if request.content_type != "multipart/form-data":
        return await body_of(request)
    fields = await fields_of(request)
    parts = [value for value in fields.values() if isinstance(value, web.FileField)]
    return parts[0].file.read() if parts else b""


def _file_id() -> str:
    return "F0" + secrets.token_hex(4).upper()
