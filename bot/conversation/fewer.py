"""A question without the files that Claude refuses. Law: one bad file costs neither the answer nor any later one.

Claude's API refuses a request as a whole, with a file of an earlier turn as well as with a new one, and says only
sometimes which block it was. What is left out is remembered as unreadable once a request without it is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from anthropic.types import MessageParam

from bot.claude.documents import Document
from bot.conversation.attachments import Seen, Shown, unread

Told: TypeAlias = Callable[[Sequence[Sequence[Shown]]], Sequence[MessageParam]]

_WHERE: Final = re.compile(r"messages\.(\d+)\.content\.(\d+)")


@dataclass
class Fewer:
    """Of one request.

    shown   the files of each turn
    seen    those of them that may be refused: images and PDFs
    tell    makes messages of the turns with these files
    taken_without  what is to be done once Claude has answered without these
    """

    shown: list[tuple[Shown, ...]]
    seen: Sequence[Seen]
    tell: Told
    taken_without: Callable[[Sequence[Seen]], None]
    _messages: Sequence[MessageParam] = ()
    _out: list[Seen] = field(default_factory=list)

    def without(self, refusal: str, /, *, everything: bool = False) -> Sequence[MessageParam] | None:
        """Without the file that the refusal names, else without the newest turn's that are left."""
        left = [one for one in self.seen if one not in self._out and _stands(one, self.shown[one.turn])]
        if not left:
            return None
        newest = max(one.turn for one in left)
        out = left if everything else self._named(refusal, left) or [o for o in left if o.turn == newest]
        self._out += out
        for one in out:
            turn = self.shown[one.turn]
            self.shown[one.turn] = tuple(
                unread(one.attachment) if shown is one.document else shown for shown in turn
            )
        self._messages = self.tell(self.shown)
        return self._messages

    def taken(self) -> None:
        self.taken_without(self._out)

    def _named(self, refusal: str, left: Sequence[Seen]) -> list[Seen]:
        where = _WHERE.search(refusal)
        if where is None:
            return []
        data = _data(self._messages or self.tell(self.shown), int(where[1]), int(where[2]))
        return [one for one in left if data and one.document.data == data]


def _stands(seen: Seen, shown: Sequence[Shown]) -> bool:
    return any(one is seen.document for one in shown if isinstance(one, Document))


def _data(messages: Sequence[MessageParam], message: int, block: int) -> str:
    """The base64 of the file that stands there."""
    content = messages[message]["content"] if message < len(messages) else ""
    blocks = [] if isinstance(content, str) else list(content)
    found: Any = blocks[block] if block < len(blocks) else None
    source = found.get("source") if isinstance(found, Mapping) else None
    data = source.get("data") if isinstance(source, Mapping) else None
    return data if isinstance(data, str) else ""
