"""What one answer consists of, and what goes wrong with it. Law: pure data; nothing here waits, writes or counts.

A `Script` is the whole of one answer: its blocks in order, why it stops, how fast it is said. A `Fault` is one
thing that goes wrong, at a character of the answer's text. Faults that only change what is answered (a refusal,
a cut by max_tokens) are turned into another script here; the others are played by stream.py and server.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

# ---------------------------------------------------------------------------------------------------- blocks


@dataclass(frozen=True, slots=True)
class Text:
    """Words that a reader sees. `citations` come after the text, as citations_delta."""

    text: str
    citations: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Thinking:
    """Reasoning. Whether its words travel is the request's choice (`thinking.display`).

    `seconds`: how long it lasts where the words are omitted and so set no pace.
    """

    thinking: str
    seconds: float = 1.0
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of one of the client's tools. `name` "" means the first tool that the request offers."""

    name: str
    input: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A call of a tool that the API runs itself. `results` None leaves it open, as a paused turn does."""

    name: str
    input: Mapping[str, Any]
    results: tuple[Mapping[str, Any], ...] | None = ()
    seconds: float = 1.0


Block: TypeAlias = Text | Thinking | ToolUse | ServerTool

StopReason: TypeAlias = Literal[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
]

# ---------------------------------------------------------------------------------------------------- faults

Kind: TypeAlias = Literal[
    "http",
    "drop",
    "slow",
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
    "bad_tool_json",
    "refusal",
    "max_tokens",
    "pause_turn",
    "model_context_window_exceeded",
    "empty",
    "tool_only",
]

KINDS: Mapping[Kind, str] = {
    "http": "an HTTP error before the stream: status (default 529), error, message, error_code, retry_after",
    "drop": "the connection closes without any answer",
    "slow": "the first byte of the answer comes after `seconds` (default 10)",
    "error": "`event: error` inside the stream: error (default overloaded_error), message",
    "fin": "the connection closes in the middle of an event",
    "rst": "the connection is reset in the middle of an event",
    "stall": "nothing is sent for `seconds` (default 60), then it goes on",
    "pings": "only pings are sent for `seconds` (default 60), then it goes on",
    "unfinished": "the body ends properly, without message_delta and message_stop",
    "bad_json": "a data line that is not JSON, then it goes on",
    "no_event": "from here on the `event:` lines are missing (at=-1: all of them)",
    "unknown_event": "an event of a type that nobody knows, then it goes on",
    "unknown_delta": "a delta of a type that nobody knows, then it goes on",
    "bad_tool_json": "a tool's input that is not JSON",
    "refusal": "stops with a refusal; category, no words of explanation in the text",
    "max_tokens": "stops as if max_tokens had been reached",
    "pause_turn": "stops with an open server tool, to be continued by the client",
    "model_context_window_exceeded": "stops because the context is full",
    "empty": "no content at all, end_turn",
    "tool_only": "nothing but a tool call",
}

# Where no character is named, a fault within the text strikes here: after a first line has been seen.
_AT: Mapping[str, int] = {
    "error": 200,
    "fin": 200,
    "rst": 200,
    "stall": 200,
    "pings": 200,
    "unfinished": 200,
    "bad_json": 200,
    "no_event": -1,
    "unknown_event": 20,
    "unknown_delta": 20,
    "max_tokens": 200,
    "pause_turn": 200,
    "model_context_window_exceeded": 200,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. See `KINDS` for what each kind does and which fields it reads.

    at       characters of text after which it strikes; -1 is before message_start; None: the kind's default
    seconds  sandbox seconds (slow, stall, pings)
    times    how many requests it strikes, then they succeed; 0: all of them
    """

    kind: Kind
    at: int | None = None
    status: int = 529
    error: str = ""
    message: str = ""
    error_code: str = ""
    retry_after: float | None = None
    seconds: float | None = None
    category: str | None = None
    times: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(KINDS)}")
        if self.kind == "http" and not 400 <= self.status <= 599:
            raise ValueError(f"an HTTP fault has a status from 400 to 599, not {self.status}")
        if self.times < 0:
            raise ValueError(f"a fault strikes 0 (always) or more times, not {self.times}")

    @property
    def where(self) -> int:
        return _AT.get(self.kind, 0) if self.at is None else self.at

    @property
    def length(self) -> float:
        if self.seconds is not None:
            return self.seconds
        return 10.0 if self.kind == "slow" else 60.0


# ---------------------------------------------------------------------------------------------------- scripts


@dataclass(frozen=True, slots=True)
class Script:
    """One answer.

    speed       characters per sandbox second; None: the server's
    first_byte  sandbox seconds before the response's headers; None: the duration "claude.first_byte"
    first_text  sandbox seconds from message_start to the first block; None: the duration "claude.first_text"
    piece       every text delta has this many characters; None: they vary, as Claude's do
    write       bytes per write to the socket, regardless of where events end; None: one event per write
    pairs       emoji are cut in the middle of their surrogate pair, over two deltas
    pings       a ping before every n-th event; 0: one, after the first block has begun
    raw         a recorded body, sent byte for byte; nothing else of the script is then read but `speed`
    faults      what goes wrong on the way
    """

    blocks: tuple[Block, ...] = ()
    stop_reason: StopReason = "end_turn"
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None
    speed: float | None = None
    first_byte: float | None = None
    first_text: float | None = None
    piece: int | None = None
    write: int | None = None
    pairs: bool = False
    pings: int = 0
    raw: bytes | None = None
    faults: tuple[Fault, ...] = field(default=())

    @classmethod
    def say(cls, text: str, **fields: Any) -> Script:
        """An answer that is nothing but text."""
        return cls(blocks=(Text(text),), **fields)

    @property
    def text(self) -> str:
        """All that a reader sees of it."""
        return "".join(block.text for block in self.blocks if isinstance(block, Text))

    def upto(self, characters: int) -> tuple[Block, ...]:
        """The blocks until so many characters of text have been said; later blocks of any kind are left out."""
        kept: list[Block] = []
        left = max(0, characters)
        for block in self.blocks:
            if not isinstance(block, Text):
                kept.append(block)
                continue
            if len(block.text) >= left:
                if left:
                    kept.append(Text(block.text[:left]))
                break
            kept.append(block)
            left -= len(block.text)
        return tuple(kept)

    def after(self, characters: int) -> Script:
        """What is left of it after so many characters of text."""
        kept: list[Block] = []
        left = characters
        for block in self.blocks:
            if isinstance(block, Text):
                rest, left = block.text[left:], max(0, left - len(block.text))
                if rest:
                    kept.append(replace(block, text=rest))
            elif not left:
                kept.append(block)
        return replace(self, blocks=tuple(kept))

    def stopped(self, at: int, reason: StopReason, details: Mapping[str, Any] | None = None) -> Script:
        return replace(self, blocks=self.upto(at), stop_reason=reason, stop_details=details)

    def bent(self) -> Script:
        """The script after those of its faults that only change what is answered."""
        script = self
        for fault in self.faults:
            script = script._bent_by(fault)
        return script

    def _bent_by(self, fault: Fault) -> Script:
        if fault.kind == "refusal":
            details = {"type": "refusal", "category": fault.category, "explanation": fault.message or None}
            return self.stopped(fault.where, "refusal", details)
        if fault.kind == "max_tokens":
            return self.stopped(fault.where, "max_tokens")
        if fault.kind == "model_context_window_exceeded":
            return self.stopped(fault.where, "model_context_window_exceeded")
        if fault.kind == "pause_turn":
            paused = self.stopped(fault.where, "pause_turn")
            search = ServerTool("web_search", {"query": "the rest of the answer"}, results=None)
            return replace(paused, blocks=(*paused.blocks, search))
        if fault.kind == "empty":
            return replace(self, blocks=(), stop_reason="end_turn")
        if fault.kind in ("tool_only", "bad_tool_json"):
            call = ToolUse("", {"query": "the answer", "limit": 3})
            before = self.upto(fault.where) if fault.kind == "bad_tool_json" else ()
            return replace(self, blocks=(*before, call), stop_reason="tool_use")
        return self


# ---------------------------------------------------------------------------------------------------- what a client does

Piece: TypeAlias = Script | Fault | str
"""What can be queued for the next request: a whole script, a fault on whatever is answered, or an answer's text."""
