"""response_url, and what a bot says in its acknowledgement. Law: five uses within thirty minutes, then no more."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from sandbox.slack import blocks as kit
from sandbox.slack.arguments import Arguments, body_of, decoded
from sandbox.slack.chat import content
from sandbox.slack.nouns import BOT, BOT_USER, TEAM, Channel, Message
from sandbox.slack.refusals import SlackError
from sandbox.slack.workspace import Workspace

MOST_USES = 5  # documented


@dataclass(slots=True)
class Target:
    """Where a response goes: the place and the person of a command or a press, and the message that was pressed."""

    channel: Channel
    person: str
    message: Message | None
    until: float
    uses: int = 0


class Responses:
    """The addresses that were handed out."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._targets: dict[str, Target] = {}

    def issue(self, channel: Channel, person: str, message: Message | None = None) -> tuple[str, Target]:
        """(the address, its target)."""
        clock = self._workspace.clock
        target = Target(channel, person, message, clock.now() + clock.duration("slack.response_url"))
        kind = "commands" if message is None else "actions"
        path = f"/{kind}/{TEAM}/{secrets.randbelow(10**12)}/{secrets.token_urlsafe(16)}"
        self._targets[path] = target
        return self._workspace.url + path, target

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"/{kind}/{TEAM}/{{number}}/{{secret}}", self.handle) for kind in ("commands", "actions")
        ]

    async def handle(self, request: web.Request) -> web.Response:
        target = self._targets.get(request.path)
        if target is None:
            return self._answer(404, "no_service")
        if self._workspace.clock.now() > target.until:
            return self._answer(404, "expired_url")
        if target.uses >= MOST_USES:
            return self._answer(404, "used_url")
        try:
            raw = await body_of(request)
            if request.content_type == "application/x-www-form-urlencoded":
                raw = parse_qs(raw.decode("ascii", "replace")).get("payload", [""])[0].encode()
            body = decoded(raw)
        except (ValueError, SlackError):
            body = None
        if not isinstance(body, dict):
            return self._answer(400, "invalid_payload")
        target.uses += 1
        try:
            self.respond(target, body)
        except SlackError as refused:
            return self._answer(400, refused.code)
        self._record(200, "")
        return web.Response(text="ok")

    def _answer(self, status: int, error: str) -> web.Response:
        self._record(status, error)
        return web.Response(
            status=status, text=json.dumps({"ok": False, "error": error}), content_type="application/json"
        )

    def _record(self, status: int, error: str) -> None:
        self._workspace.record.add(
            "call",
            "slack",
            method="response_url",
            scope=TEAM,
            status=status,
            error=error,
            took=0.0,
            channel="",
            message="",
        )

    def respond(self, target: Target, body: dict[str, Any]) -> None:
        """Do what a response says. Raises SlackError."""
        said = Arguments(body)
        original = target.message
        if said.flag("delete_original"):
            if original is not None:
                self._workspace.remove(target.channel, original)
            return
        what = content(said)
        if what.empty:
            raise SlackError("no_text")
        text = what.text or ""
        if said.flag("replace_original") and original is not None:
            self._workspace.edit(target.channel, original, by=BOT, mark=False, text=text, blocks=what.blocks)
            return
        thread = said.text("thread_ts")
        if said.text("response_type") == "in_channel":
            for part in [text] if what.blocks else kit.pieces(text):
                self._workspace.post(target.channel, BOT_USER, part, blocks=what.blocks, thread=thread)
            return
        self._workspace.whisper(target.channel, target.person, text, blocks=what.blocks, thread=thread)
