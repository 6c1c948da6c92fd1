"""A script as the events of the wire. Law: pure; the same script and request give the same bytes.

Every event is `event: <type>`, one line of data with the same type, and a blank line, the last one too. What
waits and what writes is server.py: a `Step` only says what to send, and how much of the script's time it takes.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from sandbox.claude.script import Fault, Script, ServerTool, Text, Thinking, ToolUse
from sandbox.claude.usage import tokens

PING = b'event: ping\ndata: {"type": "ping"}\n\n'

# Claude's own pace in tokens: mostly a few characters, at times a phrase, now and then a sentence.
_SIZES = ((1, 6, 60), (6, 18, 30), (30, 80, 8), (120, 240, 2))


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that goes over the wire.

    data    bytes to send
    text    what this adds to the answer that a reader sees
    weight  characters of pace: the step is due so many characters later than the one before
    pause   sandbox seconds of silence before it; with `pings`, of pings
    close   how the body ends after it: "fin" and "rst" break it, "end" ends it properly
    ends    why the answer is over with this step: a stop reason, "error", "unfinished", or ""
    """

    data: bytes = b""
    text: str = ""
    weight: int = 0
    pause: float = 0.0
    pings: bool = False
    close: Literal["", "fin", "rst", "end"] = ""
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the request decides about its answer."""

    message_id: str
    request_id: str
    model: str
    usage: Mapping[str, Any]
    max_tokens: int
    stops: tuple[str, ...]
    display: str
    tool: str  # the name of a tool that a ToolUse without a name calls
    first_text: float


def event(kind: str, *, ascii_only: bool = False, named: bool = True, **fields: Any) -> bytes:
    """One event as bytes. `ascii_only`: emoji travel as escaped surrogate pairs, which JSON allows."""
    data = json.dumps({"type": kind, **fields}, ensure_ascii=ascii_only, separators=(",", ":"))
    name = f"event: {kind}\n" if named else ""
    return f"{name}data: {data}\n\n".encode()


def pieces(text: str, *, size: int | None = None, pairs: bool = False) -> Iterator[str]:
    """Cut text into deltas of varying, repeatable sizes. `pairs`: after the first half of every emoji, too."""
    if pairs:
        raw = text.encode("utf-16-le")
        text = "".join(chr(int.from_bytes(raw[i : i + 2], "little")) for i in range(0, len(raw), 2))
    dice = random.Random(zlib.crc32(text.encode("utf-8", "surrogatepass")))
    ranges, weights = [pair[:2] for pair in _SIZES], [pair[2] for pair in _SIZES]
    at = 0
    while at < len(text):
        low, high = dice.choices(ranges, weights)[0]
        piece = text[at : at + (size or dice.randint(low, high))]
        first_half = next((i for i, unit in enumerate(piece) if "\ud800" <= unit <= "\udbff"), None)
        if first_half is not None:
            piece = piece[: first_half + 1]
        yield piece
        at += len(piece)


def limited(script: Script, frame: Frame) -> Script:
    """The script as far as stop sequences and max_tokens let it be said."""
    text = script.text
    found = [(at, stop) for stop in frame.stops if (at := text.find(stop)) >= 0]
    if found:
        at, stop = min(found)
        cut = script.stopped(at, "stop_sequence")
        script = Script(blocks=cut.blocks, stop_reason="stop_sequence", stop_sequence=stop, **_pace(script))
        text = script.text
    if tokens(text) > frame.max_tokens:
        script = script.stopped(frame.max_tokens * 4, "max_tokens")
    return script


def _pace(script: Script) -> dict[str, Any]:
    names = ("speed", "first_byte", "first_text", "piece", "write", "pairs", "pings", "faults")
    return {name: getattr(script, name) for name in names}


class Stream:
    """The steps of one streamed answer. Iterate once; it stops after a step that closes."""

    def __init__(self, script: Script, frame: Frame) -> None:
        self._script = limited(script.bent(), frame)
        self._frame = frame
        self._length = len(self._script.text)
        self._said = 0
        self._index = 0
        self._events = 0
        self._thought = 0
        self._named = True
        self._pending = sorted(
            (fault for fault in self._script.faults if fault.kind in _WITHIN), key=lambda fault: fault.where
        )

    def __iter__(self) -> Iterator[Step]:
        for step in self._steps():
            yield step
            if step.close:
                return

    def _steps(self) -> Iterator[Step]:
        yield from self._struck(before_start=True)
        yield self._event("message_start", message=self._message())
        first = True
        for block in self._script.blocks:
            pause = self._frame.first_text if first else 0.0
            yield from self._struck()
            yield from self._block(block, pause, first=first)
            first = False
            self._index += 1
        yield from self._struck(rest=True)
        yield self._event(
            "message_delta",
            delta={
                "stop_reason": self._script.stop_reason,
                "stop_sequence": self._script.stop_sequence,
                "stop_details": self._script.stop_details,
            },
            usage=self._usage(),
        )
        yield replace(self._event("message_stop"), ends=self._script.stop_reason)

    # ------------------------------------------------------------------------------------------------ events

    def _event(
        self, kind: str, *, text: str = "", weight: int = 0, pause: float = 0.0, **fields: Any
    ) -> Step:
        self._events += 1
        # Both ways of writing an emoji are JSON; a client meets both.
        data = event(
            kind, ascii_only=self._script.pairs or self._events % 3 == 0, named=self._named, **fields
        )
        if self._script.pings and self._events % self._script.pings == 0:
            data = PING + data
        return Step(data, text, weight, pause)

    def _message(self) -> dict[str, Any]:
        return {
            "id": self._frame.message_id,
            "type": "message",
            "role": "assistant",
            "model": self._frame.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": {**self._frame.usage, "output_tokens": 1, "service_tier": "standard"},
        }

    def _usage(self) -> dict[str, Any]:
        """The cumulative usage at the end."""
        return final_usage(self._script, self._frame, said=self._said, thought=self._thought)

    def _block(
        self, block: Text | Thinking | ToolUse | ServerTool, pause: float, *, first: bool
    ) -> Iterator[Step]:
        if isinstance(block, Text):
            yield from self._text(block, pause, first=first)
        elif isinstance(block, Thinking):
            yield from self._thinking(block, pause, first=first)
        elif isinstance(block, ToolUse):
            yield from self._tool(block, pause)
        else:
            yield from self._server_tool(block, pause)

    def _start(self, content: Mapping[str, Any], pause: float) -> Step:
        return self._event("content_block_start", pause=pause, index=self._index, content_block=content)

    def _delta(
        self, delta: Mapping[str, Any], *, text: str = "", weight: int = 0, pause: float = 0.0
    ) -> Step:
        return self._event(
            "content_block_delta", text=text, weight=weight, pause=pause, index=self._index, delta=delta
        )

    def _stop(self) -> Step:
        return self._event("content_block_stop", index=self._index)

    def _text(self, block: Text, pause: float, *, first: bool) -> Iterator[Step]:
        start: dict[str, Any] = {"type": "text", "text": ""}
        if block.citations:
            start["citations"] = []
        yield self._start(start, pause)
        if first:
            yield Step(PING)
        for piece in pieces(block.text, size=self._script.piece, pairs=self._script.pairs):
            rest = piece
            while rest:
                # A fault strikes at its very character, whatever the sizes of the deltas are.
                cut = self._room(len(rest))
                yield self._delta({"type": "text_delta", "text": rest[:cut]}, text=rest[:cut], weight=cut)
                self._said += cut
                rest = rest[cut:]
                yield from self._struck()
        if self._said >= self._length:
            # The last words are out: a fault scripted for a later character strikes here, never not at all.
            yield from self._struck(rest=True)
        for citation in block.citations:
            yield self._delta({"type": "citations_delta", "citation": citation})
        yield self._stop()

    def _thinking(self, block: Thinking, pause: float, *, first: bool) -> Iterator[Step]:
        self._thought += tokens(block.thinking)
        if block.redacted:
            yield self._start({"type": "redacted_thinking", "data": _opaque(block.thinking)}, pause)
            yield self._stop()
            return
        yield self._start({"type": "thinking", "thinking": "", "signature": ""}, pause)
        if first:
            yield Step(PING)
        if self._frame.display == "omitted":
            yield self._delta({"type": "thinking_delta", "thinking": ""}, pause=block.seconds)
        else:
            for piece in pieces(block.thinking, size=self._script.piece):
                yield self._delta({"type": "thinking_delta", "thinking": piece}, weight=len(piece))
        yield self._delta({"type": "signature_delta", "signature": _opaque(block.thinking)})
        yield self._stop()

    def _tool(self, block: ToolUse, pause: float) -> Iterator[Step]:
        name = block.name or self._frame.tool
        id_ = block.id or f"toolu_01{_opaque(self._frame.message_id + str(self._index))[:20]}"
        content = {"type": "tool_use", "id": id_, "name": name, "input": {}, "caller": {"type": "direct"}}
        yield self._start(content, pause)
        yield from self._input(block.input)
        yield self._stop()

    def _server_tool(self, block: ServerTool, pause: float) -> Iterator[Step]:
        id_ = f"srvtoolu_01{_opaque(self._frame.message_id + str(self._index))[:20]}"
        yield self._start({"type": "server_tool_use", "id": id_, "name": block.name, "input": {}}, pause)
        yield from self._input(block.input)
        yield self._stop()
        if block.results is None:
            return
        self._index += 1
        result = {"type": f"{block.name}_tool_result", "tool_use_id": id_, "content": list(block.results)}
        yield self._start(result, block.seconds)
        yield self._stop()

    def _input(self, value: Mapping[str, Any]) -> Iterator[Step]:
        """The first delta is empty; then one key and value at a time, cut anywhere."""
        yield self._delta({"type": "input_json_delta", "partial_json": ""})
        broken = any(fault.kind == "bad_tool_json" for fault in self._script.faults)
        words = json.dumps(value, ensure_ascii=False)
        for piece in pieces(words[:-1] + ', "limit": nil}' if broken else words, size=self._script.piece):
            yield self._delta({"type": "input_json_delta", "partial_json": piece}, weight=len(piece))

    # ------------------------------------------------------------------------------------------------ faults

    def _room(self, wanted: int) -> int:
        """How many of the wanted characters may be said before the next fault strikes."""
        ahead = [fault.where - self._said for fault in self._pending if fault.where > self._said]
        return min([wanted, *ahead])

    def _struck(self, *, before_start: bool = False, rest: bool = False) -> Iterator[Step]:
        """The faults that are due now. `rest`: the text is over; what has not struck yet strikes here."""
        here = -1 if before_start else self._said
        while self._pending and (rest or self._pending[0].where <= here):
            yield from self._strike(self._pending.pop(0))

    def _strike(self, fault: Fault) -> Iterator[Step]:
        if fault.kind == "error":
            kind = fault.error or "overloaded_error"
            error = {"type": kind, "message": fault.message or _ERROR_WORDS.get(kind, "Error")}
            data = event("error", error=error, request_id=self._frame.request_id)
            yield Step(data, close="end", ends=f"error {kind}")
        elif fault.kind in ("fin", "rst"):
            half = event(
                "content_block_delta", index=self._index, delta={"type": "text_delta", "text": "never"}
            )
            yield Step(half[: len(half) // 2], close="fin" if fault.kind == "fin" else "rst")
        elif fault.kind in ("stall", "pings"):
            yield Step(pause=fault.length, pings=fault.kind == "pings")
        elif fault.kind == "unfinished":
            yield Step(close="end", ends="unfinished")
        elif fault.kind == "bad_json":
            yield Step(b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n')
        elif fault.kind == "no_event":
            self._named = False
        elif fault.kind == "unknown_event":
            yield Step(event("message_weather", outlook="fair", index=self._index))
        elif fault.kind == "unknown_delta":
            delta = {"type": "aroma_delta", "aroma": "coffee"}
            yield Step(event("content_block_delta", index=self._index, delta=delta))


_WITHIN = frozenset(
    {
        "error",
        "fin",
        "rst",
        "stall",
        "pings",
        "unfinished",
        "bad_json",
        "no_event",
        "unknown_event",
        "unknown_delta",
    }
)
_ERROR_WORDS = {
    "overloaded_error": "Overloaded",
    "api_error": "Internal server error",
    "rate_limit_error": "This request would exceed your organization's rate limit.",
    "timeout_error": "Request timed out",
}


def _opaque(seed: str) -> str:
    """Letters that mean nothing, the same for the same seed: signatures, encrypted content, ids."""
    return "".join(
        random.Random(zlib.crc32(seed.encode())).choices(
            "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", k=44
        )
    )


def final_usage(script: Script, frame: Frame, *, said: int, thought: int) -> dict[str, Any]:
    """Usage as it stands when the answer has ended: thinking is part of the output."""
    output = max(1, -(-said // 4)) + thought
    searches = sum(isinstance(block, ServerTool) and block.name == "web_search" for block in script.blocks)
    usage = {key: value for key, value in frame.usage.items() if key != "cache_creation"}
    usage |= {"output_tokens": output, "output_tokens_details": {"thinking_tokens": thought}}
    if searches:
        usage["server_tool_use"] = {"web_search_requests": searches, "web_fetch_requests": 0}
    return usage


def whole(script: Script, frame: Frame) -> tuple[dict[str, Any], Script]:
    """The answer as one JSON message, for a request that does not stream; and the script as far as it was said."""
    script = limited(script.bent(), frame)
    content: list[dict[str, Any]] = []
    for index, block in enumerate(script.blocks):
        if isinstance(block, Text):
            entry: dict[str, Any] = {"type": "text", "text": block.text}
            if block.citations:
                entry["citations"] = list(block.citations)
            content.append(entry)
        elif isinstance(block, Thinking) and block.redacted:
            content.append({"type": "redacted_thinking", "data": _opaque(block.thinking)})
        elif isinstance(block, Thinking):
            words = "" if frame.display == "omitted" else block.thinking
            content.append({"type": "thinking", "thinking": words, "signature": _opaque(block.thinking)})
        else:
            kind = "tool_use" if isinstance(block, ToolUse) else "server_tool_use"
            prefix = "toolu_01" if isinstance(block, ToolUse) else "srvtoolu_01"
            id_ = (block.id if isinstance(block, ToolUse) else "") or (
                prefix + _opaque(frame.message_id + str(index))[:20]
            )
            content.append(
                {"type": kind, "id": id_, "name": block.name or frame.tool, "input": dict(block.input)}
            )
            if isinstance(block, ServerTool) and block.results is not None:
                content.append(
                    {"type": f"{block.name}_tool_result", "tool_use_id": id_, "content": list(block.results)}
                )
    thought = sum(tokens(block.thinking) for block in script.blocks if isinstance(block, Thinking))
    message = {
        "id": frame.message_id,
        "type": "message",
        "role": "assistant",
        "model": frame.model,
        "content": content,
        "stop_reason": script.stop_reason,
        "stop_sequence": script.stop_sequence,
        "stop_details": script.stop_details,
        "usage": {
            **frame.usage,
            **final_usage(script, frame, said=len(script.text), thought=thought),
            "service_tier": "standard",
        },
    }
    return message, script
