"""The raw events of one call, put together. Law: unknown events and deltas are passed over, never fatal.

What is kept is the content that a continued turn (`pause_turn`) has to send back unchanged, the stop reason and the
usage, whose last figures replace the first ones (the API sends them cumulative).
"""

from __future__ import annotations

import json
import logging
from typing import Any

from anthropic.types import RawMessageStreamEvent

from bot.claude.events import AnswerEvent, Spent, Text, Thinking, Usage, Working

log = logging.getLogger(__name__)


class Assembly:
    """One call's answer so far."""

    def __init__(self) -> None:
        self.stop_reason = ""
        self.stopped = False
        self._blocks: dict[int, dict[str, Any]] = {}
        self._inputs: dict[int, list[str]] = {}
        self._counts: dict[str, int] = {}

    def take(self, event: RawMessageStreamEvent) -> AnswerEvent | None:
        """Note the event; what of it concerns people is returned."""
        try:
            return self._take(event)
        except (AttributeError, TypeError, KeyError) as error:
            # The SDK does not validate: a field that a server left out is missing only when it is looked at.
            log.warning(
                "claude.odd_event", extra={"event_type": str(event.type)[:40], "error": type(error).__name__}
            )
            return None

    def _take(self, event: RawMessageStreamEvent) -> AnswerEvent | None:
        match event.type:
            case "message_start":
                self._count(event.message.usage)
                return Spent(self.usage)
            case "content_block_start":
                return self._start(event.index, event.content_block.to_dict())
            case "content_block_delta":
                return self._delta(event.index, event.delta)
            case "content_block_stop":
                if event.index in self._inputs:
                    self._blocks[event.index]["input"] = json.loads(
                        "".join(self._inputs[event.index]) or "{}"
                    )
            case "message_delta":
                self.stop_reason = event.delta.stop_reason or self.stop_reason
                self._count(event.usage)
                return Spent(self.usage)
            case "message_stop":
                self.stopped = bool(self.stop_reason)
        return None

    def _start(self, index: int, block: dict[str, Any]) -> AnswerEvent | None:
        self._blocks[index] = block
        match block.get("type"):
            case "thinking" | "redacted_thinking":
                return Thinking()
            case "tool_use" | "server_tool_use" | "mcp_tool_use":
                self._inputs[index] = []
                return Working(str(block.get("name") or "a tool"))
            case "text" if block.get("text"):
                return Text(str(block["text"]))
        return None

    def _delta(self, index: int, delta: Any) -> AnswerEvent | None:
        block = self._blocks.setdefault(index, {"type": "text", "text": ""})
        match delta.type:
            case "text_delta":
                block["text"] = block.get("text", "") + delta.text
                return Text(delta.text) if delta.text else None
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta.thinking
            case "signature_delta":
                block["signature"] = delta.signature
            case "input_json_delta":
                self._inputs.setdefault(index, []).append(delta.partial_json)
            case "citations_delta":
                block["citations"] = [*(block.get("citations") or []), delta.citation.to_dict()]
        return None

    def _count(self, usage: Any) -> None:
        """Later figures replace earlier ones; a field that is missing or null says nothing."""
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        ):
            count = getattr(usage, name, None)
            if isinstance(count, int):
                self._counts[name] = count

    @property
    def heard(self) -> bool:
        """Whether the model had begun."""
        return bool(self._counts or self._blocks)

    @property
    def usage(self) -> Usage:
        """What the call has cost so far; also a call that broke off was billed."""
        count = self._counts.get
        return Usage(
            tokens_in=count("input_tokens", 0),
            tokens_out=count("output_tokens", 0),
            cache_read=count("cache_read_input_tokens", 0),
            cache_written=count("cache_creation_input_tokens", 0),
        )

    def content(self) -> list[Any]:
        """The blocks as they came, to be sent back unchanged; an empty text block is refused by the API."""
        blocks = [block for _, block in sorted(self._blocks.items())]
        return [block for block in blocks if block.get("type") != "text" or block.get("text")]
