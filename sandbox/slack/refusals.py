"""How Slack says no. Law: a refusal is a code that Slack documents (or that others have met), never an HTTP error.

Slack answers almost every mistake with HTTP 200 and `{"ok": false, "error": code}`; only an exceeded limit is a 429.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class SlackError(Exception):
    """The call is refused with `code`; `messages` are Slack's `response_metadata.messages` ("[ERROR] ...")."""

    def __init__(self, code: str, messages: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.messages = tuple(messages)
        self.extra = extra

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            if self.code == "invalid_blocks":
                body["errors"] = list(self.messages)
            body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return body


class MisusedError(LookupError):
    """A person of the sandbox was told to do what no person could (press a button that is not there)."""
