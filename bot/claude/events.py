"""What one answer of Claude's is made of, as its readers see it. Law: an answer is whole only when `Done` came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bot.claude.faults import ClaudeFault


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply, summed over its calls."""

    tokens_in: int = 0
    tokens_out: int = 0
    cache_read: int = 0
    cache_written: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cache_read + other.cache_read,
            self.cache_written + other.cache_written,
        )


@dataclass(frozen=True, slots=True)
class Text:
    """More of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """The model began to think; nothing of it is shown."""


@dataclass(frozen=True, slots=True)
class Working:
    """The model began to use a tool."""

    tool: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """Nothing has been said yet and the next try comes in `seconds`."""

    fault: ClaudeFault
    seconds: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What the answer has cost so far, all its calls together; a broken answer is billed too."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is whole. `stop_reason` as the API names it."""

    stop_reason: str


AnswerEvent: TypeAlias = Text | Thinking | Working | Retrying | Spent | Done
