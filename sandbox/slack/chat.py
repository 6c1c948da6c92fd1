"""chat.postMessage, chat.update, chat.delete, chat.postEphemeral, chat.getPermalink. Law: only own messages change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.slack import blocks as kit
from sandbox.slack.arguments import Arguments
from sandbox.slack.nouns import BOT, BOT_USER, DOMAIN, Channel, Message
from sandbox.slack.places import Places
from sandbox.slack.refusals import SlackError
from sandbox.slack.web_api import Handler

MOST_METADATA = 4_096  # observed: metadata_too_large above 4 KB


@dataclass(frozen=True, slots=True)
class Content:
    """What a call wants shown; None where the call does not say."""

    text: str | None
    blocks: list[kit.Block] | None
    attachments: list[dict[str, Any]] | None

    @property
    def empty(self) -> bool:
        return not (self.text and self.text.strip()) and not self.blocks and not self.attachments


def content(said: Arguments) -> Content:
    """Text, blocks and attachments of a call, checked. Raises SlackError as Slack would."""
    text = said.text("text") if "text" in said else None
    blocks = said.structure("blocks", "invalid_blocks_format")
    checked = kit.check_blocks(blocks) if blocks is not None else None
    attachments = said.structure("attachments", "invalid_attachments")
    if attachments is not None and not (
        isinstance(attachments, list) and all(isinstance(one, dict) for one in attachments)
    ):
        raise SlackError("invalid_attachments")
    if attachments is not None and len(attachments) > 100:
        raise SlackError("too_many_attachments")
    if "markdown_text" in said:
        markdown = said.text("markdown_text")
        if text or checked:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > kit.MOST_MARKDOWN:
            raise SlackError("msg_too_long")
        if markdown:
            checked = kit.check_blocks([{"type": "markdown", "text": markdown}])
            text = markdown[: kit.SPLIT]
    return Content(text, checked, attachments)


def metadata(said: Arguments) -> dict[str, Any] | None:
    """None where the call does not say; {} takes it away. Raises SlackError."""
    value = said.structure("metadata", "invalid_metadata_format")
    if value is None:
        return None
    if value == {}:
        return {}
    if not isinstance(value, dict) or not isinstance(value.get("event_type"), str):
        raise SlackError("invalid_metadata_schema")
    if not isinstance(value.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    if len(repr(value)) > MOST_METADATA:
        raise SlackError("metadata_too_large")
    return value


class Chat:
    """Messages by the bot."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._workspace = places.workspace

    def handlers(self) -> dict[str, Handler]:
        return {
            "chat.postMessage": self.post,
            "chat.update": self.update,
            "chat.delete": self.delete,
            "chat.postEphemeral": self.whisper,
            "chat.getPermalink": self.permalink,
        }

    async def post(self, said: Arguments) -> dict[str, Any]:
        channel = self._places.writable(said, by_name=True)
        what = content(said)
        if what.empty:
            raise SlackError("no_text")
        marked = metadata(said)
        thread = self._places.thread(channel, said)
        text = what.text or ""
        more: dict[str, Any] = {
            "thread": thread,
            "username": said.text("username"),
            "broadcast": bool(thread) and said.flag("reply_broadcast"),
            "attachments": what.attachments or [],
            # docs chat.postMessage: media is unfurled unless that is refused, text only where that is asked for.
            "unfurls": said.flag("unfurl_media", default=True) or said.flag("unfurl_links"),
        }
        # With blocks the text is only what a notification says, and is never split.
        parts = [text[: kit.MOST_TEXT_KEPT]] if what.blocks else kit.pieces(text)
        first = self._workspace.post(
            channel, BOT_USER, parts[0], blocks=what.blocks, metadata=marked or None, **more
        )
        for part in parts[1:]:
            self._workspace.post(channel, BOT_USER, part, metadata=marked or None, **more)
        body = {
            "channel": channel.id,
            "ts": first.ts,
            "message": self._workspace.message_json(first, metadata=True),
        }
        if len(text) > kit.MOST_TEXT_KEPT:
            body |= {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
        return body

    async def update(self, said: Arguments) -> dict[str, Any]:
        channel, message = self._own(said, "cant_update_message")
        if channel.archived:
            raise SlackError("is_inactive")
        if message.stream is not None and not message.stream.over and not self._sealed(message):
            raise SlackError("streaming_state_conflict")
        what = content(said)
        marked = metadata(said)
        if what.text is not None and "text" in said and len(what.text) > kit.MOST_TEXT_ON_UPDATE:
            raise SlackError("msg_too_long")
        if what.empty and not (what.blocks == [] and message.text):
            raise SlackError("no_text")
        text = message.text if what.text is None else what.text
        # Blocks that the call does not mention are taken away by a text, and stay otherwise.
        blocks = what.blocks if what.blocks is not None or what.text is not None else message.blocks
        self._workspace.edit(
            channel,
            message,
            by=BOT,
            mark=not what.blocks,
            text=text,
            blocks=blocks or None,
            attachments=message.attachments if what.attachments is None else what.attachments,
            metadata=message.metadata if marked is None else (marked or None),
            stream=None,
        )
        return {
            "channel": channel.id,
            "ts": message.ts,
            "text": text,
            "message": self._workspace.message_json(message, metadata=True),
        }

    def _sealed(self, message: Message) -> bool:
        assert message.stream is not None
        age = self._workspace.clock.now() - message.stream.started
        return age >= self._workspace.clock.duration("slack.stream_seal")

    async def delete(self, said: Arguments) -> dict[str, Any]:
        channel, message = self._own(said, "cant_delete_message")
        self._workspace.remove(channel, message)
        return {"channel": channel.id, "ts": message.ts}

    def _own(self, said: Arguments, fault: str) -> tuple[Channel, Message]:
        channel = self._places.known(said)
        if BOT_USER not in channel.members:
            raise SlackError("channel_not_found")
        message = self._places.message(channel, said.text("ts"))
        if not message.by_bot:
            raise SlackError(fault)
        return channel, message

    async def whisper(self, said: Arguments) -> dict[str, Any]:
        channel = self._places.writable(said)
        person = said.text("user")
        if person not in channel.members:
            raise SlackError("user_not_in_channel")
        what = content(said)
        if what.empty:
            raise SlackError("no_text")
        thread = self._places.thread(channel, said)
        message = self._workspace.whisper(channel, person, what.text or "", blocks=what.blocks, thread=thread)
        return {"message_ts": message.ts}

    async def permalink(self, said: Arguments) -> dict[str, Any]:
        channel = self._places.known(said)
        message = self._places.message(channel, said.text("message_ts"))
        link = f"https://{DOMAIN}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
        if message.thread:
            link += f"?thread_ts={message.thread}&cid={channel.id}"
        return {"channel": channel.id, "permalink": link}
