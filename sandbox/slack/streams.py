"""chat.startStream, chat.appendStream, chat.stopStream. Law: a stream lives from its start to its stop, its seal or the
person who stops it, and keeps the mode of its first content.

Observed rather than documented (see each): the seal, the cap on the size, the mode lock.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack import blocks as kit
from sandbox.slack.agent import STATUSES, Agent
from sandbox.slack.arguments import Arguments
from sandbox.slack.chat import metadata
from sandbox.slack.nouns import BOT_USER, TEAM, Channel, Message, Stream
from sandbox.slack.places import Places
from sandbox.slack.refusals import SlackError
from sandbox.slack.web_api import Handler

# Observed: msg_too_long at 11,977 of 15,668 characters (CopilotKit#6063), at 10.6-11.3 k UTF-8 bytes (openclaw#143882).
MOST_BYTES = 11_500
MOST_AT_ONCE = 12_000  # documented for markdown_text
_STATUSES = frozenset(("pending", "in_progress", "complete", "error"))


class Streams:
    """Messages that grow natively."""

    def __init__(self, places: Places, agent: Agent) -> None:
        self._places = places
        self._agent = agent
        self._workspace = places.workspace

    def handlers(self) -> dict[str, Handler]:
        return {
            "chat.startStream": self.start,
            "chat.appendStream": self.append,
            "chat.stopStream": self.stop,
        }

    async def start(self, said: Arguments) -> dict[str, Any]:
        channel = self._places.writable(said)
        thread = said.text("thread_ts")
        root = channel.messages.get(thread)
        # Omitted (or "0") means a stream at the top level, which only a channel of Slack Code takes. What
        # chat.postMessage makes of a reply's ts, a stream does not.
        if root is None or root.thread:
            raise SlackError("invalid_thread_ts")
        recipient = said.text("recipient_user_id")
        if channel.kind != "im":
            if not recipient:
                raise SlackError("missing_recipient_user_id")
            if not said.text("recipient_team_id"):
                raise SlackError("missing_recipient_team_id")
        if recipient and recipient not in self._workspace.people:
            raise SlackError("user_not_found")
        if said.text("recipient_team_id", TEAM) != TEAM:
            raise SlackError("team_not_found")
        if said.text("task_display_mode", "timeline") not in ("timeline", "plan"):
            raise SlackError("invalid_arguments", ["task_display_mode must be timeline or plan"])
        stream = Stream(self._workspace.clock.now(), recipient)
        self._grow(stream, said, required=False)
        message = self._workspace.post(
            channel, BOT_USER, "", thread=thread, stream=stream, username=said.text("username")
        )
        self._agent.streamed(channel, thread, "processing")
        return {"channel": channel.id, "ts": message.ts}

    async def append(self, said: Arguments) -> dict[str, Any]:
        channel, message, stream = self._live(said, over="stopped_by_user")
        self._grow(stream, said, required=True)
        self._workspace.append(message)
        return {"channel": channel.id, "ts": message.ts}

    async def stop(self, said: Arguments) -> dict[str, Any]:
        channel, message, stream = self._live(said)
        status = said.text("session_status", "active")
        if status not in STATUSES:
            raise SlackError(
                "invalid_arguments", ["session_status must be active, processing, suspended or closed"]
            )
        marked = metadata(said)
        blocks = said.structure("blocks", "invalid_blocks_format")
        below = kit.check_blocks(blocks) if blocks is not None else []
        self._grow(stream, said, required=False)
        before = self._workspace.message_json(message)
        stream.over = True
        stream.blocks += below
        message.metadata = marked or None
        message.text = stream.source[: kit.MOST_TEXT_KEPT]
        self._workspace.append(message)
        self._workspace.announce_change(channel, message, before)
        self._agent.streamed(channel, message.thread, status)
        return {
            "channel": channel.id,
            "ts": message.ts,
            "message": self._workspace.message_json(message, metadata=True) | {"subtype": "bot_message"},
        }

    def _live(
        self, said: Arguments, *, over: str = "message_not_in_streaming_state"
    ) -> tuple[Channel, Message, Stream]:
        """The stream that a call means. Raises what Slack answers where it is over; `over`: where a person has ended it."""
        channel = self._places.writable(said)
        message = self._places.message(channel, said.text("ts"))
        if not message.by_bot:
            raise SlackError("message_not_owned_by_app")
        stream = message.stream
        if stream is not None and stream.stopped_by:
            raise SlackError(over)
        if stream is None or stream.over or self.sealed(stream):
            raise SlackError("message_not_in_streaming_state")
        return channel, message, stream

    def sealed(self, stream: Stream) -> bool:
        """Slack ends a stream some five minutes after its start (slackapi/python-slack-sdk#1859)."""
        return self._workspace.clock.now() - stream.started >= self._workspace.clock.duration(
            "slack.stream_seal"
        )

    # ------------------------------------------------------------------------------------------------ content

    def _grow(self, stream: Stream, said: Arguments, *, required: bool) -> None:
        """Check everything, then apply it: a refused call changes nothing."""
        text = said.text("markdown_text")
        chunks = said.structure("chunks", "invalid_chunks")
        if chunks is not None and not isinstance(chunks, list):
            raise SlackError("invalid_chunks")
        if len(text) > MOST_AT_ONCE:
            raise SlackError("msg_too_long")
        if not text and not chunks:
            if required:
                raise SlackError("no_text")
            return
        # Observed by several projects: markdown_text and chunks never meet in one stream.
        mode = "text" if text else "chunks"
        if (text and chunks) or stream.mode not in ("", mode):
            raise SlackError("streaming_mode_mismatch")
        size = len(text.encode()) + sum(_checked(chunk) for chunk in chunks or ())
        if stream.size + size > MOST_BYTES:
            raise SlackError("msg_too_long")
        added = [block for chunk in chunks or () if chunk["type"] == "blocks" for block in chunk["blocks"]]
        checked = kit.check_blocks(added) if added else []
        if len(stream.blocks) + len(checked) > kit.MOST_BLOCKS:
            raise SlackError("msg_blocks_too_many")
        more = text + "".join(chunk["text"] for chunk in chunks or () if chunk["type"] == "markdown_text")
        kit.check_tables(stream.text + more)
        stream.mode = "text" if text else "chunks"
        stream.size += size
        stream.blocks += checked
        stream.text += more
        for chunk in chunks or ():
            _apply(stream, chunk)


def _checked(chunk: object) -> int:
    """What a chunk counts towards the cap, in UTF-8 bytes. Raises SlackError("invalid_chunks")."""
    if not isinstance(chunk, dict):
        raise SlackError("invalid_chunks")
    kind = chunk.get("type")
    if kind == "markdown_text" and isinstance(chunk.get("text"), str):
        return len(chunk["text"].encode())
    if kind == "plan_update" and isinstance(chunk.get("title"), str) and len(chunk["title"]) <= 256:
        return len(chunk["title"].encode())
    if kind == "blocks" and isinstance(chunk.get("blocks"), list):
        if len(chunk["blocks"]) > kit.MOST_BLOCKS:
            raise SlackError("msg_blocks_too_many")
        return 0
    if kind == "task_update":
        title, status = chunk.get("title"), chunk.get("status")
        known = (
            isinstance(title, str) and len(title) <= 256 and isinstance(status, str) and status in _STATUSES
        )
        if known and isinstance(chunk.get("id"), str) and chunk["id"]:
            # Observed (openclaw#143882): details count twice.
            details = str(chunk.get("details") or "") * 2 + str(chunk.get("output") or "")
            return len(str(title).encode()) + len(details.encode())
    raise SlackError("invalid_chunks")


def _apply(stream: Stream, chunk: dict[str, Any]) -> None:
    if chunk["type"] == "plan_update":
        stream.plan = chunk["title"]
    elif chunk["type"] == "task_update":
        task = stream.tasks.setdefault(chunk["id"], {"details": ""})
        # A title and a status replace, details are appended.
        task |= {"title": chunk["title"], "status": chunk["status"]}
        task["details"] += str(chunk.get("details") or "")
