"""Tokens, and the prompt cache. Law: the same request costs the same, and only what was marked is cached.

A token is four characters here: near enough to English text for sums that a test can do in its head.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sandbox.claude.models import Model
from sandbox.clock import Clock

CHARACTERS_PER_TOKEN = 4


def tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def input_tokens(body: Mapping[str, Any]) -> int:
    """What count_tokens answers: system, tools and messages, as one sum."""
    return sum(_sizes(body))


def _parts(body: Mapping[str, Any]) -> list[Any]:
    """The prompt in the order in which it is cached: tools, system, then the messages."""
    messages = body.get("messages")
    return [body.get("tools"), body.get("system"), *(messages if isinstance(messages, list) else ())]


def _sizes(body: Mapping[str, Any]) -> list[int]:
    return [tokens(_words(part)) if part else 0 for part in _parts(body)]


def _words(part: Any) -> str:
    """What of a part is read by the model; base64 of an image is not words."""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "".join(map(_words, part))
    if isinstance(part, Mapping):
        if part.get("type") == "base64":
            return " " * 4096  # an image of ordinary size is about a thousand tokens
        return "".join(
            _words(value) for key, value in part.items() if key not in ("cache_control", "signature")
        )
    return "" if part is None else str(part)


def _marked(part: Any) -> bool:
    if isinstance(part, list):
        return any(map(_marked, part))
    if isinstance(part, Mapping):
        return bool(part.get("cache_control")) or any(map(_marked, part.values()))
    return False


def _hour(part: Any) -> bool:
    """Whether a mark asks for the longer of the two lives."""
    if isinstance(part, list):
        return any(map(_hour, part))
    if isinstance(part, Mapping):
        mark = part.get("cache_control")
        return (isinstance(mark, Mapping) and mark.get("ttl") == "1h") or any(map(_hour, part.values()))
    return False


def _plain(part: Any) -> Any:
    """A part without its marks, and with a lone string as the block that it stands for: both read the same."""
    if isinstance(part, list):
        return [_plain(value) for value in part]
    if isinstance(part, Mapping):
        return {
            key: [{"type": "text", "text": value}]
            if key == "content" and isinstance(value, str)
            else _plain(value)
            for key, value in part.items()
            if key != "cache_control"
        }
    return part


class Cache:
    """Prefixes that were marked with cache_control, for as long as they live."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        clock.declare("claude.cache", 300.0)  # "5m" is the default ttl; "1h" is twelve times that
        self._until: dict[str, float] = {}

    def usage(self, body: Mapping[str, Any], model: Model) -> dict[str, Any]:
        """The input side of `usage`; what is marked is kept for the next request."""
        now = self._clock.now()
        sizes, parts = _sizes(body), _parts(body)
        digest = hashlib.sha256(model.id.encode())
        keys: list[str] = []
        for part in parts:
            digest.update(json.dumps(_plain(part), sort_keys=True).encode())
            keys.append(digest.hexdigest())
        ends = [index for index, part in enumerate(parts) if _marked(part)]
        if body.get("cache_control"):
            ends.append(len(parts) - 1)
        ends = [end for end in ends if sum(sizes[: end + 1]) >= model.cacheable]
        read = written = 0
        if ends:
            last = max(ends)
            hits = [index for index in range(last + 1) if self._until.get(keys[index], -1.0) > now]
            read = sum(sizes[: hits[-1] + 1]) if hits else 0
            written = sum(sizes[: last + 1]) - read
            until = now + self._clock.duration("claude.cache") * (12.0 if _hour(body) else 1.0)
            for end in (*ends, *hits[-1:]):
                self._until[keys[end]] = until
        return {
            "input_tokens": sum(sizes) - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0 if _hour(body) else written,
                "ephemeral_1h_input_tokens": written if _hour(body) else 0,
            },
        }
